"""The tree that a release is built from, and the archive of it: nothing of this machine or this day is in them."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
from pathlib import Path

from release.refusal import output_of

_NOBODY = ("-c", "user.name=edge-enhance", "-c", "user.email=none@invalid")


def copy_of(tree: Path, place: Path) -> Path:
    """A checkout of the same commit, with what is changed or new in the tree, and without what git ignores."""
    output_of(["git", "clone", "--quiet", "--shared", "--no-tags", str(tree), str(place)], tree)
    names = output_of(["git", "ls-files", "-z", "--modified", "--others", "--exclude-standard"], tree).split("\0")
    staged = output_of(["git", "diff", "-z", "--name-only", "--no-renames", "HEAD"], tree).split("\0")
    changed = sorted({*names, *staged} - {""})
    for name in changed:
        (place / name).unlink(missing_ok=True)
        if (tree / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(tree / name, place / name)
    if changed:  # setuptools-scm asks the commit which files there are
        output_of(["git", "add", "--all"], place)
        output_of(["git", *_NOBODY, "commit", "--quiet", "--no-verify", "--message", "as it is now"], place)
    return place


def settle(archive: Path, seconds: int) -> None:
    """Write a .tar.gz again with its files by name, of one time (since 1970), nobody's, and readable by all."""
    packed = io.BytesIO()
    with tarfile.open(archive) as old, tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new:
        for one in sorted(old.getmembers(), key=lambda member: member.name):
            one.mtime, one.uid, one.gid, one.uname, one.gname, one.pax_headers = seconds, 0, 0, "", "", {}
            one.mode = 0o755 if one.isdir() or one.mode & 0o100 else 0o644
            new.addfile(one, old.extractfile(one) if one.isfile() else None)
    with archive.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=seconds) as squeezed:
        squeezed.write(packed.getvalue())
