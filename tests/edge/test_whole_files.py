"""Files that are complete or absent."""

import pytest

from edge.whole_files import write_together, write_whole


def test_write_whole_leaves_no_part_behind(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge.whole_files.os.fsync", fail)
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

    monkeypatch.setattr("edge.whole_files.os.fsync", second_fails)
    with pytest.raises(OSError, match="No space"):
        write_together(contents)
    assert not list(tmp_path.iterdir())
    write_together(contents)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a": b"1", "b": b"2"}
