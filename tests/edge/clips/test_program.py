"""Which FFmpeg is taken, and one line where none can be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.clips import program
from edge.clips.process import FfmpegFailed, FfmpegRun
from edge.clips.program import Ffmpeg, NoFfmpeg, find_ffmpeg
from tests.doubles.stand_in_program import READABLE, stand_in


@pytest.fixture(autouse=True)
def afresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    find_ffmpeg.cache_clear()
    monkeypatch.setattr(program, "_of_the_wheel", lambda: None)
    yield
    find_ffmpeg.cache_clear()


def install(folder: Path, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("5.1.9-0+deb12u1 Copyright", (5, 1)),
        ("n9.0.2-17-g2a571b6068-20260930 Copyright", (9, 0)),
        ("4.4.2-0ubuntu0.22.04.1", (4, 4)),
        ("8.0", (8, 0)),
        ("N-109741-gbbe95f7353-20230201", (99, 0)),
        ("git-2020-01-01-abc", (99, 0)),
    ],
)
def test_its_version_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, version: tuple[int, int]
) -> None:
    path = install(tmp_path, f"echo 'ffmpeg version {said}'")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert find_ffmpeg() == Ffmpeg(str(path), version)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'ffmpeg version 3.4.11'", "FFmpeg 3.4, too old: 4.2 or newer is needed"),
        ("kill -SEGV $$", "does not run"),
        ("echo 'another program'", "does not run"),
        (None, "none is installed"),
    ],
)
def test_without_one_a_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, reason: str
) -> None:
    tmp_path.joinpath("bin").mkdir()
    if script is not None:
        install(tmp_path / "bin", script)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(NoFfmpeg, match=reason) as caught:
        find_ffmpeg()
    assert "pip install imageio-ffmpeg" in str(caught.value) and "\n" not in str(caught.value)


def test_the_wheels_own_is_taken_where_the_systems_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "old", "echo 'ffmpeg version 3.4.11'")
    wheel = install(tmp_path / "wheel", "echo 'ffmpeg version 7.0.2-static'")
    monkeypatch.setenv("PATH", f"{tmp_path / 'old'}:{os.environ['PATH']}")
    monkeypatch.setattr(program, "_of_the_wheel", lambda: str(wheel))
    assert find_ffmpeg() == Ffmpeg(str(wheel), (7, 0))


def test_options_follow_the_version() -> None:
    assert Ffmpeg("x", (4, 4)).every_frame == ("-vsync", "passthrough")
    assert Ffmpeg("x", (5, 1)).every_frame == ("-fps_mode", "passthrough")
    assert (Ffmpeg("x", (4, 4)).show_frames, Ffmpeg("x", (5, 0)).show_frames) == ("showinfo", "showinfo=checksum=0")


def test_a_program_that_takes_nothing_is_noticed(tmp_path: Path) -> None:
    """Its pipe has room for a part of what is written, so that a write that waits for all of it would never end."""
    program = stand_in(tmp_path / "bin/ffmpeg", "import time\ntime.sleep(20)")
    run = FfmpegRun(Ffmpeg(str(program), (7, 0)), [], lambda line: None, writes=True, readable=READABLE)
    try:
        with pytest.raises(FfmpegFailed, match="took no picture"):
            run.write(bytes(1 << 22), 0.5)
    finally:
        run.close()
