"""`edge-enhance model`: what is wrong never gets in, what a running unit refuses goes out, rollback is one step."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edge.basics.whole_files import file_sha256
from edge.models.bundle_file import write_sum
from edge.models.profile import SHIPPED, load_profile
from edge.updates.command import main
from edge.updates.running_unit import RunningUnit
from export.graphs.profile import golden_answer
from export.on_unit.bundle import write_bundle
from export.on_unit.keys import new_key, read_private_key
from tests.doubles.ports import free_port
from tests.doubles.waiting import GUARD_S, wait_until
from tests.paths import REPOSITORY

DOUBLE = REPOSITORY / "tests" / "doubles" / "reloading_unit.py"
MADE_AT = "2026-11-26T08:00:00+00:00"
SHIPPED_SHA256 = load_profile("live").sha256


def set_manifest(folder, **changes):
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def reweighted(folder: Path, change) -> None:
    """Another head in both graphs. The manifest goes along, its golden answer does not."""
    for name in ("model.onnx", "dehaze.onnx"):
        model = onnx.load(str(folder / name))
        (head,) = (weight for weight in model.graph.initializer if len(weight.dims) == 4 and weight.dims[0] == 6)
        changed = np.ascontiguousarray(change(numpy_helper.to_array(head)))
        head.CopyFrom(numpy_helper.from_array(changed, head.name))
        onnx.save(model, str(folder / name))
    manifest = json.loads((folder / "model.json").read_text())
    manifest.pop("precisions")
    (folder / "model.fp16.onnx").unlink()
    digests = {"sha256": file_sha256(folder / "model.onnx"), "dehaze_sha256": file_sha256(folder / "dehaze.onnx")}
    (folder / "model.json").write_text(json.dumps({**manifest, **digests, "version": "3"}))


HEADS = {
    "other": lambda head: head * np.float32(0.8),
    "wrong": lambda head: head * np.float32(0.8),
    "senseless": lambda head: head * np.float32(-12),
}


@pytest.fixture(scope="session")
def bundles(made_once):
    """`shipped`; `other` with weights of its own; `wrong`, the same under the shipped golden answer; and `senseless`,
    which answers as announced and makes nothing of a throat."""
    return {path.stem: path for path in made_once("bundles", write_bundles).glob("*.bundle")}


def write_bundles(root):
    new_key(root / "hospital")
    for name in ("shipped", *HEADS):
        folder = root / name / "live"
        shutil.copytree(SHIPPED / "live", folder)
        if name != "shipped":
            reweighted(folder, HEADS[name])
        if name in ("other", "senseless"):
            manifest = json.loads((folder / "model.json").read_text())
            set_manifest(folder, golden=golden_answer((folder / "model.onnx").read_bytes(), manifest))
        write_bundle(load_profile("live", (root / name,)), root / f"{name}.bundle", (), hospital_key(root))


def hospital_key(root):
    return read_private_key(root / "hospital.key")


class Unit:
    """A unit's configuration, keys and model folder, and the command on it.

    A call installs what is older too, unless it says `is_held_to_age`.
    """

    def __init__(self, folder, capsys, public_key):
        self.keys = folder / "keys"
        self.keys.mkdir(mode=0o755)
        shutil.copy(public_key, self.keys)
        self.folder, self.models, self._capsys = folder, folder / "models", capsys
        self.config = folder / "edge.toml"
        self.listen_on(1)
        self.process = None

    def listen_on(self, port):
        self.config.write_text(
            f'web.listen = "127.0.0.1:{port}"\nengine.models = "{self.models}"\nengine.backend = "cpu"\n'
            f'engine.keys = "{self.keys}"\n'
        )

    def __call__(self, *argv, is_held_to_age=False):
        """Exit code, what was printed, and what was told on stderr."""
        self._capsys.readouterr()
        argv = argv if argv[0] != "install" or is_held_to_age else (*argv, "--downgrade")
        code = main([*map(str, argv), "--config", str(self.config)])
        printed = self._capsys.readouterr()
        assert "Traceback" not in printed.err and len(printed.err.splitlines()) <= 1
        return code, printed.out, printed.err

    @property
    def sha256(self):
        return load_profile("live", (self.models, SHIPPED)).sha256

    def versions(self):
        return sorted(path.name for path in (self.models / "versions").iterdir() if path.name != ".lock")

    def start(self, behaviour, *told):
        port_file = self.folder / "port"
        self.process = subprocess.Popen([sys.executable, DOUBLE, "--live", self.models, port_file, behaviour, *told])
        until_s = time.monotonic() + GUARD_S
        while not port_file.exists() and time.monotonic() < until_s:
            time.sleep(0.05)
        self.listen_on(port_file.read_text())


@pytest.fixture
def unit(tmp_path, capsys, bundles):
    made = Unit(tmp_path, capsys, bundles["shipped"].with_name("hospital.pub"))
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.wait()


@pytest.mark.slow
def test_install_rollback_and_back_again(unit, bundles):
    code, out, _ = unit("install", bundles["other"])
    assert code == 0 and "golden frame at" in out and "next start" in out
    first = unit.sha256
    assert first != SHIPPED_SHA256 and len(unit.versions()) == 1
    assert unit("install", bundles["shipped"])[0] == 0
    assert unit.sha256 == SHIPPED_SHA256 and len(unit.versions()) == 2
    assert unit("rollback")[0] == 0 and unit.sha256 == first
    assert unit("rollback")[0] == 0 and unit.sha256 == SHIPPED_SHA256
    assert len(unit.versions()) == 2


@pytest.mark.slow
def test_the_first_installed_one_rolls_back_to_the_shipped_profile(unit, bundles):
    unit("install", bundles["other"])
    code, out, _ = unit("rollback", "live")
    assert code == 0 and "the shipped live" in out
    assert unit.sha256 == SHIPPED_SHA256 and unit.versions() == []
    code, _, err = unit("rollback", "live")
    assert code == 78 and "nothing to go back from" in err


@pytest.mark.slow
def test_installing_what_is_in_use_keeps_its_previous_one(unit, bundles):
    for name in ("other", "shipped", "shipped"):
        assert unit("install", bundles[name])[0] == 0
    assert unit("rollback")[0] == 0
    assert unit.sha256 != SHIPPED_SHA256


@pytest.mark.slow
def test_only_the_one_in_use_and_the_one_before_are_kept(unit, bundles, tmp_path):
    for number in range(4):
        folder = tmp_path / str(number) / "live"
        shutil.copytree(SHIPPED / "live", folder)
        set_manifest(folder, version=f"1{number}")
        made = tmp_path / f"{number}.bundle"
        write_bundle(load_profile("live", (folder.parent,)), made, (), hospital_key(bundles["shipped"].parent))
        assert unit("install", tmp_path / f"{number}.bundle")[0] == 0
    assert len(unit.versions()) == 2
    out = unit("list")[1]
    assert "live: version 13" in out and "previous: version 12" in out


@pytest.mark.slow
def test_a_damaged_version_in_use_can_be_replaced(unit, bundles):
    unit("install", bundles["other"])
    (unit.models / "live" / "dehaze.onnx").write_bytes(b"rotten")
    assert "not to be used" in unit("list")[1]
    assert unit("install", bundles["other"])[0] == 0
    assert unit.sha256 != SHIPPED_SHA256 and len(unit.versions()) == 1


@pytest.mark.slow
def test_a_damaged_previous_version_is_not_rolled_back_to(unit, bundles):
    for name in ("other", "shipped"):
        unit("install", bundles[name])
    in_use = unit.sha256
    (previous,) = (name for name in unit.versions() if not (unit.models / "live").resolve().samefile(
        unit.models / "versions" / name))  # fmt: skip
    (unit.models / "versions" / previous / "model.onnx").write_bytes(b"rotten")
    code, _, err = unit("rollback")
    assert code == 78 and "not what was installed" in err and unit.sha256 == in_use


@pytest.mark.slow
@pytest.mark.parametrize(
    "is_one_in_use", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["on a bare unit", "over another"]
)
@pytest.mark.parametrize(
    ("spoil", "code", "message"),
    [
        pytest.param(lambda b: b.with_name("wrong.bundle"), 78, "golden frame comes out at", id="wrong weights"),
        pytest.param(lambda b: b.with_name("senseless.bundle"), 78, "structure is not the camera's", id="senseless"),
        pytest.param(lambda b: cut(b, 3_000_000), 78, "cut within model.onnx", id="cut"),
        pytest.param(lambda b: cut(b, 100), 78, "no bundle", id="cut header"),
        pytest.param(lambda b: cut(b, 0), 78, "no bundle", id="empty"),
        pytest.param(lambda b: flipped(b, 1_000_000), 78, "sha256 is not as announced", id="bit flipped"),
        pytest.param(lambda b: flipped(b, -1), 78, "copy it again", id="bit flipped at the end"),
        pytest.param(lambda b: b.parent, 74, "no such file", id="a folder"),
        pytest.param(lambda b: b.with_name("none.bundle"), 74, "no such file", id="no file"),
        pytest.param(lambda b: Path("/dev/zero"), 74, "no such file", id="a device"),
    ],
)
def test_what_is_wrong_leaves_nothing_and_what_was_there_stays(
    unit, bundles, tmp_path, spoil, code, message, is_one_in_use
):
    if is_one_in_use:
        assert unit("install", bundles["other"])[0] == 0
    in_use, kept = unit.sha256, unit.versions() if is_one_in_use else []
    copies = {name: shutil.copy(path, tmp_path) for name, path in bundles.items()}
    for path in copies.values():
        write_sum(Path(path))
    found, _, err = unit("install", spoil(Path(copies["shipped"])))
    assert (found, message in err) == (code, True), err
    assert unit.sha256 == in_use
    if (unit.models / "versions").exists():
        assert unit.versions() == kept


def cut(bundle, num_bytes):
    bundle.write_bytes(bundle.read_bytes()[:num_bytes])
    write_sum(bundle)
    return bundle


def flipped(bundle, at):
    content = bytearray(bundle.read_bytes())
    content[at] ^= 1
    bundle.write_bytes(content)
    if at >= 0:
        write_sum(bundle)
    return bundle


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "code"), [(None, 0), ("right", 0), ("RIGHT", 0), ("0" * 64, 78), ("abc", 78), ("", 78)]
)
def test_the_sha256_on_the_command_line_wins(unit, bundles, given, code):
    right = file_sha256(bundles["shipped"])
    options = {None: [], "right": ["--sha256", right], "RIGHT": ["--sha256", right.upper()]}.get(
        given, ["--sha256", given]
    )
    assert unit("install", bundles["shipped"], *options)[0] == code


def test_a_unit_without_a_folder_is_told_which_key(unit, bundles):
    unit.config.write_text("")
    code, _, err = unit("install", bundles["shipped"])
    assert code == 2 and "engine.models" in err


def test_a_profile_of_another_unit_is_refused(unit, bundles, tmp_path):
    folder = tmp_path / "in" / "live"
    shutil.copytree(SHIPPED / "live", folder)
    set_manifest(
        folder, calibration={"unit": "B-7", "camera_mode": "1920x1080", "made_at": "2026-11-26T08:00:00+00:00"}
    )
    key = hospital_key(bundles["shipped"].parent)
    write_bundle(load_profile("live", (folder.parent,)), tmp_path / "b7.bundle", (), key)
    code, _, err = unit("install", tmp_path / "b7.bundle")
    assert code == 78 and "B-7" in err and not (unit.models / "live").exists()


def test_what_was_put_there_by_hand_is_not_touched(unit, bundles):
    shutil.copytree(SHIPPED / "live", unit.models / "live")
    code, _, err = unit("install", bundles["other"])
    assert code == 78 and "by hand" in err and unit.sha256 == SHIPPED_SHA256


@pytest.mark.slow
def test_show_tells_what_the_manifest_says(unit, bundles):
    unit("install", bundles["other"])
    code, out, _ = unit("show", "live")
    assert code == 0 and "version: 3" in out and "golden frame: stored" in out and "previous: the shipped" in out
    assert unit("show", "none")[0] == 78


@pytest.mark.slow
def test_a_running_unit_takes_it_at_once(unit, bundles):
    unit.start("take")
    code, out, _ = unit("install", bundles["other"])
    assert code == 0 and f"(process {unit.process.pid}) shows {unit.sha256[:12]}" in out
    code, out, _ = unit("rollback")
    assert code == 0 and f"shows {SHIPPED_SHA256[:12]}" in out


@pytest.mark.slow
def test_a_unit_of_other_models_on_that_address_is_left_alone(unit, bundles):
    unit.start("die", unit.folder)  # it would end if it were told to reload
    code, out, _ = unit("install", bundles["other"])
    assert code == 0 and f"(process {unit.process.pid}) takes those of {unit.folder}; it is left alone" in out
    assert unit.process.poll() is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("behaviour", "message"),
    [("refuse", "the standby engine failed"), ("die", "ended while it reloaded"), ("deaf", "did not say within")],
)
@pytest.mark.parametrize("is_one_in_use", [False, True], ids=["shipped in use", "another in use"])
def test_what_a_running_unit_does_not_take_goes_back_out(unit, bundles, behaviour, message, is_one_in_use, monkeypatch):
    monkeypatch.setattr("edge.updates.running_unit.RELOAD_WITHIN_S", 2.0)
    if is_one_in_use:
        unit("install", bundles["other"])
    in_use, kept = unit.sha256, unit.versions() if is_one_in_use else []
    unit.start(behaviour)
    code, _, err = unit("install", bundles["shipped" if is_one_in_use else "other"])
    assert code == 78 and message in err
    assert (unit.sha256, unit.versions()) == (in_use, kept)


@pytest.mark.slow
def test_the_real_program_takes_what_was_installed_or_says_why_not(unit, bundles):
    """On a crowded machine it may refuse for slowness; then the old one stays, and both tell the same story."""
    port = free_port()
    unit.listen_on(port)
    unit.process = subprocess.Popen([sys.executable, "-m", "edge.cli", "--live", "--config", str(unit.config)])
    running = RunningUnit(f"127.0.0.1:{port}")

    def reloaded():
        """How often and how, as soon as the unit answers: a busy machine may take longer than it is waited for."""
        found = []
        wait_until(lambda: found.append(running.health()) or found[-1])
        return found[-1]["reload"]

    reloaded()
    for count, argv in enumerate((("install", bundles["other"]), ("install", bundles["shipped"]), ("rollback",)), 1):
        before = unit.sha256
        code, out, err = unit(*argv)
        reload = reloaded()
        assert reload["count"] == count
        if code == 0:
            assert reload["ok"] and f"(process {unit.process.pid})" in out
        else:
            assert code == 78 and not reload["ok"] and reload["reason"] in err and unit.sha256 == before
    assert unit("install", bundles["wrong"])[0] == 78
    assert reloaded()["count"] == 3
    unit.process.terminate()
    assert unit.process.wait(GUARD_S) == 0
