"""Files that are complete or absent."""

import os
import threading
from pathlib import Path

import pytest

from edge.basics import whole_files
from edge.basics.whole_files import make_folder, part_of, whole_file, write_together, write_whole
from tests.doubles.waiting import GUARD_S


def test_write_whole_leaves_no_part_behind(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge.basics.whole_files.os.fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_files_that_belong_together_come_all_or_none(tmp_path, monkeypatch):
    contents = {tmp_path / "a": b"1", tmp_path / "b": b"2"}
    real, calls = __import__("os").fsync, []

    def second_fails(number):
        calls.append(number)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(number)

    monkeypatch.setattr("edge.basics.whole_files.os.fsync", second_fails)
    with pytest.raises(OSError, match="No space"):
        write_together(contents)
    assert not list(tmp_path.iterdir())
    write_together(contents)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a": b"1", "b": b"2"}


def test_the_order_that_survives_a_power_cut(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(number):
        done.append(("fsync", Path(f"/proc/self/fd/{number}").readlink().name))
        fsync(number)

    def noted_replace(part, name, **folders):
        done.append(("rename", name))
        return replace(part, name, **folders)

    monkeypatch.setattr(whole_files.os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    folder = tmp_path.name
    write_whole(tmp_path / "a", b"1")
    assert done == [("fsync", ".a.edge.part"), ("rename", "a"), ("fsync", folder)]
    done.clear()
    write_together({tmp_path / "a": b"2", tmp_path / "b": b"2"})
    write_together({tmp_path / "a": b"3", tmp_path / "b": b"3"})
    parts = [("fsync", ".a.edge.part"), ("fsync", ".b.edge.part")]
    renames = [("rename", "a"), ("fsync", folder), ("rename", "b"), ("fsync", folder)]
    assert done == [*parts, *renames, *parts, ("fsync", folder), *renames], "an old last file goes first, for good"


def test_new_folders_are_brought_to_the_disk_with_those_above_them(tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync

    def noted_fsync(number):
        synced.append(Path(f"/proc/self/fd/{number}").readlink())
        fsync(number)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    make_folder(tmp_path / "a" / "b")
    assert synced == [tmp_path, tmp_path / "a"]
    make_folder(tmp_path / "a" / "b")
    assert len(synced) == 2


def test_a_leftover_of_the_same_name_is_written_over(tmp_path):
    part_of(tmp_path / "file").write_bytes(b"much longer than what comes")
    write_whole(tmp_path / "file", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"new")]


def test_two_threads_write_one_file_after_each_other(tmp_path):
    path = tmp_path / "file"
    begun, go_on = threading.Event(), threading.Event()

    def first():
        with whole_file(path) as file:
            file.write(b"first")
            begun.set()
            go_on.wait(GUARD_S)

    def second():
        with whole_file(path) as file:
            file.write(b"2")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    begun.wait(GUARD_S)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(GUARD_S)
    assert path.read_bytes() == b"2"
    assert [found.name for found in tmp_path.iterdir()] == ["file"]
