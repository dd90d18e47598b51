"""Disks that take nothing, and how that is told."""

import os
from types import SimpleNamespace

import pytest

from edge.health import disk
from edge.health.disk import StorageWatch, disk_state
from edge.health.news import Board, NotSaved, Saved


def statvfs_of(free_mib, *, flag=0, inodes=1000):
    return SimpleNamespace(f_bavail=free_mib, f_frsize=2**20, f_flag=flag, f_files=2000, f_favail=inodes)


@pytest.mark.parametrize(
    ("given", "state", "words"),
    [
        (statvfs_of(501), "ok", ""),
        (statvfs_of(499), "degraded", "499 MiB free"),
        (statvfs_of(31), "failed", "the disk is full (31 MiB free)"),
        (statvfs_of(900, inodes=0), "failed", "the disk is full"),
        (statvfs_of(900, flag=os.ST_RDONLY), "failed", "read-only"),
    ],
)
def test_states_of_a_disk(tmp_path, monkeypatch, given, state, words):
    monkeypatch.setattr(disk.os, "statvfs", lambda path: given)
    found, _, reason = disk_state(tmp_path / "not" / "made" / "yet")
    assert found == state
    assert words in reason


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert disk_state(tmp_path / "file")[:2] == ("failed", "access")


class Watched:
    def __init__(self, folder, monkeypatch):
        self.free_mib, self.heard = 900, []
        monkeypatch.setattr(disk.os, "statvfs", lambda path: statvfs_of(self.free_mib))
        self.board = Board()
        self.watch = StorageWatch(folder, self.board, lambda state, reason: self.heard.append((state, reason)))

    def states(self):
        return [state for state, _ in self.heard]


def test_states_are_told_once_and_looked_at_every_five_seconds(tmp_path, monkeypatch):
    watched = Watched(tmp_path, monkeypatch)
    for second, free_mib in enumerate([900, 100, 90, 80, 70, 60, 50, 20, 20, 20, 900, 900, 900, 900, 900, 900]):
        watched.free_mib = free_mib
        watched.watch.tick(second * 1_000_000_000)
    assert watched.states() == ["ok", "degraded", "ok"]
    assert "60 MiB" in watched.heard[1][1]


def test_a_failed_save_is_told_at_once_until_one_is_saved(tmp_path, monkeypatch):
    watched = Watched(tmp_path, monkeypatch)
    watched.watch.tick(0)
    watched.board.post(NotSaved("no quota", by_disk=True))
    watched.watch.tick(60_000_000_000)
    assert watched.heard == [("ok", ""), ("failed", "no quota")]
    watched.board.post(Saved("throat-1-enhanced.png"))
    assert watched.states() == ["ok", "failed", "ok"]
    watched.free_mib = 3
    watched.board.post(NotSaved("no space left", by_disk=True))
    assert "the disk is full (3 MiB free)" in watched.heard[-1][1]


def test_a_picture_that_was_not_worth_keeping_says_nothing_of_the_disk(tmp_path, monkeypatch):
    watched = Watched(tmp_path, monkeypatch)
    watched.watch.tick(0)
    watched.board.post(NotSaved("the picture was not live: the source is silent"))
    assert watched.heard == [("ok", "")]


def test_what_is_left_is_told_as_it_was_looked_at_last(tmp_path, monkeypatch):
    watched = Watched(tmp_path, monkeypatch)
    assert watched.watch.free_bytes is None
    watched.watch.tick(0)
    watched.free_mib = 700
    watched.watch.tick(1)
    assert watched.watch.free_bytes == 900 * 2**20
    watched.watch.tick(10**10)
    assert watched.watch.free_bytes == 700 * 2**20
