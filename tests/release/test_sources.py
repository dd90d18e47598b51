"""What is built is the commit, with what is changed, and nothing that lies beside it; its archive tells no machine."""

import os
import shutil
import subprocess
import tarfile
import zipfile

import pytest

from release.packages import COMPILED, refuse_wheel
from release.refusal import Refused
from release.sources import copy_of, settle

if shutil.which("git") is None:
    pytest.skip("needs git", allow_module_level=True)


def git(tree, *words):
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@invalid")
    done = subprocess.run(["git", *who, *words], cwd=tree, check=True, capture_output=True, text=True)
    return done.stdout


def files_of(tree):
    return {
        str(one.relative_to(tree)): one.read_text()
        for one in tree.rglob("*")
        if one.is_file() and ".git/" not in str(one)
    }


def test_a_copy_has_what_is_changed_new_staged_and_removed_and_not_what_git_ignores(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    git(tree, "init", "--quiet")
    for name in ("kept", "changed", "removed", "staged"):
        (tree / name).write_text("before")
    (tree / ".gitignore").write_text("build/\n")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "one")
    (tree / "removed").unlink()
    (tree / "staged").write_text("staged")
    git(tree, "add", "staged")
    for name in ("changed", "folder/new", "build/old"):
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text("now")
    copy = copy_of(tree, tmp_path / "copy")
    assert files_of(copy) == {
        ".gitignore": "build/\n", "kept": "before", "changed": "now", "staged": "staged", "folder/new": "now",
    }  # fmt: skip
    assert not git(copy, "status", "--porcelain"), "all of it is committed there"
    assert set(git(copy, "ls-files").split()) == set(files_of(copy))


def packed(folder, archive, names):
    with tarfile.open(archive, "w:gz") as tar:
        for name in names:
            tar.add(folder / name, arcname=f"thing-1/{name}")


def test_an_archive_is_the_same_whoever_packed_it_when(tmp_path):
    for folder, mode, seconds in (("one", 0o600, 1e9), ("two", 0o664, 1.5e9)):
        (tmp_path / folder).mkdir()
        for name in ("a", "b"):
            path = tmp_path / folder / name
            path.write_text(name)
            path.chmod(mode)
            os.utime(path, (seconds, seconds + 0.25))
        (tmp_path / folder / "b").chmod(mode | 0o100)
    packed(tmp_path / "one", tmp_path / "one.tar.gz", ["a", "b"])
    packed(tmp_path / "two", tmp_path / "two.tar.gz", ["b", "a"])
    for name in ("one", "two"):
        settle(tmp_path / f"{name}.tar.gz", 1772352000)
    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "one.tar.gz") as tar:
        told = {one.name: (oct(one.mode), one.mtime, one.uid, tar.extractfile(one).read()) for one in tar}
    assert told == {"thing-1/a": ("0o644", 1772352000, 0, b"a"), "thing-1/b": ("0o755", 1772352000, 0, b"b")}


def test_a_wheel_that_is_too_large_or_lacks_what_is_compiled_is_refused(tmp_path):
    wheel = tmp_path / "thing.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr(COMPILED[0], b"")
    with pytest.raises(Refused, match=r"lacks edge/clips/_planes\.abi3\.so: no C compiler here"):
        refuse_wheel(wheel)
    with zipfile.ZipFile(wheel, "w") as file:
        for name in COMPILED:
            file.writestr(name, b"")
    refuse_wheel(wheel)
    with wheel.open("r+b") as file:
        file.seek(0)
        rest = wheel.read_bytes()
    wheel.write_bytes(b"\0" * 81_000_000 + rest)
    with pytest.raises(Refused, match=r"has 81 MB, more than 80"):
        refuse_wheel(wheel)
