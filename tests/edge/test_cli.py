"""The program as its user meets it: real processes, exit codes and single clear lines."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from edge import cli
from edge.basics.errors import UsageError
from edge.basics.options import refuse_unused
from edge.basics.settings import settings_of
from edge.batch.manifest import MANIFEST
from edge.batch.output import SCRATCH
from edge.calibration.calibration import Calibration
from edge.calibration.file import write_calibration
from edge.cli import mode_of, options, parser
from edge.config import Config
from edge.models.profile import SHIPPED
from tests.doubles.ports import free_port
from tests.doubles.waiting import GUARD_S, wait_until


def command(*args):
    return [sys.executable, "-m", "edge.cli", *map(str, args)]


NOWHERE = ("--listen", "127.0.0.1:0")
"""Not the page of a unit that runs on this machine: a check would ask it, and a second one is refused."""


def run(*args):
    address = NOWHERE if {"--live", "--check"} & set(args) and "--listen" not in args else ()
    return subprocess.run(command(*args, *address), capture_output=True, text=True, timeout=GUARD_S)


@pytest.fixture
def place(tmp_path):
    """A folder with every kind of bad input."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "zero.mp4").touch()
    (tmp_path / "text.mp4").write_text("this is not a clip\n" * 50)
    writer = cv2.VideoWriter(str(tmp_path / "whole.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 30, (320, 180))
    for number in range(20):
        writer.write(np.full((180, 320, 3), number * 10, np.uint8))
    writer.release()
    content = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 2])
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (tmp_path / "unknown.toml").write_text("[engine]\nthread = 2\n")
    shutil.copytree(SHIPPED / "live", tmp_path / "models" / "live")
    (tmp_path / "models" / "live" / "model.onnx").write_bytes(b"altered")
    (tmp_path / "altered.toml").write_text(f'[engine]\nmodels = "{tmp_path / "models"}"\n')
    return tmp_path


ROWS = [
    pytest.param(["--live", "--source", "{}/none.mp4"], 74, ["none.mp4"], id="no such clip"),
    pytest.param(["{}/none.png", "--output", "{}/out"], 74, ["none.png"], id="no such picture"),
    pytest.param(["--live", "--source", "{}/empty"], 74, ["empty"], id="folder without pictures"),
    pytest.param(["{}/empty", "--output", "{}/out"], 74, ["empty"], id="folder without pictures, files"),
    pytest.param(["--live", "--source", "{}/zero.mp4"], 74, ["zero.mp4"], id="zero-byte clip"),
    pytest.param(["{}/zero.mp4", "--output", "{}/out"], 74, ["zero.mp4"], id="zero-byte clip, files"),
    pytest.param(["--live", "--source", "{}/cut.mp4"], 74, ["cut.mp4"], id="truncated clip"),
    pytest.param(["--live", "--source", "{}/text.mp4"], 74, ["text.mp4"], id="text named .mp4"),
    pytest.param(["{}/text.mp4", "--output", "{}/out"], 74, ["text.mp4"], id="text named .mp4, files"),
    pytest.param(["{}/bad.png", "--output", "{}/out"], 1, ["bad.png"], id="damaged picture"),
    pytest.param(["--live", "--source", "camera:/dev/video77"], 69, ["/dev/video77"], id="no such camera"),
    pytest.param(["--live", "--source", "demo:?sed=1"], 2, ["sed"], id="unknown source option"),
    pytest.param(["--live", "--config", "{}/unknown.toml"], 78, ["engine.thread", "'threads'"], id="unknown key"),
    pytest.param(["--live", "--config", "{}/none.toml"], 78, ["none.toml"], id="no such config"),
    pytest.param(["--live", "--profile", "miinet9"], 78, ["miinet9", "live"], id="unknown profile"),
    pytest.param(["--live", "--config", "{}/altered.toml"], 78, ["model.onnx", "sha256"], id="altered model"),
    pytest.param(["--live", "--listen", "nowhere"], 78, ["nowhere"], id="listen without a port"),
    pytest.param(["--live", "a.png"], 2, ["a.png", "--source"], id="live with files"),
    pytest.param(["--check", "a.png"], 2, ["INPUT 'a.png' is for files, not for --check"], id="check with files"),
    pytest.param(["--print-config", "a.png"], 2, ["INPUT 'a.png'", "--print-config"], id="print-config with files"),
    pytest.param(["a.png"], 2, ["--output"], id="files without output"),
    pytest.param(["{}/none.png", "--output", "{}/out", "--codec", "h265"], 2, ["'h265'", "'h264'"], id="no such codec"),
    pytest.param(["modle", "list"], 2, ["'modle'", "did you mean 'model'"], id="no such command"),
    pytest.param([], 2, ["--live", "--output"], id="nothing to do"),
]


@pytest.mark.parametrize("args, code, message", ROWS)
def test_bad_input_gets_one_line_and_its_exit_code(place, args, code, message):
    words = [arg.format(place) for arg in args]
    if words[:1] == ["--live"] and "--listen" not in words:
        words += ["--listen", "127.0.0.1:0"]  # 8080 may be another test's
    done = run(*words)
    assert done.returncode == code, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("edge-enhance: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for part in message:
        assert part in lines[0]
    assert {path.name for path in (place / "out").glob("*")} <= {MANIFEST}, "only that it failed"


OF_FILES = (["--output", "out"], ["--force"], ["--resume"], ["--recursive"], ["--codec", "ffv1"])
OF_UNIT = (["--source", "demo:"], ["--listen", "127.0.0.1:0"], ["--unit", "A-1"], ["--calibration", "a.calib"])
OTHER_MODES = ("--live", "--check", "--print-config")


@pytest.mark.parametrize("mode", [*OTHER_MODES, "a.png"])
@pytest.mark.parametrize("words", [*OF_FILES, *OF_UNIT, ["--profile", "live"]], ids=lambda words: words[0])
def test_an_option_that_a_mode_does_not_use_is_refused(mode, words):
    args = parser().parse_args([mode, *words])
    wrong = words in (OF_FILES if mode in OTHER_MODES else OF_UNIT)
    if not wrong:
        refuse_unused(options(), args, mode_of(args))
        return
    with pytest.raises(UsageError) as raised:
        refuse_unused(options(), args, mode_of(args))
    message = str(raised.value)
    assert message.startswith(f"{words[0]} is for ") and message.endswith("; leave it out")
    assert f"not for {mode if mode in OTHER_MODES else 'files'};" in message


def test_the_command_refuses_it_before_anything_is_read(place):
    done = run(
        place / "zero.mp4", "--output", place / "out", "--listen", "127.0.0.1:1", "--config", place / "none.toml"
    )
    assert done.returncode == 2
    assert done.stderr == (
        "edge-enhance: --listen is for --live, --check and --print-config, not for files; leave it out\n"
    )


NO_SCREEN = "--output is 'dispaly': no screen of that name; did you mean 'display'"


@pytest.mark.parametrize(
    ("words", "shown", "refused"),
    [
        pytest.param(["--live", "--output", "display"], True, "", id="the screen"),
        pytest.param(["--check", "--output", "display"], True, "", id="asked for"),
        pytest.param(["--live", "--output", "films"], False, "--output is for files, not for --live", id="a folder"),
        pytest.param(
            ["--live", "--output", "dispaly"],
            False,
            "'dispaly': no screen of that name; did you mean 'display'",
            id="typo",
        ),
        pytest.param(["a.png", "--output", "dispaly"], False, "", id="a folder of nearly that name"),
        pytest.param(["a.png", "--output", "display"], False, "", id="a folder of that name"),
    ],
)
def test_output_is_the_screen_where_there_are_no_files(words, shown, refused, monkeypatch):
    taken = []
    monkeypatch.setattr(cli, "MODES", dict.fromkeys(cli.MODES, lambda origins, args: taken.append(origins.config)))
    args = parser().parse_args(words)
    if refused:
        with pytest.raises(UsageError, match=refused):
            cli.run(args)
        return
    cli.run(args)
    assert taken[0].display.on == shown


def test_print_config_takes_the_option_of_every_setting():
    given = {one.path: one.rules.option for one in settings_of(Config()) if one.rules.option}
    assert given.pop("web.insecure") == "--insecure"  # a flag: it has no value
    texts = {"--source", "--unit", "--calibration", "--profile", "--models", "--listen", "--users", "--certificate"}
    assert set(given.values()) == texts
    words = [word for option in given.values() for word in (option, f"value of {option}")]
    lines = run("--print-config", "--insecure", *words).stdout.splitlines()
    assert "web.insecure = true  # --insecure" in lines
    for path, option in given.items():
        assert f'{path} = "value of {option}"  # {option}' in lines


@pytest.mark.slow
def test_it_does_not_open_to_the_network_unasked(place):
    done = run("--live", "--listen", "0.0.0.0:0")
    assert done.returncode == 78
    [line] = [line for line in done.stderr.splitlines() if line.startswith("edge-enhance: ")]
    assert "edge-enhance user add NAME --role admin" in line and "--certificate self-made" in line
    done = run("--check", "--listen", "0.0.0.0:0")
    assert done.returncode == 1
    assert "access   FAILED  web.listen 0.0.0.0:0 is open to the network" in done.stdout


def test_a_port_in_use_is_said(place):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("--live", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert done.returncode == 74
    assert "in use" in done.stderr


def picture(kind):
    y, x = np.mgrid[0:60, 0:80]
    grey = (x * 3 % 256).astype(np.uint8)
    return {
        "1x1": np.full((1, 1, 3), 90, np.uint8),
        "16-bit": np.dstack([grey, grey // 2, 255 - grey]).astype(np.uint16) * 257,
        "grey": grey,
        "alpha": np.dstack([grey, grey, grey, np.full_like(grey, 255)]),
        "4:3": np.dstack([grey, grey // 2, (y * 4).astype(np.uint8)]),
    }[kind]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["1x1", "16-bit", "grey", "alpha", "4:3"])
def test_any_picture_is_enhanced(tmp_path, kind):
    cv2.imwrite(str(tmp_path / "in.png"), picture(kind))
    done = run(tmp_path / "in.png", "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    shapes = {cv2.imread(str(path)).shape for path in (tmp_path / "out").glob("*.png")}
    assert shapes == {(1080, 1920, 3)}


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """A folder with five pictures and a clip of a second, and what comes out of it when nothing happens."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "in").mkdir()
    noise = np.random.default_rng(4).integers(40, 200, (27, 48, 3), np.uint8)
    scenes = [cv2.resize(np.roll(noise, number, axis=1), (960, 540)) for number in range(24)]
    writer = cv2.VideoWriter(str(folder / "in" / "clip.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 24, (960, 540))
    for scene in scenes:
        writer.write(scene)
    writer.release()
    for number in range(5):
        cv2.imwrite(str(folder / "in" / f"z{number}.png"), scenes[number])
    done = run(folder / "in", "--output", folder / "undisturbed")
    assert done.returncode == 0, done.stderr
    return folder


def started(originals, output):
    """The program on them, in a group of its own as a shell would start it, and its engine's process."""
    program = subprocess.Popen(
        command(originals / "in", "--output", output, "--workers", "1"),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    engine = None
    while engine is None:
        assert program.poll() is None, program.stderr.read()
        engine = next(filter(is_engine, psutil.Process(program.pid).children(recursive=True)), None)
    return program, engine


def is_engine(one):
    with contextlib.suppress(psutil.NoSuchProcess):
        return "edge.guard.start" in one.cmdline()
    return False


def clip_bytes(output):
    """Of the clip that is being made."""
    return sum(path.stat().st_size for path in output.glob(f"{SCRATCH}/**/*.mp4*"))


def stopped_at(originals, tmp_path, has_come, is_past):
    """The program, its engine and its output, stopped where one thing has come and the other not yet.

    Where this process was kept waiting itself, so that both had come, it is begun anew.
    """
    for number in range(100):
        output = tmp_path / str(number)
        output.mkdir()
        program, engine = started(originals, output)
        while not has_come(output) and program.poll() is None:
            time.sleep(0.002)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGSTOP)
        wait_until(lambda of=program: of.poll() is not None or is_stopped(of))
        if program.poll() is None and not is_past(output):
            return program, engine, output
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGCONT)
        _, printed = program.communicate(timeout=GUARD_S)
        assert program.returncode == 0, printed
    raise AssertionError("never seen in the middle")


def is_stopped(program):
    with contextlib.suppress(OSError):  # a thread that has ended meanwhile
        threads = Path(f"/proc/{program.pid}/task").iterdir()
        return all(re.search(r"\) T ", (thread / "stat").read_text()) for thread in threads)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("where", ["clip", "folder"])
def test_an_engine_that_is_killed_in_the_middle_costs_no_picture(originals, tmp_path, where):
    if where == "clip":
        middle = (lambda output: clip_bytes(output) > 100_000), lambda output: (output / "z0-raw.png").exists()
    else:
        middle = (
            lambda output: (output / "z1-enhanced.png.json").exists(),
            lambda output: (output / "z2-enhanced.png.json").exists(),
        )
    program, engine, output = stopped_at(originals, tmp_path, *middle)
    engine.kill()
    os.killpg(program.pid, signal.SIGCONT)
    _, printed = program.communicate(timeout=GUARD_S)
    assert program.returncode == 0, printed
    assert "the engine's process was ended by SIGKILL; it starts again" in printed
    assert "6 enhanced" in printed
    expected = sorted((originals / "undisturbed").iterdir())
    assert [path.name for path in sorted(output.iterdir())] == [path.name for path in expected]
    for path in expected:
        if path.suffix != ".json":
            assert (output / path.name).read_bytes() == path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("when", ["the engine opens", "it works"])
def test_ctrl_c_ends_a_files_run_and_leaves_nothing(originals, tmp_path, when):
    has_come = (lambda output: clip_bytes(output) > 0) if when == "it works" else lambda output: True
    program, engine, output = stopped_at(
        originals, tmp_path, has_come, lambda output: {path.name for path in output.iterdir()} - {MANIFEST, SCRATCH}
    )
    for number in (signal.SIGINT, signal.SIGCONT):
        os.killpg(program.pid, number)
    _, printed = program.communicate(timeout=GUARD_S)
    assert program.returncode in ((1,) if when == "it works" else (1, 130)), printed
    assert "Traceback" not in printed
    assert {path.name for path in output.iterdir()} <= {MANIFEST}
    _, alive = psutil.wait_procs([engine], timeout=GUARD_S)
    assert alive == []


@pytest.fixture
def live():
    """The program on the demo throat, and its address."""
    port = free_port()
    program = subprocess.Popen(
        command("--live", "--listen", f"127.0.0.1:{port}"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: program.poll() is not None or of_health(url, "mode") == ("enhanced",))
        assert program.poll() is None, program.stdout.read()
        yield program, url
    finally:
        program.kill()
        program.wait()


def of_health(url, *keys):
    """What `/health` says of these; nothing while there is no answer."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=GUARD_S) as answer:
        record = json.load(answer)
        return tuple(record[key] for key in keys)
    return ()


def test_live_from_the_demo_to_the_page(live):
    """A busy machine's picture may be raw, or of a smaller profile, for a while."""
    _, url = live
    wait_until(lambda: of_health(url, "profile", "source", "mode") == ("live", "demo:", "enhanced"))
    pictures = {}
    for view in ("raw", "enhanced"):
        with urllib.request.urlopen(f"{url}/snapshot.png?view={view}") as answer:
            pictures[view] = cv2.imdecode(np.frombuffer(answer.read(), np.uint8), cv2.IMREAD_COLOR)
    assert {p.shape for p in pictures.values()} == {(1080, 1920, 3)}
    assert not np.array_equal(pictures["raw"], pictures["enhanced"])


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_program_cleanly(live, number):
    program, url = live
    viewer = urllib.request.urlopen(f"{url}/stream.mjpg?view=enhanced", timeout=GUARD_S)
    assert viewer.read(1000)
    os.kill(program.pid, number)
    assert program.wait(GUARD_S) == 0
    first, *lines = program.stdout.read().splitlines()
    assert first == f"live on {url}/ (Ctrl-C stops)"
    assert lines[-1] == "stopped"
    assert not [line for line in lines if "Traceback" in line or "failed" in line]


def test_check_says_every_part(tmp_path):
    done = run("--check")
    assert done.returncode == 0, done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "config", "unit", "model", "engine", "guard", "camera", "bridge", "screen", "calib", "clock", "access", "disk",
        "record", "privacy", "heat", "pacs", "worklist",
    ]  # fmt: skip
    assert "calib    ok      none; the picture is not corrected for this unit" in done.stdout


@pytest.mark.slow
def test_check_says_the_calibrations_age_and_refuses_another_units(tmp_path):
    made_at = datetime.now(timezone.utc) - timedelta(days=41)
    path = tmp_path / "unit.calib"
    write_calibration(path, Calibration("A-1", "1920x1080 demo", made_at, "test", ("dark",)))
    options = ("--check", "--calibration", str(path), "--source", "demo:?unit=A-1&pace=free")
    done = run(*options, "--unit", "A-1")
    assert done.returncode == 0, done.stdout
    assert "calib    ok      unit A-1, 41 days old, dark, for 1920x1080 demo" in done.stdout
    done = run(*options, "--unit", "B-2")
    assert done.returncode == 1
    assert "calib    FAILED" in done.stdout and "calibrates unit 'A-1', this is unit 'B-2'" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("unit", "source", "words"),
    [
        ("B-2", "demo:?unit=A-1", "calibrates unit 'A-1', this is unit 'B-2'"),
        ("A-1", "demo:", "the calibration of unit 'A-1' is for 1920x1080 demo"),
    ],
    ids=["another unit", "another mode"],
)
def test_live_refuses_a_calibration_that_is_not_its_own(tmp_path, unit, source, words):
    path = tmp_path / "unit.calib"
    write_calibration(path, Calibration("A-1", "1920x1080 demo", datetime.now(timezone.utc), "test", ()))
    options = ("--calibration", str(path), "--unit", unit, "--source", source)
    done = run("--live", *options)
    assert done.returncode == 78
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_check_fails_with_1(tmp_path):
    done = run("--check", "--source", "camera:/dev/video77")
    assert done.returncode == 1
    assert "camera   FAILED" in done.stdout
    assert "/dev/video77" in done.stdout


def test_help_shows_an_example_the_profiles_and_which_option_is_for_what():
    done = run("--help")
    assert done.returncode == 0
    assert "edge-enhance --live --source camera:/dev/video0" in done.stdout
    assert "shipped profiles: cyclegan, live, live-fast, miinet, miinet-guided" in done.stdout
    message = " ".join(done.stdout.split())
    assert "for files: INPUT picture, clip, DICOM file or folder --output DIR" in message
    assert "for --live, --check and --print-config: --source URI" in message
    assert "(default 127.0.0.1:8080)" in message
