"""LZW as several programs write it is measured to the byte, and a changed code is seen by it."""

import io

import cv2
import numpy as np
import pytest
import pyvips
from PIL import Image as Pillow

from edge.pictures.reading.lzw import is_old_style, num_bytes_of_lzw
from edge.pictures.reading.tiff_directories import tiff_pages


def pictures():
    random = np.random.default_rng(0)
    yield "noise", random.integers(0, 256, (90, 130, 3), np.uint8)
    yield "flat", np.full((90, 130, 3), 7, np.uint8)
    yield "steps", np.repeat(random.integers(0, 9, (90, 13, 3), np.uint8), 10, axis=1)
    yield "grey", random.integers(0, 4, (91, 131), np.uint8)
    yield "16 bits", random.integers(0, 2000, (90, 130, 3), np.uint16)


def by_pillow(image):
    file = io.BytesIO()
    Pillow.fromarray(image).save(file, "TIFF", compression="tiff_lzw")
    return file.getvalue()


def by_vips(image, **options):
    return pyvips.Image.new_from_array(image).tiffsave_buffer(compression="lzw", **options)


WRITERS = {
    "Pillow": by_pillow,
    "libvips": by_vips,
    "libvips, tiles": lambda image: by_vips(image, tile=True, tile_width=32, tile_height=48),
    "libvips, predictor": lambda image: by_vips(image, predictor="horizontal"),
    "libvips, BigTIFF": lambda image: by_vips(image, bigtiff=True),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(("image"), [pytest.param(image, id=name) for name, image in pictures()])
def test_every_piece_stands_for_as_many_bytes_as_its_pixels_have(image, writer):
    if image.dtype == np.uint16 and writer == "Pillow":
        pytest.skip("Pillow writes no RGB of 16 bits")
    content = WRITERS[writer](image)
    (page,) = tiff_pages(io.BytesIO(content)).pages
    assert page.packing == "LZW" and page.pieces
    for place, num_bytes, unpacked in page.pieces:
        assert num_bytes_of_lzw(content[place : place + num_bytes]) == unpacked[0]


def flat_run(content: bytes) -> bytes:
    return content[:2000] + bytes(64) + content[2064:]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(flat_run, id="64 bytes of zeros"),
        pytest.param(lambda stream: stream[:2000] + stream[2040:], id="40 bytes lost"),
        pytest.param(lambda stream: stream[:2000] + stream[1990:], id="10 bytes twice"),
        pytest.param(lambda stream: stream[:-300], id="its end lost"),
    ],
)
def test_what_a_disk_or_a_line_does_to_a_stream_is_seen(broken):
    """A single bit mostly is not: it makes one code another of as many bytes, which nothing can tell."""
    image = cv2.resize(np.random.default_rng(0).integers(0, 256, (9, 13, 3), np.uint8), (130, 90))
    content = by_pillow(image)
    (page,) = tiff_pages(io.BytesIO(content)).pages
    place, num_bytes, unpacked = page.pieces[0]
    assert num_bytes_of_lzw(broken(content[place : place + num_bytes])) not in unpacked


def test_an_entry_that_is_not_there_yet_is_no_stream():
    nine_bits = f"{256:09b}{65:09b}{300:09b}{257:09b}"
    stream = int(nine_bits.ljust(40, "0"), 2).to_bytes(5, "big")
    assert num_bytes_of_lzw(stream) is None


def test_the_specifications_example():
    """TIFF 6.0, section 13: 7 7 7 8 8 7 7 6 6 is written as clear, 7, 258, 8, 8, 258, 6, 6, end."""
    codes = "".join(f"{code:09b}" for code in (256, 7, 258, 8, 8, 258, 6, 6, 257))
    assert num_bytes_of_lzw(int(codes.ljust(88, "0"), 2).to_bytes(11, "big")) == 9


def test_streams_of_before_tiff_5_are_known():
    assert is_old_style(b"\x00\x01\x02") and not is_old_style(b"\x80\x00\x02")
