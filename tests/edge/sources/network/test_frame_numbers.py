"""Pictures that a camera dropped before it numbered its packets, in what x264 made."""

from __future__ import annotations

import subprocess

import pytest

from edge.clips.program import find_ffmpeg
from edge.sources.network.access_units import START_CODE
from edge.sources.network.frame_numbers import FrameNumbers, frame_number_bits


def pictures(*options: str, num: int = 40) -> list[list[bytes]]:
    """Pictures of H.264, each as its NAL units."""
    command = [find_ffmpeg().path, "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x96:r=25", "-frames:v", str(num)]
    command += [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-threads",
        "1",
        *options,
        "-bsf:v",
        "h264_metadata=aud=insert",
    ]
    stream = subprocess.run([*command, "-f", "h264", "-"], capture_output=True, check=True).stdout
    stream = stream.replace(START_CODE, b"\0\0\1").replace(b"\0\0\1", START_CODE)
    units = [unit.rstrip(b"\0") if index else unit for index, unit in enumerate(stream.split(START_CODE)[1:], 1)]
    found: list[list[bytes]] = []
    for unit in units:
        if unit[0] & 31 == 9:
            found.append([])
        else:
            found[-1].append(unit)
    return found


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("-tune", "zerolatency", "-g", "12"), id="baseline"),
        pytest.param(("-profile:v", "high", "-bf", "0", "-g", "100"), id="high"),
        pytest.param(("-preset", "fast", "-bf", "2", "-g", "20"), id="with B pictures, in decoding order"),
        pytest.param(("-flags", "+ildct+ilme", "-tune", "zerolatency"), id="interlaced"),
        pytest.param(("-pix_fmt", "yuv444p", "-tune", "zerolatency"), id="4:4:4"),
    ],
)
def test_a_whole_stream_is_whole_and_a_dropped_reference_is_seen_at_once(options):
    stream = pictures(*options)
    whole = FrameNumbers()
    assert not any(whole.are_broken_by(units) for units in stream)
    references = [i for i, units in enumerate(stream) if units[-1][0] & 31 == 1 and units[-1][0] & 0x60]
    for dropped in references[2:10]:
        following = next((i for i in references if i > dropped), None)
        if following is None or any(unit[0] & 31 == 5 for units in stream[dropped : following + 1] for unit in units):
            continue
        numbers = FrameNumbers()
        told = [numbers.are_broken_by(units) for i, units in enumerate(stream[: following + 1]) if i != dropped]
        assert told[-1], (dropped, following)


@pytest.mark.parametrize("sps", [b"\x67", b"\x67\xff\xff\xff", b"\x67" + bytes(40), b"\x67" + b"\xff" * 200])
def test_a_parameter_set_that_is_none_checks_nothing(sps):
    assert frame_number_bits(sps) in (None, *range(4, 17))


def test_a_slice_that_ends_too_early_is_broken():
    numbers = FrameNumbers()
    stream = pictures("-tune", "zerolatency", num=3)
    numbers.are_broken_by(stream[0])
    assert numbers.are_broken_by([b"\x41"])
