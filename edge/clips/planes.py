"""RGB of the planes of 8 bits that most clips hold (4:2:0, limited range): half the bytes in the pipe from FFmpeg.

`planes.c` is compiled when the package is installed, and left out without a word where no compiler is at hand. Then
FFmpeg converts. The definition is FFmpeg's: each product is rounded down, and each pixel takes the colour of its square
of four. A test holds both to the same pixels. The codes are up to 2 lower than those of ITU-R BT.601 and BT.709.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.pictures.image import Image

Planes = NDArray[np.uint8]
"""uint8 (H * 3 / 2, W), H and W even: H rows of light, then two planes of colour of (H / 2, W / 2)."""


class _Weights(NamedTuple):
    """Of red and blue in the light (ITU-R BT.601 and BT.709, sections 3.2)."""

    red: float
    blue: float


_WEIGHTS = {
    "bt709": _Weights(0.2126, 0.0722), "smpte170m": _Weights(0.299, 0.114), "bt470bg": _Weights(0.299, 0.114),
}  # fmt: skip
MATRICES = frozenset(_WEIGHTS)
"""FFmpeg's names of the colour matrices that are known here."""


@cache
def compiled_planes() -> ctypes.CDLL | None:
    """What `planes.c` became when the package was installed; None where it was not built, or for another machine."""
    built = next(Path(__file__).parent.glob("_planes*.so"), None)
    if built is None:
        return None
    try:
        library = ctypes.CDLL(str(built))
        function = library.edge_rgb_from_planes
    except (OSError, AttributeError):  # built for another machine; from another source
        return None
    pointer, number = ctypes.c_void_p, ctypes.c_ssize_t
    function.argtypes = [pointer, pointer, pointer, number, number]
    function.restype = None
    return library


def factors_of(matrix: str) -> NDArray[np.int16]:
    """How light and colour of limited range become RGB, with 13 bits behind the point.

    Light for all; V for red; U, V for green; U for blue.
    """
    red, blue = _WEIGHTS[matrix]
    green = 1 - red - blue
    light, colour = 255 / 219, 255 / 224
    to_red, to_blue = 2 * (1 - red) * colour, 2 * (1 - blue) * colour
    factors = [light, to_red, -to_blue * blue / green, -to_red * red / green, to_blue]
    return np.round(np.array(factors) * (1 << 13)).astype(np.int16)


def rgb_from_planes(library: ctypes.CDLL, planes: Planes, factors: NDArray[np.int16], out: Image) -> None:
    """Convert into `out` (H, W, 3), contiguous."""
    height_px, width_px = out.shape[:2]
    addresses = (int(array.ctypes.data) for array in (planes, factors, out))
    library.edge_rgb_from_planes(*addresses, height_px, width_px)
