"""Sessions: whole at every moment, going on where they were, never overwritten."""

import json
import resource
from dataclasses import replace

import numpy as np
import pytest

from calib.session import Session, SessionWriter, opened_session, read_session
from edge.basics.errors import InputOutputError, UsageError
from edge.pictures.files import read_picture

PICTURE = np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8)


@pytest.fixture
def wanted(tmp_path) -> Session:
    return Session(
        tmp_path / "flat", "flat", "", "A-1", "camera:/dev/video0", "1920x1080 MJPG", 3, {"exposure": 120.0}, None,
        "2026-01-01T10:00:00+00:00",
    )  # fmt: skip


def test_a_record_tells_all_and_reads_back(wanted):
    writer = opened_session(wanted)
    writer.add(PICTURE, {"phash": "00ff"})
    record = json.loads((wanted.folder / "session.json").read_text())
    assert record["target"] == "flat" and record["unit"] == "A-1" and record["firmware"] is None
    assert record["controls"] == {"exposure": 120.0} and record["tool"].startswith("edge-calib ")
    assert set(record["frames"][0]) == {"file", "sha256", "taken_at", "about"}
    assert read_session(wanted.folder) == writer.session
    ((frame, image),) = read_session(wanted.folder).images()
    np.testing.assert_array_equal(image, PICTURE)
    assert frame.about == {"phash": "00ff"}


def test_an_interrupted_session_goes_on_without_touching_what_is_there(wanted):
    opened_session(wanted).add(PICTURE, {})
    first = wanted.folder / "flat-000.png"
    stamp = first.stat().st_mtime_ns
    writer = opened_session(wanted)
    assert len(writer.session.frames) == 1
    writer.add(255 - PICTURE, {})
    assert first.stat().st_mtime_ns == stamp
    np.testing.assert_array_equal(read_picture(wanted.folder / "flat-001.png"), 255 - PICTURE)


def test_a_frame_that_a_power_cut_left_without_a_record_is_passed_over(wanted):
    writer = opened_session(wanted)
    (wanted.folder / "flat-000.png").write_bytes(b"left over")
    writer.add(PICTURE, {})
    assert writer.session.frames[0].file == "flat-001.png"
    assert (wanted.folder / "flat-000.png").read_bytes() == b"left over"


def test_a_complete_session_is_not_added_to(wanted):
    writer = opened_session(replace(wanted, wanted=1))
    writer.add(PICTURE, {})
    with pytest.raises(UsageError, match=r"holds a complete session of flat; nothing is overwritten"):
        opened_session(replace(wanted, wanted=1))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"unit": "B-2"}, "unit 'A-1', not 'B-2'"),
        ({"target": "white"}, "target 'flat', not 'white'"),
        ({"camera_mode": "1920x1080 YUYV"}, "camera_mode '1920x1080 MJPG', not '1920x1080 YUYV'"),
    ],
    ids=["unit", "target", "mode"],
)
def test_another_session_in_the_folder_is_refused(wanted, change, words):
    opened_session(wanted)
    with pytest.raises(UsageError, match=words):
        opened_session(replace(wanted, **change))


def test_a_folder_of_something_else_is_refused(wanted):
    wanted.folder.mkdir()
    (wanted.folder / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"is not empty and holds no session.json"):
        opened_session(wanted)


def test_a_full_disk_keeps_what_was_taken(wanted):
    writer = opened_session(wanted)
    writer.add(PICTURE, {})
    before = sorted(path.name for path in wanted.folder.iterdir())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))  # the picture has 43 kB
    try:
        with pytest.raises(InputOutputError, match=r"flat-001.png: cannot be written .* kept: make room and run"):
            writer.add(PICTURE, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sorted(path.name for path in wanted.folder.iterdir()) == before
    opened_session(wanted).add(PICTURE, {})
    assert len(read_session(wanted.folder).frames) == 2


def test_a_record_that_cannot_be_written_takes_its_frame_with_it(wanted, monkeypatch):
    writer = opened_session(wanted)

    def fails_on_records(path, content, mode):
        if path.name == "session.json":
            raise OSError(28, "No space left on device")
        path.write_bytes(content)

    monkeypatch.setattr("calib.session.write_whole", fails_on_records)
    with pytest.raises(InputOutputError, match="No space left on device"):
        writer.add(PICTURE, {})
    assert [path.name for path in wanted.folder.iterdir()] == ["session.json"]
    assert isinstance(writer, SessionWriter) and not writer.session.frames
