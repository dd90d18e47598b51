"""Installed versions: at whatever step the power goes, the old or the new profile is there, whole."""

import io
import json
import os
import pathlib
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

from edge.basics.errors import InputOutputError, ModelError
from edge.models.bundle import BUNDLE_NAME, BundledFile, contents_bytes, read_contents
from edge.models.bundle_file import opened_bundle
from edge.models.profile import load_profile
from edge.updates.pruning import Pruned
from edge.updates.store import ModelStore

REQUIRED = ("name", "version", "input", "output", "networks", "training", "metrics", "licence", "made_at")


def files_of(version: str) -> dict[str, bytes]:
    """A profile in small: the graph is no ONNX, which nobody looks at here."""
    graph = f"graph {version}".encode()
    manifest = {
        **dict.fromkeys(REQUIRED, "-"),
        "profile": "live",
        "version": version,
        "sha256": sha256(graph).hexdigest(),
    }
    return {"model.json": json.dumps(manifest).encode(), "model.onnx": graph}


def contents_of(files: dict[str, bytes], /, **changes: object) -> bytes:
    bundled = {name: BundledFile(len(content), sha256(content).hexdigest()) for name, content in files.items()}
    record = json.loads(contents_bytes("live", "1", sha256(files["model.onnx"]).hexdigest(), bundled))
    return json.dumps({**record, **changes}).encode()


def tar_of(members: list[tuple[str, bytes]], change=lambda member: member) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(change(member), io.BytesIO(content))
    return file.getvalue()


@pytest.fixture
def bundle(tmp_path):
    """`bundle(version)`: a bundle on the disk and its sha256."""

    def made(version: str) -> tuple[Path, str]:
        files = files_of(version)
        content = tar_of([(BUNDLE_NAME, contents_of(files)), *files.items()])
        path = tmp_path / f"{version}.bundle"
        path.write_bytes(content)
        return path, sha256(content).hexdigest()

    return made


def install(store, bundle, digest):
    """The steps of `edge-enhance model install`."""
    with store.locked(), opened_bundle(bundle) as opened:
        name, _ = store.take(opened, digest, lambda part: None)
        store.use("live", name)
        store.prune()


def version_in_use(root) -> str:
    """What the runtime would run; every hash is checked by it."""
    return load_profile("live", (root,)).manifest["version"]


class PowerCut(BaseException):
    """Nothing after this runs, no clean-up either."""


class Countdown:
    """Ends the program at the n-th call of the system that changes the disk, before it or after it."""

    CALLS = ("open", "rename", "replace", "symlink", "unlink", "mkdir", "rmdir", "fsync", "chmod", "fchmod")

    def __init__(self, monkeypatch, num_calls, error):
        self.left, self.error, self.is_off = num_calls, error, False
        accessor = getattr(pathlib, "_NormalAccessor", None)  # Python 3.10's own names for the calls of os
        for name in self.CALLS:
            call = getattr(os, name)
            if getattr(accessor, name, None) is call:
                monkeypatch.setattr(accessor, name, staticmethod(self._counted(call)))
            monkeypatch.setattr(os, name, self._counted(call))

    def _counted(self, call):
        def counted(*args, **kwargs):
            if isinstance(self.error, PowerCut) and self.is_off:
                raise self.error
            self.left -= 1
            if self.left == 0:
                self.is_off = True
                raise self.error
            return call(*args, **kwargs)

        return counted


def is_clean(root) -> bool:
    """One or two versions, the link, the lock, and nothing else."""
    versions = {path.name for path in (root / "versions").iterdir()} - {".lock"}
    others = {path.name for path in root.iterdir()} - {"versions", "live"}
    kept = {(root / "live").resolve().name}
    previous = root / "live" / "previous"
    kept |= {previous.resolve().name} if previous.is_symlink() else set()
    return not others and versions == kept and not [path for path in root.rglob(".*") if path.name.endswith(".part")]


@pytest.mark.parametrize("step", range(1, 70))
def test_a_power_cut_at_any_step_leaves_the_old_or_the_new_one(tmp_path, bundle, step):
    root = tmp_path / "models"
    store = ModelStore(root)
    for version in ("1", "2"):
        install(store, *bundle(version))
    third = bundle("3")
    with pytest.MonkeyPatch.context() as patch:
        countdown = Countdown(patch, step, PowerCut())
        try:
            install(store, *third)
        except PowerCut:
            assert countdown.is_off
    assert version_in_use(root) in ("2", "3")
    in_use = version_in_use(root)
    store.remove_leftovers()
    assert version_in_use(root) == in_use and is_clean(root)
    assert store.checked(store.previous_of(store.in_use("live"))) is not None
    install(store, *third)
    assert version_in_use(root) == "3" and is_clean(root)


def roll_back(store):
    """The steps of `edge-enhance model rollback`."""
    with store.locked():
        before = store.in_use("live")
        name = store.previous_of(before)
        store.set_previous(name, before)
        store.use("live", name)
        store.prune()


@pytest.mark.parametrize("step", range(1, 30))
def test_a_power_cut_at_any_step_of_a_rollback_leaves_both(tmp_path, bundle, step):
    root = tmp_path / "models"
    store = ModelStore(root)
    for version in ("1", "2"):
        install(store, *bundle(version))
    with pytest.MonkeyPatch.context() as patch:
        countdown = Countdown(patch, step, PowerCut())
        try:
            roll_back(store)
        except PowerCut:
            assert countdown.is_off
    is_back = version_in_use(root) == "1"
    assert is_back or countdown.is_off
    store.remove_leftovers()
    assert is_clean(root) and len(store.names()) == 2
    roll_back(store)
    assert version_in_use(root) == ("2" if is_back else "1")


def test_the_steps_above_reach_the_end_of_an_install(tmp_path, bundle, monkeypatch):
    store = ModelStore(tmp_path / "models")
    for version in ("1", "2"):
        install(store, *bundle(version))
    third = bundle("3")
    countdown = Countdown(monkeypatch, 10_000, PowerCut())
    install(store, *third)
    assert 20 < 10_000 - countdown.left < 69


@pytest.mark.parametrize("step", range(1, 70, 3))
def test_a_full_disk_at_any_step_is_told_and_the_old_one_stays(tmp_path, bundle, step):
    root = tmp_path / "models"
    store = ModelStore(root)
    install(store, *bundle("1"))
    second = bundle("2")
    with pytest.MonkeyPatch.context() as patch:
        countdown = Countdown(patch, step, OSError(28, "No space left on device"))
        try:
            install(store, *second)
        except InputOutputError as error:
            assert "No space left" in str(error) and "\n" not in str(error)
        else:
            assert not countdown.is_off or version_in_use(root) == "2"
    assert version_in_use(root) in ("1", "2")
    store.remove_leftovers()
    assert is_clean(root)


def test_two_commands_do_not_meet(tmp_path, bundle):
    store = ModelStore(tmp_path / "models")
    with store.locked():
        with pytest.raises(InputOutputError, match="another edge-enhance model command"):
            install(ModelStore(tmp_path / "models"), *bundle("1"))
        part = f".live-{16 * '0'}.edge.part"
        (tmp_path / "models" / "versions" / part).mkdir()
        assert store.remove_leftovers().removed == []  # an install at work is no leftover
    assert [path.name for path in store.remove_leftovers().removed] == [part]


def test_no_folder_has_no_leftovers_and_none_is_made(tmp_path):
    assert ModelStore(tmp_path / "none").remove_leftovers() == Pruned()
    assert not (tmp_path / "none").exists()


def test_whoever_installs_the_service_can_read(tmp_path, bundle):
    old = os.umask(0o077)
    try:
        install(ModelStore(tmp_path / "models"), *bundle("1"))
    finally:
        os.umask(old)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "models" / "live").resolve().iterdir()}
    assert modes == {0o644}
    assert (tmp_path / "models" / "live").resolve().stat().st_mode & 0o777 == 0o755


FILES = files_of("1")
OUTSIDE = {**FILES, "../../evil": b"x"}


def tar_about(**changes: object) -> bytes:
    """Only the contents, changed."""
    return tar_of([(BUNDLE_NAME, contents_of(FILES, **changes))])


def tar_whole(*more: tuple[str, bytes], files: dict[str, bytes] = FILES, change=lambda member: member) -> bytes:
    return tar_of([(BUNDLE_NAME, contents_of(files)), *files.items(), *more], change)


def renamed(name):
    def change(member):
        member.name = name if member.name == "model.onnx" else member.name
        return member

    return change


def as_link(kind):
    def change(member):
        if member.name == "model.onnx":
            member.type, member.linkname, member.size = kind, "/etc/passwd", 0
        return member

    return change


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(tar_whole(files=OUTSIDE), "no file of a profile", id="path"),
        pytest.param(tar_whole(change=renamed("/etc/passwd")), "not as announced", id="absolute path"),
        pytest.param(tar_whole(change=as_link(tarfile.SYMTYPE)), "no plain file", id="symbolic link"),
        pytest.param(tar_whole(change=as_link(tarfile.LNKTYPE)), "no plain file", id="hard link"),
        pytest.param(tar_whole(change=as_link(tarfile.CHRTYPE)), "no plain file", id="device"),
        pytest.param(tar_whole(change=as_link(tarfile.XHDTYPE)), "no plain file", id="extended header"),
        pytest.param(tar_whole(*FILES.items()), "not as announced", id="twice"),
        pytest.param(tar_about(), "lacks model.json, model.onnx", id="files missing"),
        pytest.param(tar_of(list(FILES.items())), "does not begin with bundle.json", id="no contents"),
        pytest.param(tar_of([(BUNDLE_NAME, b"{")]), "not JSON", id="contents cut"),
        pytest.param(tar_of([(BUNDLE_NAME, b"[" * 100_000)]), "not JSON", id="contents nested"),
        pytest.param(tar_of([(BUNDLE_NAME, b"[]")]), "format None", id="no object"),
        pytest.param(tar_of([(BUNDLE_NAME, b" " * 300_000)]), "does not begin", id="contents huge"),
        pytest.param(tar_about(format=2), "format 2", id="another format"),
        pytest.param(tar_about(profile="../x"), "profile is '../x'", id="profile"),
        pytest.param(tar_about(profile=None), "profile is None", id="no profile"),
        pytest.param(tar_about(files=[]), "files is no table", id="files a list"),
        pytest.param(tar_about(files={}), "model.json, model.onnx", id="no files"),
        pytest.param(tar_about(files={"model.onnx": None}), "with None bytes", id="file a null"),
        pytest.param(tar_about(files={"model.onnx": {"bytes": 1 << 40}}), "with 1099511627776 bytes", id="huge"),
        pytest.param(tar_about(files={"model.onnx": {"bytes": True}}), "with True bytes", id="size no number"),
        pytest.param(tar_about(files={"model.onnx": {"bytes": 1, "sha256": 5}}), "without a sha256", id="no hash"),
        pytest.param(tar_about(model_sha256="0" * 64), "model_sha256 is not as announced", id="another model"),
        pytest.param(b"\x1f\x8b" + bytes(2000), "no bundle", id="gzip"),
        pytest.param(bytes(range(256)) * 20, "no bundle", id="noise"),
        pytest.param(bytes(4096), "does not begin", id="zeros"),
    ],
)
def test_a_hostile_bundle_writes_nothing_outside_and_leaves_nothing(tmp_path, content, message):
    path = tmp_path / "x.bundle"
    path.write_bytes(content)
    store = ModelStore(tmp_path / "models")
    with pytest.raises(ModelError) as caught:
        install(store, path, sha256(content).hexdigest())
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert store.names() == [] and not (tmp_path / "models" / "live").exists()
    assert sorted(found.name for found in tmp_path.iterdir()) == ["models", "x.bundle"]


def test_a_member_longer_than_announced_is_refused_before_it_is_written(tmp_path):
    files = {**FILES, "model.onnx": FILES["model.onnx"] + b"!"}
    content = tar_of([(BUNDLE_NAME, contents_of(FILES)), *files.items()])
    (tmp_path / "x.bundle").write_bytes(content)
    with pytest.raises(ModelError, match="not as announced"):
        install(ModelStore(tmp_path / "models"), tmp_path / "x.bundle", sha256(content).hexdigest())


def test_a_bundle_with_a_terabyte_of_holes_behind_it_is_not_read_to_its_end(tmp_path):
    content = tar_whole()
    (tmp_path / "x.bundle").write_bytes(content)
    os.truncate(tmp_path / "x.bundle", 1 << 40)
    with pytest.raises(ModelError, match="more than it announces"):
        install(ModelStore(tmp_path / "models"), tmp_path / "x.bundle", "0" * 64)


def test_contents_are_read_back_as_they_were_written():
    contents = read_contents(contents_of(FILES), "x")
    assert {name: file.num_bytes for name, file in contents.files.items()} == {
        name: len(content) for name, content in FILES.items()
    }
