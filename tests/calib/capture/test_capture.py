"""`edge-calib capture` as a user runs it, on the bench without a camera."""

import json
import re
import threading

import pytest

from calib.capture.capture import CaptureOptions, PatienceLost, capture
from calib.cli import main
from calib.session import read_session
from edge.basics.errors import UsageError
from edge.config import SourceConfig

BENCH = "demo:?unit=A-1&pace=free"


def run(*arguments: object) -> int:
    return main([str(one) for one in arguments])


def test_a_session_is_taken_by_itself(tmp_path, capsys):
    folder = tmp_path / "white"
    code = run("capture", "white", "-o", folder, "--unit", "A-1", "--source", BENCH, "--headless", "--frames", 2)
    assert code == 0
    printed = capsys.readouterr().out
    assert "Taken 2 of 2." in printed and f"{folder}: complete, 2 frames of white" in printed
    session = read_session(folder)
    assert session.complete and session.unit == "A-1" and session.camera_mode == "1920x1080 demo"
    assert len(list(session.images())) == 2


@pytest.mark.slow
def test_int8_scenes_tell_the_engine_build_what_they_are(tmp_path):
    folder = tmp_path / "scenes"
    arguments = ("-o", folder, "--unit", "A-1", "--source", BENCH, "--headless", "--frames", 3)
    assert run("capture", "scenes", "--for", "int8", *arguments) == 0
    record = json.loads((folder / "session.json").read_text())
    assert (record["target"], record["purpose"]) == ("scenes", "int8")
    assert len({frame["about"]["phash"] for frame in record["frames"]}) == 3
    assert all({"file", "sha256"} <= set(frame) for frame in record["frames"])


def test_without_a_count_an_int8_set_has_64(tmp_path):
    stop = threading.Event()
    stop.set()
    session = capture(CaptureOptions("scenes", tmp_path / "s", "A-1", SourceConfig(BENCH), purpose="int8"), stop)
    assert session.wanted == 64 and not session.complete


def test_an_interrupted_capture_goes_on(tmp_path, capsys, monkeypatch):
    folder = tmp_path / "dark"
    arguments = ("capture", "dark", "-o", folder, "--unit", "A-1", "--source", BENCH, "--headless", "--frames", 3)
    stop = threading.Event()

    def taken_once(*arguments: object) -> str:
        stop.set()
        return ""

    monkeypatch.setattr("edge.basics.command.stop_on_signals", lambda: stop)
    monkeypatch.setattr("calib.capture.capture.say", taken_once)
    assert run(*arguments) == 1
    monkeypatch.undo()
    assert 0 < len(read_session(folder).frames) < 3
    assert run(*arguments) == 0
    assert len(read_session(folder).frames) == 3
    capsys.readouterr()
    assert run(*arguments) == 2
    assert "holds a complete session of dark; nothing is overwritten" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("flat", "--source", BENCH), 2, "no unit is named: give --unit SERIAL"),
        (("flat", "--unit", "A-1", "--for", "int8"), 2, "--for int8 goes with scenes, not flat"),
        (("flat", "--unit", "A-1", "--source", "camera:/dev/nothing"), 69, "/dev/nothing: no such camera"),
        (
            ("flat", "--unit", "A-1", "--source", f"{BENCH}&exposure=5", "--patience", "0.1"),
            1,
            "no frame could be taken for 0.1 s: Saturated: .* What was taken is kept",
        ),
    ],
    ids=["no unit", "int8 of a card", "no camera", "nothing to take"],
)
def test_what_cannot_be_captured_is_said_in_one_line(tmp_path, capsys, arguments, code, words):
    assert run("capture", *arguments, "-o", tmp_path / "x", "--headless") == code
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(words, line), line


def test_patience_ends_with_what_was_wrong(tmp_path, bench, write_session):
    folder = write_session(tmp_path / "frames", "white", bench.frames("white", 1))
    picture = f"{folder / 'white-000.png'}?pace=free"
    with pytest.raises(PatienceLost, match=r"The board is not seen"):
        capture(CaptureOptions("lens", tmp_path / "x", "A-1", SourceConfig(picture), patience_s=0.2), threading.Event())


def test_another_units_folder_is_left_alone(tmp_path, bench, write_session):
    folder = write_session(tmp_path / "white", "white", bench.frames("white", 1), unit="B-2")
    with pytest.raises(UsageError, match="holds a session with unit 'B-2', not 'A-1'"):
        capture(CaptureOptions("white", folder, "A-1", SourceConfig(BENCH)), threading.Event())
