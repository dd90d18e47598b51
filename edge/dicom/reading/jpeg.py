"""JPEG, JPEG-LS and JPEG 2000 as they lie in an object: held to what the object says, and decoded where lossy.

Runs in the confined process alone.
"""

from __future__ import annotations

import struct

import gdcm
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from edge.dicom.reading import classes
from edge.dicom.reading.header import Shape
from edge.pictures.reading.refusals import Damaged, Refused

Pixels = NDArray[np.integer]
_ADOBE = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00"
"""APP14 without its last byte, which says whether the colours are RGB (0) or luminance and two colours (1)."""
_BASELINE = frozenset({0xC0, 0xC1, 0xC2})
_FRAME_HEADS = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
"""Of JPEG, and the last of JPEG-LS."""


def jpeg_pixels(content: bytes, shape: Shape) -> tuple[Pixels, str]:
    """By libjpeg-turbo, which sees what a damaged scan leaves over; as in other files of this program."""
    kind, bits, height_px, width_px, num_channels, has_adobe, is_jfif = _jpeg_head(content)
    if kind not in _BASELINE or bits not in (8, 12):
        raise Refused(f"JPEG of {bits} bits, process {kind & 0xF}, which is not read; convert it, as by dcmdjpeg")
    if (height_px, width_px, num_channels) != (shape.height_px, shape.width_px, shape.num_channels):
        raise Damaged(_two_sizes(width_px, height_px, num_channels, shape))
    if bits == 12:
        return _jpeg_of_12_bits(content, shape)
    if num_channels == 3 and not has_adobe:
        is_rgb = shape.photometric == "RGB" and not is_jfif
        content = content[:2] + _ADOBE + bytes([not is_rgb]) + content[2:]
    try:
        pixels = simplejpeg.decode_jpeg(content.rstrip(b"\0"), "GRAY" if num_channels == 1 else "RGB", strict=True)
    except ValueError as error:
        raise Damaged(" ".join(str(error).split())[-100:]) from error
    if num_channels == 1:
        return np.asarray(pixels)[..., 0], shape.photometric
    return np.asarray(pixels), "RGB"


def _jpeg_of_12_bits(content: bytes, shape: Shape) -> tuple[Pixels, str]:
    """By GDCM itself: pydicom gives it another depth than the packed picture has, and then does not ask it at all."""
    if shape.num_channels != 1 or shape.bits_allocated != 16 or shape.bits_stored != 12:
        raise Refused("JPEG of 12 bits that is not grey of 12 bits; convert it, as by dcmdjpeg")
    refuse_cut_short(content)
    fragment, fragments = gdcm.Fragment(), gdcm.SequenceOfFragments.New()
    fragment.SetByteStringValue(content)
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((shape.width_px, shape.height_px, 1))
    image.SetDataElement(element)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(gdcm.PhotometricInterpretation.MONOCHROME2))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(shape.syntax)))
    image.SetPixelFormat(gdcm.PixelFormat(1, 16, 12, 11, int(shape.is_signed)))
    found = image.GetBuffer()
    pixels = np.frombuffer((found or "").encode("utf-8", "surrogateescape"), np.int16 if shape.is_signed else np.uint16)
    if pixels.size != shape.height_px * shape.width_px:
        raise Damaged("its pixels cannot be decoded as JPEG Extended")
    return pixels.reshape(shape.height_px, shape.width_px), shape.photometric


def _jpeg_head(content: bytes) -> tuple[int, int, int, int, int, bool, bool]:
    """Process, bits, height, width and channels of the first frame header (ITU-T T.81, B.2), Adobe's mark, JFIF's."""
    at, has_adobe, is_jfif = 2, False, False
    while content[:2] == b"\xff\xd8" and at + 10 <= len(content):
        if content[at] != 0xFF:
            break
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        (size,) = struct.unpack_from(">H", content, at + 2)
        has_adobe |= marker == 0xEE and content[at + 4 : at + 9] == b"Adobe"
        is_jfif |= marker == 0xE0 and content[at + 4 : at + 8] == b"JFIF"
        if marker in _FRAME_HEADS:
            bits, height_px, width_px, num_channels = struct.unpack_from(">BHHB", content, at + 4)
            return marker, bits, height_px, width_px, num_channels, has_adobe, is_jfif
        at += 2 + size
    raise Damaged("its pixels are no JPEG")


def refuse_other_shape(content: bytes, shape: Shape) -> None:
    """A decoder is told a shape and takes memory for it; the packed picture must say the same."""
    if shape.syntax in classes.JPEG_2000:
        at = content.find(b"\xff\x4f\xff\x51")
        if not at >= 0 or at + 42 > len(content):
            raise Damaged("its pixels are no JPEG 2000")
        right, bottom, left, top = struct.unpack_from(">4I", content, at + 8)
        (num_channels,) = struct.unpack_from(">H", content, at + 40)
        height_px, width_px = bottom - top, right - left
    else:
        _, _, height_px, width_px, num_channels, _, _ = _jpeg_head(content)
    if (height_px, width_px, num_channels) != (shape.height_px, shape.width_px, shape.num_channels):
        raise Damaged(_two_sizes(width_px, height_px, num_channels, shape))


def _two_sizes(width_px: int, height_px: int, num_channels: int, shape: Shape) -> str:
    told = f"{shape.width_px}x{shape.height_px} of {shape.num_channels}"
    return f"its size is told in two ways: {told} channels, and packed {width_px}x{height_px} of {num_channels}"


def refuse_cut_short(content: bytes) -> None:
    """Raises `Damaged` where a JPEG has no end: some decoders make up for what is missing without a word."""
    if not content.rstrip(b"\0\xff").endswith(b"\xd9"):
        raise Damaged("cut short within its pixels")
