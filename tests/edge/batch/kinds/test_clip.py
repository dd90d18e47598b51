"""Clips in files mode: what is written, and what goes wrong with the file, the disk or FFmpeg. The engine inverts."""

from __future__ import annotations

import contextlib
import os
import signal
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest

import edge.clips.decode
import edge.clips.encode
from edge.basics.errors import InputOutputError
from edge.batch.kinds.clip import _path
from edge.batch.kinds.kind import Piece
from edge.clips.encode import CODECS
from edge.clips.process import FfmpegFailed, FfmpegRun
from edge.clips.program import NoFfmpeg, find_ffmpeg
from edge.pictures.marks import mode_of_file
from tests.doubles.ffmpeg_clips import BACKGROUND, chart, clip, frames_of, made, probed

if TYPE_CHECKING:
    from tests.doubles.files_bench import Bench

X264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")


def with_sound(path: Path, codec: str, *, fps: float = 30) -> Path:
    still = clip(path.with_name("still.mkv"), chart(320, 180), *X264, fps=fps, num_frames=20)
    tone = ("-f", "lavfi", "-i", f"sine=d={20 / fps}", "-c:v", "copy", "-c:a", codec)
    made(path, "-i", str(still), *tone)
    still.unlink()
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("codec", "suffix", "name"), [("h264", ".mp4", "h264"), ("mjpeg", ".mov", "mjpeg"), ("ffv1", ".mkv", "ffv1")]
)
def test_each_codec_keeps_frames_times_sound_and_colours(bench: Bench, codec: str, suffix: str, name: str) -> None:
    assert codec in CODECS
    path = with_sound(bench.originals / "x.mp4", "aac")
    assert bench.run(path, codec=codec).exit_code == 0
    result = bench.output / f"x-enhanced{suffix}"
    video, audio = probed(result), probed(result, "a:0")
    assert (video["codec_name"], audio["codec_name"]) == (name, "aac")
    assert (video["width"], video["height"], int(video["nb_read_frames"])) == (1920, 1080, 20)
    np.testing.assert_allclose(np.diff(video["times_s"]), 1 / 30, atol=0.0011)
    shown = frames_of(result, 1920, 1080)
    np.testing.assert_allclose(shown[5, 500:560, 30:90].mean((0, 1)), 255 - np.array(BACKGROUND), atol=4)
    if codec != "ffv1":
        assert (video["color_range"], video["color_space"]) in (("tv", "smpte170m"), ("pc", "bt470bg"))
    assert mode_of_file(result) == "enhanced"
    assert bench.sidecar(f"x-enhanced{suffix}.json")["clip"]["audio"] == "copied"


@pytest.mark.slow
@pytest.mark.parametrize("fps", [0.5, 23.976, 1000, 4000])
def test_rate_and_duration_are_the_originals(bench: Bench, fps: float) -> None:
    path = clip(bench.originals / "x.mp4", chart(64, 36), *X264, fps=fps, num_frames=12)
    bench.run(path)
    video = probed(bench.output / "x-enhanced.mp4")
    assert int(video["nb_read_frames"]) == 12
    assert float(video["duration"]) == pytest.approx(12 / fps, rel=0.01)
    np.testing.assert_allclose(video["times_s"], np.arange(12) / fps, rtol=0.01, atol=0.01 / fps)


def test_a_variable_rate_and_sound_before_the_picture_stay_as_they_are(bench: Bench) -> None:
    still = clip(bench.originals / "still.mkv", chart(64, 36), *X264, num_frames=10)
    exact = (*find_ffmpeg().every_frame, "-enc_time_base", "1/1000", "-video_track_timescale", "1000", "-c:a", "aac")
    path = made(
        bench.originals / "x.mp4", "-f", "lavfi", "-i", "sine=d=3", "-i", str(still), "-map", "1:v", "-map", "0:a",
        "-vf", "settb=1/1000,setpts=500+N*N*20", *exact, *X264, "-bf", "0",
    )  # fmt: skip
    still.unlink()
    assert bench.run(path).exit_code == 0
    result = bench.output / "x-enhanced.mp4"
    expected = [0.5 + n * n * 0.02 for n in range(10)]
    np.testing.assert_allclose(probed(result)["times_s"], expected, atol=0.002)
    assert probed(result, "a:0")["times_s"][0] == pytest.approx(0, abs=0.03)


def test_sound_that_the_container_does_not_take_is_converted_and_told(bench: Bench) -> None:
    path = with_sound(bench.originals / "x.mkv", "pcm_s16le")
    report = bench.run(path)
    assert probed(bench.output / "x-enhanced.mp4", "a:0")["codec_name"] == "aac"
    assert bench.sidecar("x-enhanced.mp4.json")["clip"]["audio"] == "converted from pcm_s16le to AAC"
    assert "changed: sound converted 1" in report.summary()


def test_damage_is_in_the_sidecar_the_summary_and_one_warning(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    path = made(bench.originals / "x.mov", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=1", "-c:v", "mjpeg")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4000] = bytes(4000)
    path.write_bytes(content)
    report = bench.run(path)
    damage = bench.sidecar("x-enhanced.mp4.json")["clip"]["damage"]
    assert damage["frames_missing"] >= 1 and damage["faults"] >= 1
    assert "frames missing 1" in report.summary() and report.exit_code == 0
    assert sum("frames missing" in record.message for record in caplog.records) == 1
    times_s = probed(bench.output / "x-enhanced.mp4")["times_s"]
    assert times_s[-1] == pytest.approx(29 / 30, abs=0.001)
    gaps = [before + 1 / 30 for before, after in pairwise(times_s) if after - before > 0.05]
    assert damage["missing_from_s"] == pytest.approx(gaps, abs=0.001)


def test_a_clip_that_grows_while_it_is_read_is_refused(bench: Bench) -> None:
    path, other = bench.clip(num_frames=12), bench.picture()

    def grow(num_calls: int) -> None:
        if num_calls == 3:
            with path.open("ab") as file:
                file.write(b"more")

    bench.engine.on_call = grow
    report = bench.run()
    assert (report.exit_code, report.done) == (1, [other])
    assert "changed while it was read" in str(report.failed[0].error)
    assert not [name for name in bench.written() if "clip" in name]


def ffmpeg_children() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
            found += [child] if "ffmpeg" in child.name() else []
    return found


@pytest.mark.slow
@pytest.mark.parametrize("which", ["reader", "writer"])
def test_ffmpeg_killed_half_way_fails_its_clip_alone_and_leaves_nothing(bench: Bench, which: str) -> None:
    path = clip(bench.originals / "a.mp4", chart(1280, 720), *X264, num_frames=60)
    other = bench.picture("b.png")

    def kill(num_calls: int) -> None:
        if num_calls == 8:
            for child in ffmpeg_children():
                is_writer = "pipe:0" in child.cmdline()
                if is_writer == (which == "writer"):
                    os.kill(child.pid, signal.SIGKILL)

    bench.engine.on_call = kill
    report = bench.run()
    assert (report.exit_code, report.done) == (1, [other])
    (failure,) = report.failed
    assert failure.path == path and "SIGKILL" in str(failure.error) and "\n" not in str(failure.error)
    assert not [name for name in bench.written() if name.startswith(("a", ".a"))]
    assert not ffmpeg_children()


@pytest.mark.slow
@pytest.mark.parametrize("which", ["reader", "writer"])
def test_ffmpeg_that_hangs_is_ended(bench: Bench, which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.clips.decode, "_WAIT_S", 0.5)
    monkeypatch.setattr(edge.clips.encode, "_WAIT_S", 0.5)
    path = clip(bench.originals / "a.mp4", chart(1280, 720), *X264, num_frames=90)

    def stop(num_calls: int) -> None:
        if num_calls == 8:
            for child in ffmpeg_children():
                if ("pipe:0" in child.cmdline()) == (which == "writer"):
                    os.kill(child.pid, signal.SIGSTOP)

    bench.engine.on_call = stop
    with pytest.raises(FfmpegFailed, match=f"{path}.* for 0 s|FFmpeg took no picture"):
        bench.run(path)
    assert bench.written() == [] and not ffmpeg_children()


def test_a_disk_that_fills_in_a_clip_leaves_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg writes to the device that is always full."""

    device = os.open("/dev/full", os.O_WRONLY)

    def full(run: FfmpegRun, ffmpeg: object, arguments: list[str], *rest: object, **options: object) -> None:
        words = [f"/dev/fd/{device}" if word.startswith("/dev/fd/") else word for word in arguments]
        begun(run, ffmpeg, words, *rest, **(options | ({"written": (device,)} if options.get("written") else {})))

    begun = FfmpegRun.__init__
    monkeypatch.setattr(FfmpegRun, "__init__", full)
    noise = np.random.default_rng(1).integers(0, 255, (180, 320, 3), np.uint8)
    path, last = clip(bench.originals / "a.mp4", noise, *X264, num_frames=30), bench.picture("z.png")
    with pytest.raises(InputOutputError, match=r"a-enhanced\.mp4.*No space left"):
        bench.run(path, last)
    os.close(device)
    assert bench.written() == []


def test_without_ffmpeg_pictures_are_made_and_each_clip_says_what_to_install(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> None:
        raise NoFfmpeg("clips need the program FFmpeg: none is installed; pip install imageio-ffmpeg")

    monkeypatch.setattr("edge.clips.facts.find_ffmpeg", none)
    made(bench.originals / "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=64x36:r=30:d=0.2", *X264)
    picture = bench.picture()
    report = bench.run()
    assert (report.done, report.exit_code) == ([picture], 1)
    assert "pip install imageio-ffmpeg" in str(report.failed[0].error)


@pytest.mark.slow
def test_memory_stays_flat_over_a_long_clip(bench: Bench) -> None:
    """Of this process and both FFmpegs, from frame 100 on; all that is read, waits or is written is bounded."""
    path = made(bench.originals / "x.mp4", "-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=30:d=20", *X264)
    held_mb: list[float] = []

    def weigh(num_calls: int) -> None:
        if num_calls >= 100 and num_calls % 50 == 0:
            held = [psutil.Process().memory_full_info().uss]
            for one in ffmpeg_children():
                with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
                    held.append(one.memory_full_info().uss)
            held_mb.append(sum(held) / 1e6)

    bench.engine.on_call = weigh
    assert bench.run(path).exit_code == 0
    assert len(held_mb) == 11
    assert max(held_mb) - held_mb[0] < 60, held_mb  # a frame is 6 MB: ten of them, while 500 go through


@pytest.mark.parametrize("name", ["list.m3u8", "list.txt", "list.mp4"])
def test_a_list_of_other_files_is_refused_by_name(bench: Bench, name: str) -> None:
    path = bench.originals / name
    path.write_text(f"#EXTM3U\n{bench.clip()}\n")
    with pytest.raises(InputOutputError, match=f"{name}.*names other files"):
        bench.run(path)
    assert bench.written() == []


@pytest.mark.slow
@pytest.mark.parametrize("codec", CODECS)
def test_a_clip_gives_the_same_bytes_each_time(bench: Bench, codec: str) -> None:
    path = with_sound(bench.originals / "x.mp4", "aac")
    assert bench.run(path, codec=codec).exit_code == 0
    first = {file.name: file.read_bytes() for file in bench.output.iterdir()}
    assert bench.run(path, codec=codec, force=True).exit_code == 0
    assert {file.name: file.read_bytes() for file in bench.output.iterdir()} == first


def test_an_original_that_was_sent_is_not_written_through_a_planted_link(tmp_path: Path) -> None:
    victim, link = tmp_path / "victim", tmp_path / "original.mp4"
    victim.write_bytes(b"somebody's")
    link.symlink_to(victim)
    piece = Piece("clip", Path("/nowhere/x.mp4"), Path("/nowhere/x.mp4"), "x", content=b"a clip")
    path = _path(piece, tmp_path)
    assert (path, path.is_symlink(), path.stat().st_mode & 0o777) == (link, False, 0o600)
    assert (path.read_bytes(), victim.read_bytes()) == (b"a clip", b"somebody's")
