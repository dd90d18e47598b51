"""Damaged pictures and clips: shown, or refused in one line; of a refused one no file is made."""

from __future__ import annotations

import json
import subprocess
import threading
from collections import Counter
from contextlib import closing
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from edge.batch.run import enhance_files
from edge.batch.workers.in_thread import InThread
from edge.clips.decode import ClipReader, Damage
from edge.clips.facts import clip_facts
from edge.models.profile import Profile
from edge.pictures.files import read_picture
from edge.pictures.image import Image
from edge.pictures.reading.picture_file import num_pages_of, opened_picture
from edge.saving.sidecar import is_complete
from tests.doubles.ffmpeg_clips import ffmpeg, made
from tests.doubles.files_bench import MODEL_SHA, InvertingEngine
from tests.fuzz.harness import accepted, assert_one_line, chance, fuzz
from tests.fuzz.inputs import SAMPLES, picture_bytes
from tests.fuzz.mutations import damaged_bytes

MOST_FRAMES = 40
MOST_PAGES = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


CLIPS = {
    ".avi": ("-c:v", "mjpeg", "-q:v", "3"),
    ".mp4": ("-c:v", "libx264", "-g", "4", "-pix_fmt", "yuv420p"),
    ".ts": ("-c:v", "mpeg2video", "-g", "4"),
    ".mkv": ("-c:v", "ffv1"),
}


@pytest.fixture(scope="module")
def sound_clips(folder: Path) -> dict[str, Path]:
    moving = ("-f", "lavfi", "-i", "testsrc2=s=96x54:r=24:d=0.4")
    return {suffix: made(folder / f"sound{suffix}", *moving, *words) for suffix, words in CLIPS.items()}


@fuzz("picture", 20_000)
def test_pictures(draw: Random, outcomes: Counter[str], folder: Path) -> None:
    suffix, content = picture_bytes(draw)
    path = folder / f"throat{suffix}"
    path.write_bytes(content)
    file = accepted(outcomes, path, lambda: opened_picture(path))
    assert num_pages_of(path) == (file.num_pages if file else 1)
    for number in range(1, min(file.num_pages, MOST_PAGES) + 1 if file else 0):
        page = accepted(outcomes, path, lambda number=number: file.page(number))
        kept = accepted(outcomes, path, lambda number=number: file.page(number, keep_damaged=True))
        assert kept is not None or page is None
        for picture in filter(None, (page, kept)):
            image = picture.image
            assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size
        assert kept is None or bool(kept.damage) == (page is None), "a damaged picture without a mark"


@fuzz("picture", 200)
def test_batches(draw: Random, outcomes: Counter[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two damaged pictures and a sound one: each result is whole or absent."""
    folder = tmp_path_factory.mktemp("batch")
    originals, output = folder / "in", folder / "out"
    originals.mkdir()
    for number in range(2):
        suffix, content = picture_bytes(draw)
        (originals / f"{number}{suffix}").write_bytes(content)
    (originals / "sound.png").write_bytes(SAMPLES[".png"][0])
    manifest = {"name": "student", "profile": "live", "version": "1", "sha256": MODEL_SHA}
    profile = Profile("live", folder, manifest, folder / "model.onnx", None)
    stop = threading.Event()
    report = enhance_files([originals], output, InThread(InvertingEngine(), profile, stop), profile, stop=stop)
    outcomes["enhanced"] += len(report.done)
    outcomes["refused"] += len(report.failed)
    assert len(report.done) + len(report.failed) >= 3 and originals / "sound.png" in report.done
    sidecars = list(output.glob("*.json"))
    assert len(sidecars) == len(report.done)
    assert len(list(output.iterdir())) == 3 * len(report.done) + 1, "and the manifest"
    for sidecar in sidecars:
        assert is_complete(sidecar, json.loads(sidecar.read_text())["source"]["sha256"], MODEL_SHA)
    for path in folder.rglob("*"):
        if path.is_file():
            path.unlink()


class Played(NamedTuple):
    frames: list[Image]
    times_s: list[float]
    damage: Damage


def played(path: Path) -> Played:
    frames, times_s = [], []
    with closing(ClipReader(path, clip_facts(path))) as reader:
        while len(frames) < MOST_FRAMES and (read := reader.read(lambda shape: None)) is not None:
            frames.append(read[0])
            times_s.append(float(read[1]))
        return Played(frames, times_s, reader.damage())


def is_as_sound(frames: list[Image], sound: list[Image]) -> bool:
    return len(frames) == len(sound) and all(
        one.shape == other.shape and not (one != other).any() for one, other in zip(frames, sound, strict=True)
    )


def complaint_of_ffmpeg(path: Path) -> str:
    """What the program itself has to say of a clip, asked in words of its own; times are set in order by the reader."""
    words = ["-v", "error", "-nostdin", "-i", f"file:{path}", "-map", "0:V:0", "-f", "null", "-"]
    told = subprocess.run([ffmpeg(), *words], capture_output=True, timeout=60).stderr.decode(errors="replace")
    return "\n".join(line for line in told.splitlines() if "non monoton" not in line)


@pytest.mark.slow
@fuzz("clip", 3_000)
def test_clips(draw: Random, outcomes: Counter[str], folder: Path, sound_clips: dict[str, Path]) -> None:
    """What is given is whole and in order; where it is not as in the sound clip, it is told, or FFmpeg saw nothing.

    None of these formats has a checksum over all of its content, so that some of what is altered is seen by nobody.
    """
    suffix = draw.choice(sorted(sound_clips))
    sound = sound_clips[suffix].read_bytes()
    path = folder / f"clip{suffix}"
    head = 4096 if chance(draw, 0.5) else len(sound)
    path.write_bytes(damaged_bytes(sound[:head], draw) + sound[head:])
    read = accepted(outcomes, path, lambda: played(path))
    if read is None:
        return
    assert len({frame.shape for frame in read.frames}) == 1
    assert all(before < after for before, after in pairwise(read.times_s))
    if read.damage:
        outcomes["marked"] += 1
        assert_one_line(read.damage.line())
    elif not is_as_sound(read.frames, sound_frames(sound_clips[suffix])):
        outcomes["altered, seen by nobody"] += 1
        complaint = complaint_of_ffmpeg(path)
        assert not complaint, f"not told: {complaint}"


@cache
def sound_frames(path: Path) -> list[Image]:
    return played(path).frames


def test_a_picture_of_a_size_that_no_camera_has_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    png = bytearray(SAMPLES[".png"][0])
    png[16:24] = (32_000).to_bytes(4, "big") * 2
    (tmp_path / "huge.png").write_bytes(png)
    with pytest.raises(InputOutputError, match=r"huge\.png"):
        read_picture(tmp_path / "huge.png")
