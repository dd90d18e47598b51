"""The colours of all objects: sRGB, with the profile of it that is embedded (PS3.3 C.11.15)."""

from __future__ import annotations

import struct
from functools import cache

COLOR_SPACE = "SRGB"
_DATE = slice(24, 36)
_FIXED_DATE = struct.pack(">6H", 2020, 1, 1, 0, 0, 0)


@cache
def srgb_profile() -> bytes:
    """An ICC display profile of sRGB, always the same: its date, at byte 24, would else be that of its making."""
    from PIL import ImageCms

    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = made[: _DATE.start] + _FIXED_DATE + made[_DATE.stop :]
    return profile + b"\0" * (len(profile) % 2)
