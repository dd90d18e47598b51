"""What a decoder gives: the pixels as a file holds them, and what the file says about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyvips


@dataclass(frozen=True, slots=True)
class Stored:
    """Pixels as stored.

    Attributes:
        pixels: uint8 (H, W[, C]), or libvips' picture, whose pixels are decoded as they are asked for.
        bits: of a channel, in the file.
        has_alpha: the last channel says how much of the pixel is there; it is not multiplied into the others.
        orientation: 1 to 8, as EXIF counts it: how the pixels must be turned.
        icc: the embedded profile; empty where there is none.
        colour_note: what was found out about colour that is no profile.
    """

    pixels: NDArray[np.uint8] | pyvips.Image
    bits: int
    has_alpha: bool = False
    orientation: int = 1
    icc: bytes = b""
    colour_note: str = ""

    @property
    def num_channels(self) -> int:
        if isinstance(self.pixels, np.ndarray):
            return 1 if self.pixels.ndim == 2 else int(self.pixels.shape[2])
        return int(self.pixels.bands)


class Decoder(Protocol):
    """An opened file."""

    @property
    def num_pages(self) -> int: ...

    def stored(self, page: int, *, strict: bool) -> Stored:
        """The pixels of a page, from 0.

        Args:
            strict: raise for whatever is not as it must be; else give what can be read.

        Raises:
            Damaged: now, or when pixels are taken from it.
            Refused: of a kind that is not read.
        """
        ...


def plausible_orientation(value: Any) -> int:
    """The EXIF orientation, 1 where it says nothing."""
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
