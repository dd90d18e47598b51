"""The boxes of a fragmented MP4, whole and damaged."""

from __future__ import annotations

import io
import struct

import pytest

from edge.saving.recording import boxes
from edge.saving.recording.boxes import Fragment, NotMp4


def box(kind, content=b""):
    return struct.pack(">I4s", 8 + len(content), kind) + content


def moof(begin=0, durations=(3000, 3000), version=1):
    """As ISO/IEC 14496-12, section 8.8, has it: a run with a duration and a size for each frame."""
    tfhd = box(b"tfhd", struct.pack(">II", 0x020000, 1))
    tfdt = box(b"tfdt", struct.pack(">BxxxQ", version, begin))
    entries = b"".join(struct.pack(">II", duration, 10) for duration in durations)
    trun = box(b"trun", struct.pack(">IIi", 0x301, len(durations), 0) + entries)
    return box(b"moof", box(b"mfhd", bytes(8)) + box(b"traf", tfhd + tfdt + trun))


HEAD = box(b"ftyp", b"iso5") + box(b"moov", bytes(20))


def clip(num=3):
    return HEAD + b"".join(moof(one * 6000) + box(b"mdat", bytes(19) + b"x") for one in range(num))


def test_a_fragment_tells_its_time():
    fragment = boxes.fragment_of(moof(90_000, (3000, 4500)), box(b"mdat", b"xy"))
    assert (fragment.begin, fragment.duration, fragment.num_frames) == (90_000, 7500, 2)


def test_a_fragment_at_another_time_is_otherwise_the_same():
    before = boxes.fragment_of(moof(90_000), box(b"mdat", b"xy"))
    moved = before.moved_to(5)
    head, data = moved[: -len(box(b"mdat", b"xy"))], moved[-len(box(b"mdat", b"xy")) :]
    after = boxes.fragment_of(head, data)
    assert after == Fragment(moved, 5, before.duration, before.num_frames, before.time_at)
    assert before.moved_to(90_000) == before.content


@pytest.mark.parametrize(("flags", "default", "expected"), [(0x8, 1500, 3000), (0x9, 1500, 3000), (0xA, 1500, 3000)])
def test_a_default_duration_is_found_behind_what_may_stand_before_it(flags, default, expected):
    between = bytes(8 * bool(flags & 1) + 4 * bool(flags & 2))
    tfhd = box(b"tfhd", struct.pack(">II", flags, 1) + between + struct.pack(">I", default))
    tfdt = box(b"tfdt", struct.pack(">BxxxQ", 1, 0))
    trun = box(b"trun", struct.pack(">III", 0x200, 2, 10) + struct.pack(">I", 10))
    fragment = boxes.fragment_of(box(b"moof", box(b"traf", tfhd + tfdt + trun)), b"")
    assert fragment.duration == expected


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(moof(version=0), id="a time of four bytes"),
        pytest.param(moof()[:40], id="cut"),
        pytest.param(moof().replace(b"tfdt", b"free"), id="no time"),
        pytest.param(moof().replace(b"trun", b"free"), id="no frames"),
        pytest.param(
            moof().replace(struct.pack(">I4s", 16, b"tfhd"), struct.pack(">I4s", 999, b"tfhd")),
            id="a box larger than what it lies in",
        ),
        pytest.param(moof().replace(struct.pack(">II", 0x301, 2), struct.pack(">II", 0x301, 9999)), id="more frames"),
    ],
)
def test_a_fragment_that_makes_no_sense_is_refused(damaged):
    with pytest.raises(NotMp4):
        boxes.fragment_of(damaged, b"")


def test_what_comes_through_a_pipe_is_read_box_by_box():
    content = io.BytesIO(HEAD + box(b"styp", b"x") + clip()[len(HEAD) :] + box(b"mfra", b"yz"))
    assert boxes.read_init(content.read) == HEAD
    assert [fragment.begin for fragment in boxes.read_fragments(content.read)] == [0, 6000, 12_000]


@pytest.mark.parametrize("num_bytes", range(0, len(clip()), 17))
def test_a_file_is_whole_up_to_its_last_fragment(num_bytes):
    content = clip()
    ends = [len(HEAD) + (one + 1) * (len(content) - len(HEAD)) // 3 for one in range(3)]
    num_whole = sum(end <= num_bytes for end in ends)
    extent = boxes.whole_extent(io.BytesIO(content[:num_bytes]))
    assert extent.num_bytes == (ends[num_whole - 1] if num_whole else 0)
    assert (extent.num_frames, extent.duration) == (2 * num_whole, 6000 * num_whole)


@pytest.mark.parametrize("at", [1, 2, 3])
def test_noughts_in_the_place_of_frames_are_not_whole(at):
    """A file has its length, and a file system had not written the blocks at its end: or not those before it."""
    content = [HEAD, *(moof(one * 6000) + box(b"mdat", b"x" * 5000) for one in range(3))]
    ends = [len(b"".join(content[: one + 1])) for one in range(4)]
    whole = b"".join(content)
    for torn in (whole[: ends[at] - 1] + bytes(len(whole) - ends[at] + 1), whole[: ends[at] - 600] + bytes(512)):
        assert boxes.whole_extent(io.BytesIO(torn)).num_bytes == (ends[at - 1] if at > 1 else 0)
    torn = whole[: ends[at] - 600] + bytes(512) + whole[ends[at] - 88 : ends[at]]
    assert boxes.whole_extent(io.BytesIO(torn)).num_bytes == (ends[at - 1] if at > 1 else 0)


def test_a_fragment_larger_than_any_of_ours_is_not_read(monkeypatch):
    content = clip(1) + moof(6000) + box(b"mdat", b"x" * 500)
    assert boxes.whole_extent(io.BytesIO(content)).num_bytes == len(content)
    monkeypatch.setattr(boxes, "MAX_FRAGMENT_BYTES", 400)
    assert boxes.whole_extent(io.BytesIO(content)).num_bytes == len(clip(1))


@pytest.mark.parametrize("content", [b"", bytes(100), b"\xff" * 100, b"%PDF" * 10, moof() + box(b"mdat")])
def test_what_is_no_clip_has_nothing_whole(content):
    assert boxes.whole_extent(io.BytesIO(content)).num_bytes == 0


@pytest.mark.parametrize("content", [bytes(100), b"\xff" * 100, box(b"free") * 3])
def test_what_is_no_clip_has_no_head(content):
    with pytest.raises(NotMp4):
        boxes.read_init(io.BytesIO(content).read)
