"""The head of an H.264 stream: read as FFmpeg reads it, written as the High profile's without touching a picture."""

from __future__ import annotations

import pytest

from edge.dicom.video.parameters import NotUnderstood, as_high, avcc_of, parameters_of, split_avcc

# Of x264 ultrafast at 1920x1080, as the recorder writes it; ffprobe calls it Constrained Baseline, level 4.0.
RECORDER_S = bytes.fromhex("6742c028da01e0089f97016a02020d6e000003000200057e401e306540")
AVCC = bytes.fromhex("0142c028ffe1001d") + RECORDER_S + bytes.fromhex("01000468ce06f2")


def test_it_is_read() -> None:
    told = parameters_of(RECORDER_S)
    assert (told.profile, told.level, told.width_px, told.height_px) == (66, 40, 1920, 1080)
    assert (told.width_mbs, told.height_mbs, told.num_references) == (120, 68, 1)
    assert told.is_progressive and told.has_square_pixels and told.can_be_high


def test_as_high_it_tells_the_same() -> None:
    high = parameters_of(as_high(RECORDER_S, 41))
    plain = parameters_of(RECORDER_S)
    assert (high.profile, high.constraints, high.level) == (100, 0, 41)
    assert (high.width_px, high.height_px, high.num_references) == (plain.width_px, plain.height_px, 1)
    assert as_high(as_high(RECORDER_S, 41), 41) == as_high(RECORDER_S, 41)


def test_zeros_are_kept_from_looking_like_a_start() -> None:
    high = as_high(RECORDER_S, 41)
    for number in range(3):
        assert bytes((0, 0, number)) not in high


def test_a_configuration_is_taken_apart_and_made_again() -> None:
    units, pictures = split_avcc(AVCC)
    assert (units, pictures) == ([RECORDER_S], bytes.fromhex("01000468ce06f2"))
    high = avcc_of(AVCC, [as_high(RECORDER_S, 41)], pictures)
    assert high[:4] == bytes((1, 100, 0, 41)) and high.endswith(bytes.fromhex("68ce06f2fdf8f800"))
    assert split_avcc(high) == ([as_high(RECORDER_S, 41)], pictures)


@pytest.mark.parametrize(
    "unit",
    [b"", RECORDER_S[:6], b"\x68" + RECORDER_S[1:], RECORDER_S[:1] + b"\x7a" + RECORDER_S[2:]],
    ids=["nothing", "cut", "another unit", "High 4:2:2"],
)
def test_what_is_not_understood_is_refused(unit: bytes) -> None:
    with pytest.raises(NotUnderstood):
        parameters_of(unit)


def test_without_the_constraint_baseline_is_not_high() -> None:
    assert not parameters_of(RECORDER_S[:2] + b"\x00" + RECORDER_S[3:]).can_be_high
