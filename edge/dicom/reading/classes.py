"""What kinds of objects are pictures of a camera, and how their pixels are packed (PS3.4 annex B, PS3.5 annex A)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_SYNTAX = "1.2.840.10008.1.2"

VIDEO_CLASSES: Mapping[str, str] = {
    _STORAGE + "77.1.1.1": "Video Endoscopic Image",
    _STORAGE + "77.1.2.1": "Video Microscopic Image",
    _STORAGE + "77.1.4.1": "Video Photographic Image",
}
CAMERA_CLASSES: Mapping[str, str] = {
    _STORAGE + "77.1": "VL Image (trial)",
    _STORAGE + "77.2": "VL Multi-frame Image (trial)",
    _STORAGE + "77.1.1": "VL Endoscopic Image",
    _STORAGE + "77.1.2": "VL Microscopic Image",
    _STORAGE + "77.1.3": "VL Slide-Coordinates Microscopic Image",
    _STORAGE + "77.1.4": "VL Photographic Image",
    _STORAGE + "77.1.5.1": "Ophthalmic Photography 8 Bit Image",
    _STORAGE + "77.1.5.2": "Ophthalmic Photography 16 Bit Image",
    _STORAGE + "77.1.7": "Dermoscopic Photography Image",
    _STORAGE + "7": "Secondary Capture Image",
    _STORAGE + "7.2": "Multi-frame Grayscale Byte Secondary Capture Image",
    _STORAGE + "7.3": "Multi-frame Grayscale Word Secondary Capture Image",
    _STORAGE + "7.4": "Multi-frame True Color Secondary Capture Image",
    **VIDEO_CLASSES,
}
"""Taken, whatever modality they name."""
BORROWED_CLASSES: Mapping[str, str] = {
    _STORAGE + "3": "Ultrasound Multi-frame Image (retired)",
    _STORAGE + "3.1": "Ultrasound Multi-frame Image",
    _STORAGE + "6": "Ultrasound Image (retired)",
    _STORAGE + "6.1": "Ultrasound Image",
    _STORAGE + "12.1": "X-Ray Angiographic Image",
    _STORAGE + "12.2": "X-Ray Radiofluoroscopic Image",
}
"""Of other devices, and used by frame grabbers for what a camera saw: taken where the modality says that it was one."""
CAMERA_MODALITIES = frozenset({"DMS", "ES", "GM", "OP", "SM", "XC"})
"""PS3.3 C.7.3.1.1.1: dermoscopy, endoscopy, microscopes, ophthalmic photography, photography."""

MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"

DEFLATED = _SYNTAX + ".1.99"
BIG_ENDIAN = _SYNTAX + ".2"
IMPLICIT = _SYNTAX
EXPLICIT = _SYNTAX + ".1"
RLE = _SYNTAX + ".5"
JPEG_8 = frozenset({_SYNTAX + ".4.50", _SYNTAX + ".4.51", _SYNTAX + ".4.53", _SYNTAX + ".4.55"})
"""Lossy, of 8 bits where it is a photograph; extended, spectral selection and full progression among them."""
NATIVE_SYNTAXES = frozenset({IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN})
JPEG_LOSSLESS = frozenset({_SYNTAX + ".4.57", _SYNTAX + ".4.70"})
JPEG_LS = frozenset({_SYNTAX + ".4.80", _SYNTAX + ".4.81"})
JPEG_2000 = frozenset({_SYNTAX + ".4.90", _SYNTAX + ".4.91"})
PICTURE_SYNTAXES = NATIVE_SYNTAXES | {RLE} | JPEG_8 | JPEG_LOSSLESS | JPEG_LS | JPEG_2000
_VIDEO: tuple[tuple[str, str], ...] = (
    *((f"{_SYNTAX}.4.10{number}{tail}", ".m2v") for number in (0, 1) for tail in ("", ".1")),
    *((f"{_SYNTAX}.4.10{number}{tail}", ".h264") for number in (2, 3, 4) for tail in ("", ".1")),
    *((f"{_SYNTAX}.4.10{number}", ".h265") for number in (7, 8)),
)
_METHODS = {".m2v": "ISO_13818_2", ".h264": "ISO_14496_10", ".h265": "ISO_23008_2"}
LOSSY_METHODS: Mapping[str, str] = {
    **dict.fromkeys(JPEG_8, "ISO_10918_1"),
    _SYNTAX + ".4.81": "ISO_14495_1",
    _SYNTAX + ".4.91": "ISO_15444_1",
    **{syntax: _METHODS[suffix] for syntax, suffix in _VIDEO},
}
"""Transfer syntaxes that lose -> the term of Lossy Image Compression Method (PS3.3 C.7.6.1.1.5.1)."""
VIDEO_SYNTAXES: Mapping[str, str] = dict(_VIDEO)
"""MPEG-2, MPEG-4 AVC and HEVC -> how a file of the bare stream ends. Stereo is none of them: it has two pictures."""

Photometric = Literal[
    "MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"
]
GREY: tuple[str, ...] = ("MONOCHROME1", "MONOCHROME2")
COLOUR: tuple[str, ...] = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
PALETTE = "PALETTE COLOR"
VIDEO_COLOURS: tuple[str, ...] = ("YBR_PARTIAL_420", "YBR_PARTIAL_422")
"""Retired for pictures; what a video syntax has."""


def class_refusal(sop_class: str, modality: str, known_name: str) -> str:
    """Why objects of a class are no pictures of a camera, in words; "" where they are.

    Args:
        known_name: the standard's name of the class, or its UID.
    """
    if sop_class in CAMERA_CLASSES:
        return ""
    if sop_class == MEDIA_DIRECTORY:
        return "a DICOMDIR, which lists the files of a medium; give the files themselves, or their folder"
    if sop_class in BORROWED_CLASSES:
        if modality in CAMERA_MODALITIES:
            return ""
        return (
            f"{known_name} of the modality {modality or 'without a name'}, no picture of a camera; "
            f"expected {', '.join(sorted(CAMERA_MODALITIES))}"
        )
    return f"{known_name}, no picture of a camera; expected visible light (VL) or secondary capture"
