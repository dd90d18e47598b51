"""JPEG, PNG and TIFF by libvips: every depth and colour space that they can hold, decoded row by row.

JPEG's pixels come from simplejpeg where they are grey or colour: libvips does not see what a damaged scan leaves over
at its end, and takes three times as long.
"""

from __future__ import annotations

import io
import logging
import zlib
from typing import TYPE_CHECKING

import numpy as np
import simplejpeg

from edge.pictures.reading.refusals import Damaged, Refused, refuse_held, refuse_size
from edge.pictures.reading.stored import Stored, plausible_orientation
from edge.pictures.reading.tiff_directories import tiff_pages
from edge.pictures.reading.tiff_pieces import refuse_broken_pieces

if TYPE_CHECKING:
    import pyvips

_INTERLACE_AT = 28
"""Last byte of IHDR (PNG third edition, 11.2.1): 1 for Adam7, whose rows come only with the last pass."""
_ICC, _ORIENTATION = "icc-profile-data", "orientation"
_BITS = {"uchar": 8, "ushort": 16, "float": 32}
_MOST_PROFILE_BYTES = 1 << 24
_LIGHT_SPACES = frozenset({"lab", "labs", "labq", "lch", "xyz", "yxy"})


def _quiet() -> None:
    """Libvips keeps no results, and its own lines stay off stderr."""
    import pyvips

    logging.getLogger("pyvips").setLevel(logging.CRITICAL)
    pyvips.cache_set_max(0)


def damaged_by(error: Exception) -> Damaged:
    """What a library said, in one line."""
    text = str(error).strip() or type(error).__name__
    return Damaged(" ".join(text.split())[-200:])


class JpegDecoder:
    """ITU-T T.81, of 8 bits: grey, colour, or the four inks."""

    num_pages = 1

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stored(self, page: int, *, strict: bool) -> Stored:
        """See `Decoder.stored`."""
        header = _opened("jpegload_buffer", self._content, strict=strict)
        icc, orientation = _icc_of(header), _orientation_of(header)
        if header.bands == 4:
            self._pixels("CMYK", strict=strict, shrink=8)  # libvips knows which way round the inks are
            return Stored(header, 8, orientation=orientation, icc=icc)
        pixels = self._pixels("GRAY" if header.bands == 1 else "RGB", strict=strict)
        if pixels.shape[:2] != (header.height, header.width):
            raise Damaged("its size is told in two ways")
        return Stored(pixels[..., 0] if header.bands == 1 else pixels, 8, orientation=orientation, icc=icc)

    def _pixels(self, space: str, *, strict: bool, shrink: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        try:
            pixels = simplejpeg.decode_jpeg(
                self._content, space, strict=strict, min_height=shrink - 1, min_width=shrink - 1, min_factor=shrink
            )
        except ValueError as error:
            raise damaged_by(error) from error
        return np.asarray(pixels, np.uint8)


class PngDecoder:
    """PNG 1.2 of one picture, 1 to 16 bits."""

    num_pages = 1

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stored(self, page: int, *, strict: bool) -> Stored:
        """See `Decoder.stored`."""
        if strict and b"IEND" not in self._content[-64:] and b"IEND" not in self._content:
            raise Damaged("cut short")
        image = _opened("pngload_buffer", self._content, strict=strict)
        if self._content[_INTERLACE_AT : _INTERLACE_AT + 1] == b"\x01":
            refuse_held(
                image.width, image.height, image.bands * (2 if image.format == "ushort" else 1) + 3, "interlaced PNG"
            )
        icc = _icc_of(image) or _png_profile(self._content)
        return _of_vips(image, _orientation_of(image), icc)


class TiffDecoder:
    """TIFF 6.0 and BigTIFF: every page is a picture of its own, of its own size and depth."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._pages, self._damage = tiff_pages(io.BytesIO(content))

    @property
    def num_pages(self) -> int:
        return len(self._pages)

    def stored(self, page: int, *, strict: bool) -> Stored:
        """See `Decoder.stored`."""
        if strict and self._damage:
            raise Damaged(self._damage)
        which = self._pages[page]
        if strict:
            refuse_broken_pieces(self._content, which)
        # A warning about JPEG data is damage; one about a directory mostly is a device's own habit.
        fail_on = "warning" if which.packing == "JPEG" else "error"
        image = _opened("tiffload_buffer", self._content, strict=strict, fail_on=fail_on, page=which.directory)
        return _of_vips(image, _orientation_of(image), _icc_of(image))


def _opened(
    loader: str, content: bytes, *, strict: bool, fail_on: str = "error", page: int | None = None
) -> pyvips.Image:
    """Libvips' picture, its header read, refused where it is too large."""
    import pyvips

    _quiet()
    pages = {} if page is None else {"page": page}
    try:
        load = getattr(pyvips.Image, loader)
        image: pyvips.Image = load(content, access="sequential", fail_on=fail_on if strict else "none", **pages)
    except pyvips.Error as error:
        raise damaged_by(error) from error
    refuse_size(image.width, image.height)
    return image


def _of_vips(image: pyvips.Image, orientation: int, icc: bytes) -> Stored:
    """Libvips' picture in a form that `conversion` takes: grey, RGB or the four inks, with or without alpha."""
    if image.format not in _BITS:
        raise Refused(f"{image.bands} channels of {image.format} numbers; expected 8 or 16 bits or float")
    bits = _BITS[image.format]
    if image.interpretation in _LIGHT_SPACES:
        note = f"converted to sRGB from {image.interpretation}"
        return Stored(image.colourspace("srgb"), bits, image.hasalpha(), orientation, b"", note)
    is_known = image.bands - image.hasalpha() in ((4,) if image.interpretation == "cmyk" else (1, 3))
    if not is_known:
        raise Refused(f"{image.bands} channels; expected grey, RGB or CMYK")
    return Stored(image, bits, image.hasalpha(), orientation, icc)


def _icc_of(image: pyvips.Image) -> bytes:
    return bytes(image.get(_ICC)) if image.get_typeof(_ICC) else b""


def _orientation_of(image: pyvips.Image) -> int:
    return plausible_orientation(image.get(_ORIENTATION)) if image.get_typeof(_ORIENTATION) else 1


def _png_profile(content: bytes) -> bytes:
    """The profile of a PNG as it stands there: libpng drops one that it does not like without a word."""
    at = 8
    while at + 12 <= len(content):
        size, name = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        if name == b"iCCP":
            packed = content[at + 8 : at + 8 + size].partition(b"\0")[2][1:]
            try:
                return zlib.decompressobj().decompress(packed, _MOST_PROFILE_BYTES)
            except zlib.error:
                return packed
        if name == b"IDAT":
            break
        at += 12 + size
    return b""
