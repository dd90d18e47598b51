"""The store keeps its limit: the oldest recordings go, pictures never; a full disk is told and stops nothing else."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import datetime, timezone

import pytest

from edge.access.audit import AuditLog
from edge.basics.errors import InputOutputError
from edge.config import PrivacyConfig, SaveConfig
from edge.health.news import Board, Removed, Saved
from edge.program import record_news
from edge.saving import retention
from edge.saving.ages import LEDGER, Ages
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
        name = booth.begin(["raw"])["name"]
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
        name = booth.begin(["raw"])["name"]
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
            booth.begin()
        assert sorted((small_disk / "kept").iterdir()) == before
        assert "disk is full" in booth.refused[-1]
    finally:
        booth.close()


# ---- how long things stay


def aged(tmp_path, monkeypatch, days, **settings):
    """A store that counts what it kept in 2026 as it would have done while it ran from then on."""
    clock = {"wall": datetime(2026, 5, 4, 3, 2, 10, tzinfo=timezone.utc).timestamp(), "boot": 0.0}
    monkeypatch.setattr(retention, "Ages", lambda folder: Ages(folder, lambda: clock["wall"], lambda: clock["boot"]))
    board, removed = Board(), []
    board.read(Removed, lambda news: removed.append((news.name, news.why)))
    store = Store(SaveConfig(folder=str(tmp_path)), board, privacy=PrivacyConfig(retention_days=days, **settings))

    def later(seconds):
        for key in clock:
            clock[key] += seconds
        store.retention.hurry()
        board.post(Saved("something"))

    return store, removed, later


def test_what_is_older_goes_whatever_it_is_and_the_audit_log_says_why(tmp_path, monkeypatch):
    kept = [put_pair(tmp_path, 1, second=1), put_recording(tmp_path, 2), put_pair(tmp_path, 3, second=3)]
    alone = tmp_path / f"{put_pair(tmp_path, 4, second=4)}-enhanced.png.json"
    for path in tmp_path.glob("*-000004-*.png"):
        path.unlink()
    store, removed, later = aged(tmp_path, monkeypatch, 30)
    audit = AuditLog(tmp_path / "audit" / "audit.jsonl")
    record_news(store._board, audit)
    store.start()
    try:
        wait_until(lambda: (tmp_path / LEDGER).exists() and store.record()["used_bytes"])
        later(30.1 * 86400)
        wait_until(lambda: len(removed) == 4)
    finally:
        store.close()
    audit_path = tmp_path / "audit" / "audit.jsonl"
    wait_until(lambda: audit_path.read_text().count('"removed"') == 4)
    assert {why for _, why in removed} == {"older than [privacy] retention_days"}
    assert {name for name, _ in removed} > {*kept} and not alone.exists()
    assert not list(tmp_path.glob("throat-*"))
    events = [json.loads(line) for line in audit_path.read_text().splitlines()]
    assert [event["why"] for event in events if event["event"] == "removed"] == [removed[0][1]] * 4


def test_what_waits_for_the_pacs_stays_and_is_told(tmp_path, monkeypatch, caplog):
    waits, goes = put_recording(tmp_path, 1), put_pair(tmp_path, 2, second=2)
    store, removed, later = aged(tmp_path, monkeypatch, 30)
    store.held = lambda: {waits: "waits to be sent to the PACS"}
    store.start()
    try:
        wait_until(lambda: (tmp_path / LEDGER).exists() and store.record()["used_bytes"])
        later(31 * 86400)
        wait_until(lambda: removed)
        wait_until(lambda: store.retention.record()["waiting"] == 1)
        assert [name for name, _ in removed] == [goes]
        assert "wait for the PACS" in store.retention.record()["notice"] and "wait for the PACS" in caplog.text
        store.held = dict
        later(60)
        wait_until(lambda: len(removed) == 2)
    finally:
        store.close()


def test_where_nobody_can_say_what_waits_nothing_goes(tmp_path, monkeypatch):
    def nobody():
        raise InputOutputError("the queue cannot be read")

    put_recording(tmp_path, 1)
    store, removed, later = aged(tmp_path, monkeypatch, 30)
    store.retention.due(lambda: None, tuple)
    later(31 * 86400)
    with pytest.raises(InputOutputError):
        store.retention.due(lambda: None, nobody)
    assert not removed


def test_a_recording_that_runs_is_not_too_old(tmp_path, monkeypatch):
    name = put_recording(tmp_path, 1)
    store, _, later = aged(tmp_path, monkeypatch, 1)
    store.retention.due(lambda: (name, 1), tuple)
    later(31 * 86400)
    assert store.retention.due(lambda: (name, 1), tuple) == []
    later(60)
    assert store.retention.due(lambda: None, tuple) == [name]


def test_by_default_nothing_is_ever_too_old(tmp_path, monkeypatch):
    put_recording(tmp_path, 1)
    store, removed, later = aged(tmp_path, monkeypatch, 0)
    store.start()
    try:
        later(10_000 * 86400)
        wait_until(lambda: store.record()["used_bytes"])
    finally:
        store.close()
    assert not removed and not (tmp_path / LEDGER).exists()
    assert PrivacyConfig().retention_days == 0
