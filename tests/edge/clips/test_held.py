"""FFmpeg decodes what comes from outside: whatever a clip or a camera makes of it, it gets nowhere."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil
import pytest

from edge.basics.errors import InputOutputError
from edge.clips import process, program
from edge.clips.decode import ClipReader
from edge.clips.encode import ClipEncoder, ClipOrder
from edge.clips.facts import clip_facts
from edge.clips.live_decoder import LiveDecoder
from edge.clips.process import FfmpegRun
from edge.clips.program import find_ffmpeg
from edge.confining.landlock import landlock_version
from edge.confining.seccomp import can_filter
from tests.doubles.children import children_before, new_children  # noqa: F401 - a fixture
from tests.doubles.ffmpeg_clips import chart, clip, ffmpeg, made
from tests.doubles.waiting import GUARD_S

pytestmark = pytest.mark.skipif(
    not (landlock_version() and can_filter()), reason="this kernel has not both Landlock and seccomp"
)

STAND_IN = """#!/bin/sh
case "$*" in *-encoders*) echo "ffmpeg version 7.0"; exit;; esac
tried() { if eval "$2" 2>&1; then told="$told $1: done,"; else told="$told $1: refused,"; fi; }
tried users "read line < /etc/passwd"
tried neighbour "read line < FOLDER/neighbour"
tried made "echo > FOLDER/made"
tried overwritten "echo > FOLDER/neighbour"
tried written-to "echo > FOLDER/clip.mp4"
tried clip "read line < FOLDER/clip.mp4"
echo "[error] $told" >&2
exit 1
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A program that was taken over, where FFmpeg is looked for."""
    path = tmp_path / "bin/ffmpeg"
    path.parent.mkdir()
    path.write_text(STAND_IN.replace("FOLDER", str(tmp_path)))
    path.chmod(0o755)
    find_ffmpeg.cache_clear()
    monkeypatch.setattr(program, "_of_the_wheel", lambda: None)
    monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")
    yield
    find_ffmpeg.cache_clear()


@pytest.mark.usefixtures("stand_in")
def test_an_ffmpeg_that_a_clip_took_over_reaches_the_clip_alone(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_text("no clip\n")
    (tmp_path / "neighbour").write_text("a patient's\n")
    with pytest.raises(InputOutputError) as caught:
        clip_facts(path)
    told = str(caught.value).partition("FFmpeg says: ")[2]
    assert told.count("refused") == 5 and told.count("done") == 1 and "clip: done" in told
    assert (tmp_path / "neighbour").read_text() == "a patient's\n" and not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["-f", "data", "-i", "file:/etc/passwd", "-map", "0", "-c", "copy", "-f", "data", "pipe:1"],
        ["-f", "rawvideo", "-i", "tcp://127.0.0.1:PORT"],
        ["-f", "rawvideo", "-i", "udp://127.0.0.1:PORT"],
        ["-f", "lavfi", "-i", "nullsrc=s=16x16", "-frames:v", "1", "-f", "rawvideo", "-y", "FOLDER/made"],
        ["-f", "lavfi", "-i", "nullsrc=s=16x16", "-frames:v", "1", "-f", "rawvideo", "tcp://127.0.0.1:PORT"],
    ],
    ids=["a file", "tcp", "udp", "writes", "sends"],
)
def test_ffmpeg_itself_is_refused_what_it_is_not_given(tmp_path: Path, words: Sequence[str]) -> None:
    ffmpeg()
    lines: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        places = {"PORT": str(server.getsockname()[1]), "FOLDER": str(tmp_path)}
        told = [word.replace("PORT", places["PORT"]).replace("FOLDER", places["FOLDER"]) for word in words]
        run = FfmpegRun(find_ffmpeg(), told, lines.append, reads=True)
        try:
            assert not run.read_into(memoryview(bytearray(1)), GUARD_S)
            assert run.wait(GUARD_S) != 0
        finally:
            run.close()
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert "Permission denied" in "".join(lines)
    assert not list(tmp_path.iterdir())


def held_children() -> list[str]:
    """What the kernel says of each FFmpeg that runs now."""
    found = []
    for child in new_children():
        with contextlib.suppress(psutil.NoSuchProcess, OSError):  # it has just ended
            if child.name() == "ffmpeg" or child.name().startswith("ffmpeg-"):
                status = Path(f"/proc/{child.pid}/status").read_text()
                found += [line for line in status.splitlines() if line.startswith(("NoNewPrivs:", "Seccomp:"))]
    return found


HELD = ["NoNewPrivs:\t1", "Seccomp:\t2"]


def test_every_clip_is_read_and_written_by_one_that_is_held(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", chart(64, 36), num_frames=200)
    facts = clip_facts(path)
    reader = ClipReader(path, facts)
    assert reader.read(lambda shape: None) is not None
    assert held_children() == HELD
    reader.close()
    with (tmp_path / "b.mp4").open("w+b") as file:
        encoder = ClipEncoder(file, ClipOrder(path, facts, 64, 36, "x"), "h264")
        encoder.add(chart(64, 36), Fraction(0))
        encoder.add(chart(64, 36), Fraction(1, 30))
        while held_children() != HELD:  # it is still becoming FFmpeg
            assert new_children()
        encoder.finish()
        encoder.close()
    assert clip_facts(tmp_path / "b.mp4").num_frames == 2


def test_every_cameras_video_is_decoded_by_one_that_is_held(tmp_path: Path) -> None:
    ffmpeg()
    words = ["-f", "lavfi", "-i", "testsrc=s=64x64", "-frames:v", "1", "-c:v", "libx264", "-preset", "ultrafast"]
    words += ["-tune", "zerolatency", "-threads", "1", "-bsf:v", "h264_metadata=aud=insert"]
    content = made(tmp_path / "a.h264", *words).read_bytes()
    given, is_there = [], threading.Event()

    def give(number: int, image: np.ndarray | None) -> None:
        given.append((number, image is not None))
        is_there.set()

    decoder = LiveDecoder("H264", b"", content, give, lambda shape: None)
    try:
        decoder.feed(content, is_key=True)
        assert is_there.wait(GUARD_S) and given[0] == (0, True)
        assert held_children() == HELD
    finally:
        decoder.close()


def test_where_a_kernel_cannot_hold_it_that_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ffmpeg()
    process._tell_not_held.cache_clear()
    monkeypatch.setattr(process, "not_held", lambda: ("files: there is no Landlock",))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            FfmpegRun(find_ffmpeg(), ["-version"], lambda line: None).close()
    process._tell_not_held.cache_clear()
    assert caplog.text.count("FFmpeg runs, but this kernel does not close it off: files: there is no Landlock") == 1
