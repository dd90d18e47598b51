"""Clips of every make as H.264 that a transfer syntax takes: copied where that is true, else encoded anew."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from edge.basics.errors import InputOutputError
from edge.clips.program import Ffmpeg
from edge.dicom.video import stream
from edge.dicom.video.level import LEVELS, level_of
from edge.dicom.video.mp4 import Track
from edge.dicom.video.parameters import Parameters
from edge.dicom.video.stream import stream_of
from tests.doubles.saved_items import AS_RECORDED, write_clip
from tests.doubles.waiting import GUARD_S

needs_ffprobe = pytest.mark.skipif(shutil.which("ffprobe") is None, reason="needs ffprobe: apt-get install ffmpeg")
X264 = ("-c:v", "libx264", "-preset", "ultrafast")
MAKES: dict[str, tuple[tuple[str, ...], bool]] = {
    "as recorded": (AS_RECORDED, False),
    "main": ((*X264, "-profile:v", "main", "-coder", "1", "-pix_fmt", "yuv420p"), False),
    "high": ((*X264, "-profile:v", "high", "-x264-params", "8x8dct=1", "-pix_fmt", "yuv420p"), False),
    "a level too high": ((*X264, "-level", "5.1", "-pix_fmt", "yuv420p"), False),
    "4:2:2": ((*X264, "-pix_fmt", "yuv422p"), True),
    "interlaced": ((*X264, "-flags", "+ildct+ilme", "-pix_fmt", "yuv420p"), True),
    "pixels not square": ((*X264, "-vf", "scale=240:180,setsar=4/3", "-pix_fmt", "yuv420p"), True),
    "parameters in the stream": ((*X264, "-pix_fmt", "yuv420p", "-bsf:v", "dump_extra"), True),
    "Motion-JPEG": (("-c:v", "mjpeg"), True),
}


def probed(path: Path) -> dict[str, Any]:
    asked = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(path)]
    done = subprocess.run(asked, capture_output=True, check=True, timeout=GUARD_S)
    (found,) = json.loads(done.stdout)["streams"]
    return dict(found)


OFTEN = {"as recorded", "Motion-JPEG"}


@needs_ffprobe
@pytest.mark.parametrize(
    ("coding", "is_anew"),
    [pytest.param(*make, id=name, marks=() if name in OFTEN else pytest.mark.slow) for name, make in MAKES.items()],
)
def test_each_make_comes_out_as_high(coding: tuple[str, ...], is_anew: bool, tmp_path: Path) -> None:
    clip, copy = tmp_path / "clip.mp4", tmp_path / "copy.mp4"
    write_clip(clip, "testsrc2=size=320x180:rate=25:duration=0.4", coding)
    with stream_of(clip) as made:
        assert made.is_encoded_anew == is_anew
        assert made.transfer_syntax == "1.2.840.10008.1.2.4.102"
        assert made.num_bytes % 2 == 0
        copy.write_bytes(made.file.read())
        assert len(copy.read_bytes()) == made.num_bytes
    found = probed(copy)
    assert (found["codec_name"], found["profile"], found["pix_fmt"]) == ("h264", "High", "yuv420p")
    assert found["level"] <= 41
    assert int(found["nb_read_frames"]) == made.num_frames == 10
    assert (found["width"], found["height"]) == (made.width_px, made.height_px) == (320, 180)
    assert found.get("sample_aspect_ratio", "1:1") == "1:1"


@pytest.mark.slow
@needs_ffprobe
def test_times_are_kept_where_it_is_encoded_anew(tmp_path: Path) -> None:
    clip, copy = tmp_path / "clip.mp4", tmp_path / "copy.mp4"
    write_clip(clip, "testsrc2=size=320x180:rate=25:duration=0.4", ("-vf", "setpts=PTS+N*N*0.001/TB", "-c:v", "mjpeg"))
    with stream_of(clip) as made:
        copy.write_bytes(made.file.read())
    asked = ["ffprobe", "-v", "error", "-show_entries", "packet=pts_time", "-of", "csv=p=0"]
    times = [subprocess.run([*asked, str(one)], capture_output=True, check=True).stdout.split() for one in (clip, copy)]
    assert [float(at) for at in times[1]] == pytest.approx([float(at) for at in times[0]], abs=0.0001)


def track(num: int = 100, fps: float = 25.0, frame_bytes: int = 10_000) -> Track:
    return Track(b"", 0, b"", 90_000, [frame_bytes] * num, [round(90_000 / fps)] * num, 0)


def parameters(width_mbs: int = 120, height_mbs: int = 68, num_references: int = 1) -> Parameters:
    return Parameters(100, 0, 40, num_references, width_mbs, height_mbs, 1920, 1080, True, True)


@pytest.mark.parametrize(
    ("told", "frames", "number"),
    [
        (parameters(), track(), 41),
        (parameters(), track(fps=30), 41),
        (parameters(), track(fps=50), 42),
        (parameters(), track(fps=60), 42),
        (parameters(), track(fps=90), None),
        (parameters(240, 135), track(), None),
        (parameters(num_references=4), track(), 41),
        (parameters(num_references=5), track(), None),
        (parameters(80, 45), track(fps=60), 41),
        (parameters(), track(num=200, frame_bytes=300_000), 41),
        (parameters(), track(num=200, frame_bytes=400_000), None),
        (parameters(), track(num=2, frame_bytes=400_000), 41),
        (parameters(), track(num=2, frame_bytes=10_000_000), None),
    ],
    ids=["25", "30", "50", "60", "90 a second", "4K", "4 kept", "5 kept", "720p 60", "60 Mbit", "80 Mbit", "a burst",
         "a frame too large"],
)  # fmt: skip
def test_the_level_is_what_the_frames_keep_to(told: Parameters, frames: Track, number: int | None) -> None:
    found = level_of(told, frames)
    assert (found and found.number) == number


def test_a_level_has_its_syntax() -> None:
    assert [(one.number, str(one.transfer_syntax)) for one in LEVELS] == [
        (41, "1.2.840.10008.1.2.4.102"),
        (42, "1.2.840.10008.1.2.4.104"),
    ]


def test_without_an_encoder_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = tmp_path / "clip.mp4"
    write_clip(clip, "testsrc2=size=320x180:rate=25:duration=0.2", ("-c:v", "mjpeg"))
    there = stream.find_ffmpeg()
    monkeypatch.setattr(stream, "find_ffmpeg", lambda: Ffmpeg(there.path, there.version, frozenset({"mjpeg"})))
    with pytest.raises(InputOutputError, match="install another FFmpeg"), stream_of(clip):
        pass
