"""A unit of the version before, left there by that version's own program, is updated to this one.

`sources` runs both programs from their source trees; `wheels` builds both wheels, and installs one over the other as
pip does on a unit.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import re
import shutil
import signal
import subprocess
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.basics.texts import toml_from_text
from edge.calibration.file import read_calibration
from edge.config_file import load_config
from edge.models.profile import profile_names
from edge.service.files import CONFIG_PATH, RECORD_PATH, UNIT_PATH
from tests.doubles.ports import free_port
from tests.doubles.waiting import GUARD_S
from tests.paths import REPOSITORY
from tests.update.programs import Program, Wheels, from_sources, tree_now

BEFORE = "4def76bb7e71b708a6f31f31685f462f01cb34c4"
"""The commit whose program is installed on the unit; tests/update/leave.py names its modules."""
PROGRAM = "/opt/edge-enhance/bin/edge-enhance"
DROP_IN = "/etc/systemd/system/edge-enhance.service.d/override.conf"


@dataclass(frozen=True)
class Updated:
    """What the update of a unit came to: its files before, after the installation, and after the first start."""

    root: Path
    program: Program
    config: dict[str, object]
    before: dict[str, str]
    installed: dict[str, str]
    printed: list[str]
    started: dict[str, str]
    health: dict[str, object]
    log: str


@pytest.fixture(scope="session")
def sources_before(tmp_path_factory):
    """The source tree of the version before, from the history."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    archive = subprocess.run(["git", "archive", BEFORE], cwd=REPOSITORY, capture_output=True)
    if archive.returncode:
        pytest.skip(f"needs the history of this repository: {archive.stderr.decode().strip()}")
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder)
    return folder


def tree_of(root: Path) -> dict[str, str]:
    """Path on the unit -> hash of a file's content and its mode, or where a link points to."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = f"/{path.relative_to(root)}"
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_mode:o}"
    return found


def names_in(files: dict[str, str], pattern: str) -> set[str]:
    return {name for name in files if re.search(pattern, name)}


def settle_in(program: Program, root: Path) -> dict[str, object]:
    """What people and the program of before did on this unit; the values that a person set."""
    program.run(*program.enhance, "install-service", "--root", root, "--program", PROGRAM)
    state = root / "var/lib/edge-enhance"
    program.run(program.python, Path(__file__).with_name("leave.py"), state)
    still = root / "srv/still.png"
    still.parent.mkdir()
    cv2.imwrite(str(still), np.random.default_rng(1).integers(60, 200, (1080, 1920, 3), np.uint8))
    config = {
        "source.uri": f"{still}?fps=10",
        "unit.serial": "A-1",
        "unit.calibration": str(state / "unit.calib"),
        "engine.models": str(state / "models"),
        "engine.engines": str(state / "engines"),
        "web.listen": f"127.0.0.1:{free_port()}",
        "web.jpeg_quality": 70,
        "save.folder": str(state / "pictures"),
        "heat.warm_celsius": 80.0,
    }
    path = root / CONFIG_PATH.relative_to("/")
    text = path.read_text()
    for dotted, value in config.items():
        key = dotted.split(".")[1]
        text, number = re.subn(rf"^(# )?{key} = .*", f"{key} = {json.dumps(value)}  # mine", text, flags=re.MULTILINE)
        assert number == 1, key
    path.write_text(text)
    drop_in = root / DROP_IN.lstrip("/")
    drop_in.parent.mkdir()
    drop_in.write_text("[Unit]\nRequiresMountsFor=/var/lib/edge-enhance\n")
    return config


def config_of_now(root: Path) -> Path:
    """The unit's configuration as this machine can run it: the root is not this machine's, and so are its keys."""
    path = root.with_name(f"{root.name}.toml")
    text = (root / CONFIG_PATH.relative_to("/")).read_text()
    path.write_text(text.replace("[engine]\n", '[engine]\nkeys = ""\n'))
    return path


def live_once(program: Program, root: Path, listen: str) -> tuple[dict[str, object], str]:
    """Start the unit, wait until it shows an enhanced picture, stop it: its health and its log."""
    command = [*program.enhance, "--live", "--config", config_of_now(root)]
    health: dict[str, object] = {}
    with subprocess.Popen(
        [str(word) for word in command],
        cwd=program.folder,
        env=program.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        end = time.monotonic() + GUARD_S
        while health.get("mode") != "enhanced" and process.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
            connection = http.client.HTTPConnection(listen, timeout=GUARD_S)
            try:
                connection.request("GET", "/health")
                health = json.loads(connection.getresponse().read())
            except OSError:
                continue
            finally:
                connection.close()
        process.send_signal(signal.SIGTERM)
        log = process.communicate(timeout=GUARD_S)[0]
    assert process.returncode == 0, log
    return health, log


@pytest.fixture(scope="module", params=["sources", pytest.param("wheels", marks=pytest.mark.slow)])
def updated(request, tmp_path_factory, sources_before):
    root = tmp_path_factory.mktemp("unit")
    if request.param == "sources":
        config = settle_in(from_sources(sources_before), root)
        program = from_sources(REPOSITORY)
    else:
        pytest.importorskip("setuptools", reason="needs setuptools, to build wheels without a network")
        work = tmp_path_factory.mktemp("wheels")
        wheels = Wheels(work)
        config = settle_in(wheels.install(sources_before, "before"), root)
        old = wheels.modules()
        program = wheels.install(tree_now(work / "now"), "after")
        assert wheels.modules() & old < old, "what moved is still at its old place too"
        assert str(work) in program.run(program.python, "-c", "import edge; print(edge.__file__)")
    before = tree_of(root)
    printed = program.run(*program.enhance, "install-service", "--root", root, "--program", PROGRAM).splitlines()
    installed = tree_of(root)
    health, log = live_once(program, root, str(config["web.listen"]))
    return Updated(root, program, config, before, installed, printed, tree_of(root), health, log)


@pytest.mark.slow
def test_the_installation_changes_what_it_says_and_nothing_else(updated):
    before, installed = updated.before, updated.installed
    changed = {name for name in before | installed if before.get(name) != installed.get(name)}
    named = {line.split()[1] for line in updated.printed if line.startswith(("new ", "replaced "))}
    named |= {line.split()[-1] for line in updated.printed if line.startswith("kept ")}
    assert changed - {str(RECORD_PATH)} <= named
    assert f"{CONFIG_PATH}: it is your own; the new one is {CONFIG_PATH}.new" in "\n".join(updated.printed)


@pytest.mark.slow
@pytest.mark.parametrize("name", [str(CONFIG_PATH), DROP_IN, "/srv/still.png"])
def test_what_a_person_wrote_stays(updated, name):
    assert updated.started[name] == updated.before[name]


def test_the_unit_is_this_versions_and_starts_the_same_program(updated):
    unit = (updated.root / UNIT_PATH.relative_to("/")).read_text()
    assert f"\nExecStart={PROGRAM} --live --config {CONFIG_PATH}\n" in unit
    shipped = (REPOSITORY / "edge/service/systemd" / UNIT_PATH.name).read_text()
    assert unit == shipped, "nobody changed it, so it is renewed"


def test_the_configuration_means_what_it_meant(updated):
    loaded = load_config(updated.root / CONFIG_PATH.relative_to("/"), {}).config
    assert {key: getattr(getattr(loaded, key.split(".")[0]), key.split(".")[1]) for key in updated.config} == dict(
        updated.config
    )
    assert updated.health["source"] == updated.config["source.uri"]


def test_every_key_that_the_version_before_wrote_is_still_read(updated, tmp_path):
    text = (updated.root / CONFIG_PATH.relative_to("/")).read_text()
    path = tmp_path / "edge.toml"
    path.write_text(re.sub(r"^# (?=\w+ = )", "", text, flags=re.MULTILINE))
    loaded = load_config(path, {}).config
    for section, keys in toml_from_text(path.read_text()).items():
        for key, value in keys.items():
            found = getattr(getattr(loaded, section), key)
            assert (list(found) if isinstance(found, tuple) else found) == value, f"{section}.{key}"


def test_the_installed_model_is_in_use_and_the_one_before_is_kept(updated):
    kept = r"^/var/lib/edge-enhance/models/(live$|versions/live-)"
    assert names_in(updated.before, kept) == names_in(updated.started, kept)
    for name in names_in(updated.before, kept):
        assert updated.started[name] == updated.before[name]
    assert (updated.health["mode"], updated.health["profile"]) == ("enhanced", "live")
    listed = updated.program.run(*updated.program.enhance, "model", "list", "--config", config_of_now(updated.root))
    lines = listed.splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.startswith("live: version 3.0,")]
    assert lines[at].endswith("configured") and lines[at + 1].startswith("  previous: version 2.0,")
    assert [line for line in lines if line.startswith("  ")] == [lines[at + 1]]
    assert {line.split(":")[0] for line in lines if not line.startswith("  ")} == set(profile_names())


def test_a_model_whose_installation_was_cut_short_is_removed_and_told(updated):
    part = r"/models/versions/\..*\.edge\.part/"
    assert names_in(updated.before, part) and not names_in(updated.started, part)
    assert "removed an unfinished or unused model" in updated.log


def test_the_calibration_is_still_this_units(updated):
    name = "/var/lib/edge-enhance/unit.calib"
    assert updated.started[name] == updated.before[name]
    assert read_calibration(updated.root / name.lstrip("/")).unit == "A-1"


def test_pictures_stay_and_what_a_power_cut_left_is_put_in_order(updated):
    pictures = r"/pictures/[^.][^/]*$"
    for name in names_in(updated.before, pictures):
        assert updated.started[name] == updated.before[name]
    found = [name.rpartition("/")[2] for name in names_in(updated.started, "/pictures/")]
    assert sorted(re.sub(r"throat-\w+\.\w+-", "", name) for name in found) == [
        f"00000{seq}-{last}" for seq in (1, 2, 3) for last in ("enhanced.png", "enhanced.png.json", "raw.png")
    ]
    assert "completed 2 saved pairs" in updated.log and "cleaned 2 unfinished files" in updated.log


def test_engines_stay(updated):
    engines = r"/engines/live-\w+\.(plan|json)$"
    names = names_in(updated.before, engines)
    assert len(names) == 2
    assert {name: updated.started.get(name) for name in names} == {name: updated.before[name] for name in names}


def test_uninstalling_takes_what_both_versions_wrote_and_leaves_the_persons(updated, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(updated.root / "etc", root / "etc", symlinks=True)
    updated.program.run(*updated.program.enhance, "uninstall-service", "--root", root)
    assert set(tree_of(root)) == {str(CONFIG_PATH), DROP_IN}
