"""The store keeps its limit: the oldest recordings go, pictures never; a full disk is told and stops nothing else."""

from __future__ import annotations

import os
import subprocess

import pytest

from edge.config import SaveConfig
from edge.health.news import Board, Removed, Saved
from edge.saving.recording.opening import NotRecorded
from edge.saving.store import NotRemoved, Store
from tests.doubles.booth import HAS_FFPROBE, Booth, times_s, wait_until
from tests.edge.saving.test_listing import put_pair, put_recording

KIB = 1024 / 2**30
"""In GiB."""


def store_of(folder, limit_gib):
    board = Board()
    removed = []
    board.read(Removed, lambda news: removed.append((news.name, news.why)))
    return Store(SaveConfig(folder=str(folder), limit_gib=limit_gib), board), board, removed


def test_the_oldest_recordings_go_first_and_no_picture(tmp_path):
    pair = put_pair(tmp_path, 1, second=1)
    oldest, older, newest = (put_recording(tmp_path, second, num_bytes=20_000) for second in (2, 3, 4))
    store, board, removed = store_of(tmp_path, 100 * KIB)
    store.start()
    try:
        wait_until(lambda: len(removed) == 1)
        assert removed == [(oldest, "the limit of the store")]
        assert store.used_bytes() <= 100 * 1024
        put_recording(tmp_path, 5, num_bytes=20_000)
        board.post(Saved("one more"))
        wait_until(lambda: len(removed) == 2)
        assert removed[1][0] == older
        assert {item.name for item in store.listing.items()} >= {pair, newest}
        wait_until(lambda: store.record()["used_bytes"] == store.used_bytes())
        assert store.record()["limit_bytes"] == 100 * 1024
    finally:
        store.close()


def test_without_a_limit_nothing_goes(tmp_path):
    put_recording(tmp_path, 2, num_bytes=20_000)
    store, _, removed = store_of(tmp_path, 0.0)
    assert store.refusal() == "" and removed == []


def test_where_pictures_alone_are_too_much_no_recording_begins_and_they_stay(tmp_path):
    put_pair(tmp_path, 1, second=1)
    put_recording(tmp_path, 2)
    store, _, removed = store_of(tmp_path, 10 / 2**30)
    assert "limit_gib" in store.refusal()
    assert len(removed) == 1 and [item.kind for item in store.listing.items()] == ["pair"]


def test_what_is_recorded_at_this_moment_is_not_removed(tmp_path):
    name = put_recording(tmp_path, 2, num_bytes=20_000)
    store, _, removed = store_of(tmp_path, 10 * KIB)
    store.running = lambda: (name, 20_000)
    with pytest.raises(NotRemoved):
        store.remove(store.listing.find(name), "on request")
    assert store.refusal() and removed == []
    store.running = lambda: None
    store.remove(store.listing.find(name), "on request")
    assert removed == [(name, "on request")] and not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(not HAS_FFPROBE, reason="needs ffprobe: apt-get install ffmpeg")
def test_a_recording_that_reaches_the_limit_ends(tmp_path):
    booth = Booth(tmp_path / "kept", limit_gib=400 * KIB, size_px=(640, 360))
    booth.store.start()
    try:
        booth.roll()
        name = booth.recorder.begin(["raw"])["name"]
        booth.board.post(Saved("something"))
        wait_until(lambda: not booth.recorder.is_recording)
        assert "limit_gib" in booth.record(name)["ended"]
        assert "recording ended" in booth.refused[-1]
        assert times_s(booth.folder / f"{name}-raw.mp4")
    finally:
        booth.close()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 40 MiB: a few more than a recorder leaves to pictures."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "none", str(folder)], capture_output=True)
    if done.returncode != 0:
        pytest.skip("may not mount a file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.skipif(not HAS_FFPROBE, reason="needs ffprobe: apt-get install ffmpeg")
def test_a_full_disk_ends_a_recording_and_refuses_the_next_whole(small_disk):
    booth = Booth(small_disk / "kept", size_px=(1280, 720))
    try:
        booth.roll()
        name = booth.recorder.begin(["raw"])["name"]
        wait_until(lambda: not booth.recorder.is_recording)
        record = booth.record(name)
        assert (record["state"], "No space left" in record["ended"]) == ("ended", True)
        assert "recording ended" in booth.refused[-1]
        times = times_s(small_disk / "kept" / f"{name}-raw.mp4")
        assert len(times) == record["output"]["files"][0]["frames"]
        so_far = len(booth.taken_ns)
        wait_until(lambda: len(booth.taken_ns) > so_far + 5)  # live goes on
        disk = os.statvfs(small_disk)
        (small_disk / "other").write_bytes(bytes(disk.f_bavail * disk.f_frsize - 8192))
        before = sorted((small_disk / "kept").iterdir())
        with pytest.raises(NotRecorded, match="disk is full"):
            booth.recorder.begin()
        assert sorted((small_disk / "kept").iterdir()) == before
        assert "disk is full" in booth.refused[-1]
    finally:
        booth.close()
