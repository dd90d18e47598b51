"""From stored pixels to RGB of 8 bits: upright, sRGB, over black.

Strip by strip, so that of a large picture memory holds the result alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.pictures.image import Image
from edge.pictures.reading.profiles import default_cmyk, in_srgb, is_srgb, profile_of
from edge.pictures.reading.refusals import Refused
from edge.pictures.reading.stored import Stored
from edge.pictures.reading.vips_decoders import damaged_by

if TYPE_CHECKING:
    import pyvips

_STRIP_PX = 64
_DTYPES: dict[str, type[np.generic]] = {"uchar": np.uint8, "ushort": np.uint16, "float": np.float32}
_MOST_OVER = 1e-3
_COMMON_PRESS = "CMYK without a profile, converted to sRGB as if for a common press"


class Converted(NamedTuple):
    """A picture as a person sees it.

    Attributes:
        colour: what was done about its colours, in words; empty where nothing was.
        was_transparent: at least one pixel was not opaque.
    """

    image: Image
    colour: str
    was_transparent: bool


def converted(stored: Stored) -> Converted:
    """See the top.

    16 bits become 8 by x / 257 and float by 255 x, rounded; grey becomes RGB; what is transparent is laid over black;
    float must lie within 0 to 1, as sRGB codes or as the profile says.

    Raises:
        Damaged: the pixels cannot be decoded to their end, or the profile is broken.
        Refused: float beyond 0 to 1.
    """
    pixels, colour = _in_srgb(stored)
    if isinstance(pixels, np.ndarray) and pixels.ndim == 3 and pixels.shape[2] == 3:
        return Converted(_upright(np.ascontiguousarray(pixels), stored.orientation), colour, was_transparent=False)
    height_px, width_px = pixels.shape[:2] if isinstance(pixels, np.ndarray) else (pixels.height, pixels.width)
    image, was_transparent = np.empty((height_px, width_px, 3), np.uint8), False
    for top, strip in _strips(pixels):
        was_transparent |= _put_rgb8(strip, stored.has_alpha, image[top : top + strip.shape[0]])
    return Converted(_upright(image, stored.orientation), colour, was_transparent)


def _in_srgb(stored: Stored) -> tuple[NDArray[np.uint8] | pyvips.Image, str]:
    """The pixels with the profile applied, and what to say."""
    pixels = stored.pixels
    is_cmyk = not isinstance(pixels, np.ndarray) and pixels.interpretation == "cmyk"
    num_colours = stored.num_channels - stored.has_alpha
    icc, note = stored.icc, stored.colour_note
    if icc:
        profile = profile_of(icc)
        if profile.num_channels != num_colours:
            icc, note = b"", f"the embedded profile {profile.name} is for {profile.space} and was not used"
        elif is_srgb(icc):
            icc, note = b"", "sRGB by its profile"
        else:
            note = f"converted to sRGB from {profile.name}"
    if is_cmyk and not icc:
        icc, note = default_cmyk(), "; ".join(filter(None, (note, _COMMON_PRESS)))
    if not icc:
        return pixels, note
    return in_srgb(_as_vips(pixels), icc), note


def _as_vips(pixels: NDArray[np.uint8] | pyvips.Image) -> pyvips.Image:
    import pyvips

    if isinstance(pixels, pyvips.Image):
        return pixels if pixels.format != "float" else _sixteen_bits(pixels)
    pixels = np.ascontiguousarray(pixels.reshape(*pixels.shape[:2], -1))
    height_px, width_px, num_channels = pixels.shape
    image = pyvips.Image.new_from_memory(pixels, width_px, height_px, num_channels, "uchar")
    return image.copy(interpretation="srgb" if num_channels >= 3 else "b-w")


def _sixteen_bits(image: pyvips.Image) -> pyvips.Image:
    """Float as 16 bits, which a profile can be applied to."""
    import pyvips

    whole = np.empty((image.height, image.width, image.bands), np.uint16)
    for top, strip in _strips(image):
        whole[top : top + strip.shape[0]] = np.rint(_checked(strip) * 65535)
    packed = pyvips.Image.new_from_memory(whole, image.width, image.height, image.bands, "ushort")
    return packed.copy(interpretation="rgb16" if image.bands >= 3 else "grey16")


def _strips(image: NDArray[np.uint8] | pyvips.Image) -> Iterator[tuple[int, NDArray[Any]]]:
    """Where they begin, and rows from the top, (up to 64, W, C), decoded in the thread that asks.

    Not by libvips' threads: a process forked after it used them, as the trainer's are, waits for them for ever.
    """
    if isinstance(image, np.ndarray):
        pixels = image.reshape(*image.shape[:2], -1)
        yield from ((top, pixels[top : top + _STRIP_PX]) for top in range(0, image.shape[0], _STRIP_PX))
        return
    import pyvips

    dtype = _DTYPES[image.format]
    region = pyvips.Region.new(image)
    for top in range(0, image.height, _STRIP_PX):
        height_px = min(_STRIP_PX, image.height - top)
        try:
            rows = region.fetch(0, top, image.width, height_px)
        except pyvips.Error as error:
            raise damaged_by(error) from error
        yield top, np.frombuffer(rows, dtype).reshape(height_px, image.width, image.bands)


def _checked(strip: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float pixels within 0 to 1; raises `Refused` where they are not."""
    low, high = float(strip.min()), float(strip.max())
    if not (low >= -_MOST_OVER and high <= 1 + _MOST_OVER):
        raise Refused(f"float pixels from {low:g} to {high:g}; expected 0 to 1: scale it, or save it with 16 bits")
    return np.clip(strip, 0, 1)


def _put_rgb8(strip: NDArray[Any], has_alpha: bool, out: Image) -> bool:
    """Write (H, W, C) of any depth as RGB of 8 bits into `out`; whether a pixel of it was not opaque."""
    if strip.dtype == np.float32:
        strip = np.rint(_checked(strip) * 255).astype(np.uint8)
    elif strip.dtype == np.uint16:
        strip = ((strip.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if not has_alpha or strip[..., -1].min() == 255:
        out[:] = strip[..., :-1] if has_alpha else strip
        return False
    out[:] = (strip[..., :-1].astype(np.uint16) * strip[..., -1:] + 127) // 255
    return True


def _upright(image: Image, orientation: int) -> Image:
    """The picture turned and mirrored as EXIF's orientation says (Exif 2.32, tag 274)."""
    if orientation in (5, 6, 7, 8):
        image = np.asarray(cv2.transpose(image), np.uint8)
    flips = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}
    return np.asarray(cv2.flip(image, flips[orientation]), np.uint8) if orientation in flips else image
