"""SIGKILL of a program that records, at random moments: every clip plays, to within a second of the kill."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from edge.saving.leftovers import clean_up
from tests.doubles.booth import HAS_FFPROBE, Booth, probed, times_s, wait_until
from tests.doubles.chromium import CHROMIUM, played_s

pytestmark = pytest.mark.skipif(not HAS_FFPROBE, reason="needs ffprobe: apt-get install ffmpeg")
NUM_KILLS = int(os.environ.get("KILLS", "200")) // 4
NUM_FAST = 1
SEED = 17


def record(folder: Path, told: Any) -> None:
    """Record until killed; sends the time of the first frame, and again and again how much is on the disk."""
    booth = Booth(folder, size_px=(640, 360))
    booth.roll()
    booth.recorder.begin()
    recording = booth.recorder._current.recording
    assert recording is not None
    wait_until(lambda: all(clip.num_bytes for clip in recording._clips.values()))
    while True:
        told.send((recording._origin_ns, min(clip.duration_s for clip in recording._clips.values())))
        time.sleep(0.01)


def kill_once(folder: Path, draw: Random) -> tuple[float, float]:
    """Record, and kill at a drawn moment.

    Returns:
        When that was, in seconds from the first frame on, and how many seconds were surely on the disk.
    """
    ours, childs = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("spawn").Process(target=record, args=(folder, childs), daemon=True)
    child.start()
    childs.close()
    origin_ns, on_disk_s = ours.recv()
    end_s = time.monotonic() + draw.uniform(0.0, 2.5)
    while time.monotonic() < end_s:
        if ours.poll(0.01):
            _, on_disk_s = ours.recv()
    killed_ns = time.monotonic_ns()
    child.kill()
    child.join()
    return (killed_ns - origin_ns) / 1e9, on_disk_s


def killed(folder: Path, seed: int) -> tuple[list[Path], list[float]]:
    """A kill, and the next start: the clips, and how much of each is lost, in seconds."""
    killed_s, on_disk_s = kill_once(folder, Random(seed))
    there = sorted(folder.glob("*.mp4"))
    assert len(there) == 2
    before = [times_s_of_torn(clip) for clip in there]
    assert clean_up([folder]).failed == []
    clips = sorted(folder.glob("*.mp4"))
    ends_s = [times_s(clip)[-1] for clip in clips]
    assert clips == there
    for clip, end_s, torn_s in zip(clips, ends_s, before, strict=True):
        assert float(probed(clip)["format"]["duration"]) > on_disk_s - 0.001, "what was on the disk is still there"
        assert torn_s >= end_s, "it plays before it is made whole, too"
    return clips, [killed_s - end_s for end_s in ends_s]


def times_s_of_torn(clip: Path) -> float:
    """When the last frame of a clip is shown that nobody has made whole yet; a torn end is no error to a player."""
    asked = ["ffprobe", "-v", "quiet", "-show_entries", "packet=pts_time", "-of", "json", str(clip)]
    done = subprocess.run(asked, capture_output=True, check=True, timeout=120)
    return max(float(packet["pts_time"]) for packet in json.loads(done.stdout)["packets"])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(NUM_FAST))
def test_killed_it_plays_as_far_as_it_was_on_the_disk(tmp_path: Path, seed: int) -> None:
    killed(tmp_path / "kept", SEED + seed)


@pytest.mark.alone
@pytest.mark.slow
def test_killed_at_random_moments_every_clip_plays_to_within_a_second(tmp_path: Path) -> None:
    lost_s: list[float] = []
    for number in range(NUM_KILLS):
        lost_s += killed(tmp_path / str(number), SEED + NUM_FAST + number)[1]
    print(f"{NUM_KILLS} kills: lost {sorted(lost_s)[len(lost_s) // 2]:.2f} s median, {max(lost_s):.2f} s at most")
    if os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1):
        pytest.skip("every clip played; how much was lost says nothing on a machine that is so busy")
    assert max(lost_s) < 1.0


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_killed_it_plays_in_a_browser(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kill_once(kept, Random(SEED))
    torn = {clip.name: clip.read_bytes() for clip in kept.glob("*.mp4")}
    clean_up([kept])
    whole = sorted(kept.glob("*.mp4"))
    ends_s = [times_s(clip)[-1] for clip in whole]
    for name, content in torn.items():
        (kept / f"torn-{name}").write_bytes(content + bytes(5000))
    for shown_s in (played_s(whole), played_s(sorted(kept.glob("torn-*.mp4")), from_the_beginning=True)):
        for shown, end_s in zip(shown_s, ends_s, strict=True):
            assert abs(shown - end_s) < 0.5
