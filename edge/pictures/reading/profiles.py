"""Colour profiles (ICC.1): whose colours they are, and the way from them to sRGB."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge.pictures.reading.refusals import Damaged

if TYPE_CHECKING:
    import pyvips

_CHANNELS = {"RGB": 3, "GRAY": 1, "CMYK": 4}


class Profile(NamedTuple):
    """What a profile says of itself.

    Attributes:
        space: RGB, GRAY, CMYK, or another in ICC's words.
        num_channels: 0 for a space that no picture here has.
    """

    name: str
    space: str
    num_channels: int


@lru_cache(maxsize=8)
def profile_of(icc: bytes) -> Profile:
    """Raises `Damaged` where it is no profile."""
    from PIL import ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc)).profile
        name, space = (profile.profile_description or "").strip(), profile.xcolor_space.strip()
    except (OSError, ValueError, TypeError) as error:
        raise Damaged("its colour profile is broken") from error
    return Profile(name or f"{space} without a name", space, _CHANNELS.get(space, 0))


def in_srgb(image: pyvips.Image, icc: bytes) -> pyvips.Image:
    """The picture in sRGB, of its own depth: relative colorimetric, black point compensated. Alpha stays as it is.

    Raises:
        Damaged: there is no way from this profile.
    """
    import pyvips

    tagged = image.copy()
    tagged.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    depth = 16 if image.format == "ushort" else 8
    try:
        return tagged.icc_transform(
            "srgb", embedded=True, intent="relative", black_point_compensation=True, depth=depth
        )
    except pyvips.Error as error:
        raise Damaged("its colour profile cannot be applied") from error


@lru_cache(maxsize=8)
def is_srgb(icc: bytes) -> bool:
    """Whether codes mean by this profile what they mean in sRGB, within one code: then they are left untouched."""
    import pyvips

    steps = np.array([0, 20, 60, 110, 160, 210, 255], np.uint8)
    if profile_of(icc).num_channels == 1:
        codes = np.arange(256, dtype=np.uint8).reshape(1, 256, 1)
    elif profile_of(icc).num_channels == 3:
        codes = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
    else:
        return False
    patch = pyvips.Image.new_from_array(codes, interpretation="srgb" if codes.shape[2] == 3 else "b-w")
    converted = in_srgb(patch, icc).numpy().astype(int)
    return bool(np.abs(converted - codes).max() <= 1)


def default_cmyk() -> bytes:
    """The press that four inks without a profile are taken to be made for: libvips' own."""
    import pyvips

    return bytes(pyvips.Image.profile_load("cmyk"))
