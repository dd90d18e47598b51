"""ICC profiles made by hand (ICC.1:2001-04, version 2.4): matrix profiles of known spaces, grey, and a plain CMYK."""

from __future__ import annotations

import itertools
import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_D50 = (0.9642, 1.0, 0.8249)


class Space(NamedTuple):
    """An RGB space: the columns of its matrix to XYZ, adapted to D50, and its exponent."""

    name: str
    red: tuple[float, float, float]
    green: tuple[float, float, float]
    blue: tuple[float, float, float]
    gamma: float


# The colorants of Adobe's and ROMM's own profiles and of Display P3 as Apple ships it, 2.2 for its curve.
ADOBE_RGB = Space(
    "Adobe RGB (1998)", (0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457), 563 / 256
)
DISPLAY_P3 = Space(
    "Display P3", (0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407), 2.2
)
PROPHOTO = Space(
    "ROMM RGB: ISO 22028-2:2013", (0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491), 1.8
)
SPACES = (ADOBE_RGB, DISPLAY_P3, PROPHOTO)

# sRGB (IEC 61966-2-1) adapted to D50 by Bradford's matrix.
_XYZ_OF_SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])


def matrix_profile(space: Space) -> bytes:
    curve = _curve(space.gamma)
    tags = {
        b"wtpt": _xyz(_D50),
        b"rXYZ": _xyz(space.red),
        b"gXYZ": _xyz(space.green),
        b"bXYZ": _xyz(space.blue),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    return _profile(space.name, b"RGB ", b"XYZ ", tags)


def grey_profile(gamma: float) -> bytes:
    return _profile(f"Grey {gamma}", b"GRAY", b"XYZ ", {b"wtpt": _xyz(_D50), b"kTRC": _curve(gamma)})


def cmyk_profile() -> bytes:
    """A printer whose paper is white and whose inks each take the light of one sRGB channel: R = (1 - C)(1 - K)."""
    grid = np.array(list(itertools.product((0.0, 1.0), repeat=4)))
    table = _lab_codes(np.clip(1 - grid[:, :3] - grid[:, 3:], 0, 1))
    head = struct.pack(">4sI4B9i", b"mft1", 0, 4, 3, 2, 0, *(round(65536 * one) for one in np.eye(3).ravel()))
    ramp = bytes(range(256))
    tag = head + ramp * 4 + table.tobytes() + ramp * 3
    return _profile("Four inks", b"CMYK", b"Lab ", {b"wtpt": _xyz(_D50), b"A2B0": tag, b"A2B1": tag}, b"prtr")


def codes_in(space: Space, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """sRGB codes (..., 3) as codes of another space, by matrices and exponents alone."""
    code = rgb / 255
    light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    matrix = np.array([space.red, space.green, space.blue]).T
    inside = np.clip(light @ (np.linalg.inv(matrix) @ _XYZ_OF_SRGB).T, 0, 1)
    return np.rint(255 * inside ** (1 / space.gamma)).astype(np.uint8)


def _lab_codes(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    """CIELAB (D50) of linear sRGB light as 8-bit ICC codes: L* 0 to 100, a* and b* from -128."""
    ratio = (light @ _XYZ_OF_SRGB.T) / np.array(_D50)
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (841 / 108) + 4 / 29)
    lab = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=-1)
    return np.rint(lab * np.array([2.55, 1, 1]) + np.array([0, 128, 128])).clip(0, 255).astype(np.uint8)


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(65536 * value) for value in values))


def _curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(256 * gamma))


def _profile(name: str, space: bytes, pcs: bytes, tags: dict[bytes, bytes], kind: bytes = b"mntr") -> bytes:
    text = name.encode() + b"\0"
    desc = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    tags = {b"desc": desc, b"cprt": b"text\0\0\0\0none\0", **tags}
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for key, value in tags.items():
        table += struct.pack(">4sII", key, at + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    size = at + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"none", 0x02400000, kind, space, pcs)
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp").ljust(68 - len(head), b"\0")
    head = head.ljust(68, b"\0") + struct.pack(">3i", *(round(65536 * value) for value in _D50))
    return head.ljust(128, b"\0") + table + body
