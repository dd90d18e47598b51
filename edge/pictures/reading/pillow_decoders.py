"""The kinds of 8 bits by Pillow: WebP, GIF, BMP, AVIF and animated PNG, frame by frame, and HEIC by libheif."""

from __future__ import annotations

import io
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.pictures.reading.kinds import Kind
from edge.pictures.reading.refusals import MAX_PIXELS, Damaged, Refused, refuse_held, refuse_size, too_many_pixels
from edge.pictures.reading.stored import Stored, plausible_orientation

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

_HELD_BYTES_PER_PX = 15
"""Measured on animated PNG with alpha: what is decoded, the frame before it, what is composed, and the array."""
_ORIENTATION = 0x0112
_FORMATS: dict[Kind, str] = {"WebP": "WEBP", "GIF": "GIF", "BMP": "BMP", "AVIF": "AVIF", "PNG": "PNG"}
_SRGB_PRIMARIES, _P3_PRIMARIES = frozenset({1, 2, 5, 6, 7}), 12
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}


@contextmanager
def telling_damage() -> Iterator[None]:
    """Pillow's many errors as the one that it is: the file is not as it must be. Too many pixels are refused."""
    from PIL.Image import DecompressionBombError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except DecompressionBombError as error:
        found = re.search(r"\d+", str(error))
        raise too_many_pixels("", int(found[0]) if found else MAX_PIXELS) from error
    except (OSError, SyntaxError, ValueError, EOFError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise _damage(error) from error
    except (struct.error, AttributeError, ZeroDivisionError, RuntimeError, AssertionError) as error:
        raise _damage(error) from error


def _damage(error: Exception) -> Damaged:
    text = " ".join(str(error).split())
    return Damaged("cannot be decoded" if "BytesIO" in text or not text else text[:200])


class PillowDecoder:
    """A still picture or an animation; frames are asked for in order, or else decoded again from the first."""

    def __init__(self, content: bytes, kind: Kind) -> None:
        self._content, self._kind = content, kind
        self._image: PillowImage | None = None
        image = self._opened()
        with telling_damage():
            self.num_pages = int(getattr(image, "n_frames", 1))

    def stored(self, page: int, *, strict: bool) -> Stored:
        """See `Decoder.stored`. Not strict is the same: what these kinds leave of a broken frame is nothing."""
        if strict and self._kind == "GIF" and not self._content.rstrip(b"\0\r\n ").endswith(b";"):
            raise Damaged("cut short")
        opened = self._image or self._opened()
        self._image = None  # one that failed would give its half-decoded frame as a whole one when asked again
        icc, note = _colour_of(self._content, opened.info.get("icc_profile") or b"")
        with telling_damage():
            opened.seek(page)
            self._refuse(*opened.size)  # a frame of a GIF may be larger than its header says
            opened.load()
            image = _in_plain_mode(opened)
            orientation = plausible_orientation(opened.getexif().get(_ORIENTATION))
            pixels = np.array(image)
        self._image = opened
        return Stored(pixels, 8, image.mode in ("RGBA", "LA"), orientation, icc, note)

    def _opened(self) -> PillowImage:
        from PIL import Image

        Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow refuses twice as many
        with telling_damage():
            image = Image.open(io.BytesIO(self._content), formats=[_FORMATS[self._kind]])
        self._refuse(*image.size)
        return image

    def _refuse(self, width_px: int, height_px: int) -> None:
        refuse_size(width_px, height_px)
        refuse_held(width_px, height_px, _HELD_BYTES_PER_PX, f"{self._kind} of this sort")


class HeicDecoder:
    """ISO/IEC 23008-12: each picture of its own, its tiles joined, turned as the file says."""

    def __init__(self, content: bytes) -> None:
        try:
            import pi_heif
        except ImportError as error:
            raise Refused("HEIC is read by pi-heif, which is not installed: pip install pi-heif") from error
        self._content = content
        with telling_damage():
            self._file: Any = pi_heif.open_heif(io.BytesIO(content), convert_hdr_to_8bit=True)
            self._sizes = [image.size for image in self._file]
        for size in self._sizes:
            refuse_size(*size)
        self.num_pages = len(self._sizes)

    def stored(self, page: int, *, strict: bool) -> Stored:
        """See `Decoder.stored`."""
        image = self._file[page]
        icc, note = _colour_of(self._content, image.info.get("icc_profile") or b"")
        with telling_damage():
            bits = int(image.info.get("bit_depth", 8))
            pixels = np.array(_in_plain_mode(image.to_pillow()))
        return Stored(pixels, bits, pixels.ndim == 3 and pixels.shape[2] in (2, 4), 1, icc, note)


def _in_plain_mode(image: PillowImage) -> PillowImage:
    """As grey, grey with alpha, RGB or RGBA."""
    if image.mode in ("L", "LA", "RGB", "RGBA"):
        return image
    has_alpha = "transparency" in image.info or image.mode in ("PA", "La", "RGBa")
    return image.convert("RGBA" if has_alpha else "RGB")


def _colour_of(content: bytes, icc: bytes) -> tuple[bytes, str]:
    """The profile, and what is to be said of the colours, by the numbers of ITU-T H.273 where there is none.

    Raises:
        Refused: they are not those of a screen.
    """
    at = content.find(b"colrnclx")
    if icc or at < 0 or len(content) < at + 14:
        return icc, ""
    primaries, transfer = struct.unpack_from(">HH", content, at + 8)
    if transfer in _HDR_TRANSFERS:
        raise Refused(f"pixels of high dynamic range ({_HDR_TRANSFERS[transfer]}); save it as an ordinary picture")
    if primaries == _P3_PRIMARIES:
        import pyvips

        return bytes(pyvips.Image.profile_load("p3")), ""
    if primaries not in _SRGB_PRIMARIES:
        raise Refused(f"colours by primaries {primaries} of H.273; save it with an ICC profile or in sRGB")
    return b"", ""
