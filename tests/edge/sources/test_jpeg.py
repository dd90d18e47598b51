"""A camera's MJPG: damage inside is never shown, what cameras add at the end is let pass."""

from __future__ import annotations

import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray

from edge.pictures.image import Image
from edge.sources.demo.render import DemoRenderer
from edge.sources.jpeg import JpegReader
from edge.sources.judgement import MAX_REFUSED

END = b"\xff\xd9"


@pytest.fixture(scope="module")
def picture() -> Image:
    return DemoRenderer(3, 30.0).degraded(5)


@pytest.fixture(scope="module")
def jpeg(picture: Image) -> bytes:
    return bytes(simplejpeg.encode_jpeg(picture, 90, "RGB", "422"))


def hurt(jpeg: bytes, seed: int) -> bytes:
    """As a USB packet that was lost: 100 bytes of the picture are not there."""
    at = int(np.random.default_rng(seed).integers(1000, len(jpeg) - 200))
    return jpeg[:at] + jpeg[at + 100 :]


def test_a_hole_in_a_picture_makes_it_a_damaged_one(jpeg: bytes, picture: Image) -> None:
    reader = JpegReader("/dev/video0")
    for seed in range(20):
        assert reader.rgb(hurt(jpeg, seed)) == "damaged"
    sound = reader.rgb(jpeg)
    assert not isinstance(sound, str)
    assert np.abs(sound.astype(int) - picture).mean() < 3


@pytest.mark.parametrize(
    ("end", "is_sound"),
    [
        pytest.param(END + bytes(9000), True, id="zeros behind the end"),
        pytest.param(END + b"abc" * 100, True, id="bytes behind the end"),
        pytest.param(bytes(20) + END, True, id="zeros before the end"),
        pytest.param(b"\x12\x34\x56" + END, False, id="bytes before the end"),
        pytest.param(b"", False, id="no end"),
    ],
)
def test_what_stands_at_the_end(jpeg: bytes, end: bytes, is_sound: bool) -> None:
    reader = JpegReader("/dev/video0")
    whole = reader.rgb(jpeg)
    found = reader.rgb(jpeg[:-2] + end)
    assert isinstance(found, str) != is_sound
    if is_sound:
        assert np.array_equal(found, whole)


def test_bytes_before_every_end_are_a_cameras_habit_and_told_once(
    jpeg: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    reader = JpegReader("/dev/video0")
    odd = jpeg[:-2] + b"\x12\x34\x56" + END
    found = [reader.rgb(odd) for _ in range(MAX_REFUSED + 2)]
    assert [isinstance(one, str) for one in found] == [True] * (MAX_REFUSED - 1) + [False] * 3
    assert isinstance(reader.rgb(hurt(jpeg, 1)), str), "damage is damage all the same"
    assert len(caplog.records) == 1


def test_a_camera_that_has_given_a_sound_picture_has_no_such_habit(jpeg: bytes) -> None:
    reader = JpegReader("/dev/video0")
    assert not isinstance(reader.rgb(jpeg), str)
    odd = jpeg[:-2] + b"\x12\x34\x56" + END
    assert all(isinstance(reader.rgb(odd), str) for _ in range(MAX_REFUSED + 2))


@pytest.mark.slow
def test_what_the_decoder_does_not_complain_of_is_seen_where_it_shows(jpeg: bytes) -> None:
    """64 bytes written over give a picture of as many blocks often enough: JPEG has no checksum."""
    reader = JpegReader("/dev/video0")
    sound = reader.rgb(jpeg)
    assert not isinstance(sound, str)
    num_passed = num_shown = 0
    for seed in range(120):
        written_over = over(jpeg, seed)
        try:
            decoded = simplejpeg.decode_jpeg(written_over, strict=True)
        except ValueError:
            continue
        if np.abs(means(decoded) - means(sound)).max() > 30:
            num_passed += 1
            num_shown += not isinstance(reader.rgb(written_over), str)
            assert not isinstance(reader.rgb(jpeg), str), "the next is sound again"
    assert num_passed >= 3
    assert num_shown == 0


def over(jpeg: bytes, seed: int) -> bytes:
    """With 64 bytes of the scan written over, no marker among them."""
    random = np.random.default_rng(seed)
    at = int(random.integers(1000, len(jpeg) - 200))
    return jpeg[:at] + bytes(byte % 255 for byte in random.bytes(64)) + jpeg[at + 64 :]


def means(image: Image) -> NDArray[np.float64]:
    """(45, 80, 3): of cells of 24x24 px."""
    return np.asarray(image.reshape(45, 24, 80, 24, 3).mean((1, 3)), np.float64)
