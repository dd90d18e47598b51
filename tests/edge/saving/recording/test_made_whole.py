"""What a power cut leaves of a recording is made whole at the next start, and plays."""

from __future__ import annotations

import json
import os
import shutil
import struct
from random import Random

import pytest

from edge.basics.whole_files import lock
from edge.saving.leftovers import clean_up
from edge.saving.recording.names import files_of
from tests.doubles.booth import HAS_FFPROBE, Booth, probed, times_s, wait_until

pytestmark = pytest.mark.skipif(not HAS_FFPROBE, reason="needs ffprobe: apt-get install ffmpeg")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A folder as it is while a recording runs, its name, and the recording itself, ended later."""
    folder = tmp_path_factory.mktemp("running")
    booth = Booth(folder / "kept")
    booth.roll()
    try:
        booth.begin()
        booth.wait_recorded(1.6)
        wait_until(lambda: all(path.stat().st_size for path in booth.folder.glob("*.mp4")))
        wait_until(lambda: all("changes" in json.loads(path.read_text()) for path in booth.folder.glob("*.json")))
        shutil.copytree(booth.folder, folder / "cut")
        name = booth.recorder.end()["name"]
    finally:
        booth.close()
    return folder / "cut", name


@pytest.fixture
def cut(running, tmp_path):
    """A copy of that folder, to be harmed, and the name."""
    folder, name = running
    return shutil.copytree(folder, tmp_path / "kept"), name


@pytest.mark.slow
def test_one_that_was_running_is_ended_and_told(cut):
    folder, name = cut
    found = clean_up([folder])
    record = json.loads((folder / f"{name}.json").read_text())
    assert (record["state"], record["ended"]) == ("ended", "by a power cut")
    assert record["changes"][0]["mode"] == "enhanced"
    assert [path.name for path in found.recordings] == [f"{name}.json"]
    assert "made 1 recording whole" in found.lines()[0]
    for file in record["output"]["files"]:
        path = folder / file["name"]
        times = times_s(path)
        assert (len(times), path.stat().st_size) == (file["frames"], file["bytes"])
        assert file["duration_s"] == pytest.approx(float(probed(path)["format"]["duration"]), abs=0.001)
    assert clean_up([folder]).lines() == [], "once"


def test_noughts_at_the_end_of_its_last_fragment_are_cut_off_with_it(cut):
    folder, name = cut
    path = folder / f"{name}-raw.mp4"
    content = path.read_bytes()
    *_, last_but_one, last = ends_of_fragments(content)
    path.write_bytes(content[: last - 100] + bytes(100))  # its length was written, its last block not
    clean_up([folder])
    assert path.read_bytes() == content[:last_but_one]
    assert times_s(path)


@pytest.mark.parametrize("seed", range(8))
def test_wherever_it_was_cut_it_plays_up_to_the_last_whole_fragment(cut, seed):
    folder, name = cut
    path = folder / f"{name}-enhanced.mp4"
    content = path.read_bytes()
    at = Random(seed).randrange(len(content) // 4, len(content))
    torn = content[:at] + (bytes(5000) if seed % 2 else b"")  # a file system may leave noughts
    path.write_bytes(torn)
    clean_up([folder])
    whole = [end for end in ends_of_fragments(content) if end <= at]
    assert path.exists() == bool(whole)
    if whole:
        assert path.read_bytes() == content[: whole[-1]]
        assert times_s(path)


def ends_of_fragments(content):
    """In bytes."""
    found, at = [], 0
    while at < len(content):
        num_bytes, kind = struct.unpack_from(">I4s", content, at)
        at += num_bytes
        found += [at] if kind == b"mdat" else []
    return found


def test_one_that_is_recorded_by_another_program_is_left_alone(cut):
    folder, name = cut
    with (folder / f"{name}-raw.mp4").open("rb") as file:
        assert lock(file, wait=False)
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert clean_up([folder]).lines() == []
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_one_without_a_whole_fragment_is_removed(cut):
    folder, name = cut
    for view in ("raw", "enhanced"):
        path = folder / f"{name}-{view}.mp4"
        path.write_bytes(path.read_bytes()[:2000])
    found = clean_up([folder])
    assert list(folder.iterdir()) == []
    assert sorted(path.name for path in found.removed) == sorted(files_of(name))


def test_a_view_without_a_whole_fragment_goes_and_the_other_stays(cut):
    folder, name = cut
    (folder / f"{name}-raw.mp4").write_bytes(b"")
    clean_up([folder])
    record = json.loads((folder / f"{name}.json").read_text())
    assert [file["mode"] for file in record["output"]["files"]] == ["enhanced"]
    assert not (folder / f"{name}-raw.mp4").exists()


def test_empty_clips_without_a_record_are_removed_and_others_stay(tmp_path):
    begun, strange = "throat-20260504T030201.678Z-recording", "throat-20260504T030202.678Z-recording"
    (tmp_path / f"{begun}-raw.mp4").touch()
    (tmp_path / f"{strange}-raw.mp4").write_bytes(b"somebody's")
    (tmp_path / "holiday.mp4").touch()
    clean_up([tmp_path])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["holiday.mp4", f"{strange}-raw.mp4"]


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda path: path.write_bytes(b"{"), id="no JSON"),
        pytest.param(lambda path: path.write_bytes(b'{"state": "recording"}'), id="not ours"),
        pytest.param(lambda path: path.write_bytes(b" " * (2 << 20)), id="huge"),
        pytest.param(lambda path: (path.unlink(), os.mkfifo(path)), id="pipe"),
        pytest.param(lambda path: (path.unlink(), path.symlink_to("/etc/passwd")), id="link"),
    ],
)
def test_a_record_that_is_none_harms_nothing(cut, harm):
    folder, name = cut
    harm(folder / f"{name}.json")
    before = (folder / f"{name}-raw.mp4").read_bytes()
    clean_up([folder])
    assert (folder / f"{name}-raw.mp4").read_bytes() == before


def test_a_clip_that_is_a_link_is_not_followed(cut, tmp_path):
    folder, name = cut
    other = tmp_path / "other.mp4"
    other.write_bytes(b"x" * 100)
    clip = folder / f"{name}-raw.mp4"
    clip.unlink()
    clip.symlink_to(other)
    clean_up([folder])
    assert other.read_bytes() == b"x" * 100
