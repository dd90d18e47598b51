"""From a frame's bytes to RGB of 8 bits. Runs in the confined process alone: most decoders here are C++."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import cv2
import numpy as np
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut

from edge.dicom.reading import classes
from edge.dicom.reading.frames import content_of
from edge.dicom.reading.grey import grey_of
from edge.dicom.reading.header import Object, Shape
from edge.dicom.reading.jpeg import Pixels, jpeg_pixels, refuse_cut_short, refuse_other_shape
from edge.pictures.image import Image
from edge.pictures.reading.conversion import converted
from edge.pictures.reading.refusals import Damaged, Refused, refuse_size
from edge.pictures.reading.stored import Stored

_NO_FAULT = b"invalid sos parameters for sequential jpeg"
"""Said of every picture that dcmtk packed with 12 bits."""
_COMPLAINTS = (b"corrupt", b"premature", b"truncat", b"extraneous", b"invalid", b"error")


class Frame(NamedTuple):
    """A frame as a person sees it; `done` is what was done to it, in words."""

    image: Image
    colour: str
    done: tuple[str, ...]


def frame_of(found: Object, number: int, complaints: Callable[[], bytes]) -> Frame:
    """A frame, from 0.

    Args:
        complaints: what libraries wrote to stderr since it was last asked.

    Raises:
        Damaged: its pixels cannot be decoded to their end.
        Refused: it is of a kind that is not read.
    """
    complaints()
    pixels, photometric = _decoded(found, number)
    said = complaints().lower().replace(_NO_FAULT, b"")
    if any(word in said for word in _COMPLAINTS):
        raise Damaged(" ".join(said.decode("ascii", "replace").split())[:100])
    done: list[str] = []
    if photometric in classes.GREY:
        stored, has_window = grey_of(found.dataset, found.shape, pixels)
        done += ["windowed"] * has_window
    elif photometric == classes.PALETTE:
        stored = _of_palette(found, pixels)
    else:
        stored = _in_rgb(pixels, photometric, found.shape.bits_stored)
    if found.shape.bits_stored > 8:
        done.append("reduced to 8 bits")
    image = converted(Stored(stored, 8, icc=found.icc))
    if found.aspect != 1:
        done.append("pixels made square")
    return Frame(_square(image.image, found.aspect), image.colour, tuple(done))


def _decoded(found: Object, number: int) -> tuple[Pixels, str]:
    """Samples (H, W[, 3]), and what they mean."""
    if not found.is_encapsulated:
        return _native(found, number)
    content = content_of(found.file, found.frames[number])
    shape = found.shape
    if shape.syntax in classes.JPEG_8:
        return jpeg_pixels(content, shape)
    if shape.syntax in classes.JPEG_LOSSLESS:
        refuse_cut_short(content)
    if shape.syntax != classes.RLE:
        refuse_other_shape(content, shape)
    return _by_library(content, shape)


def _native(found: Object, number: int) -> tuple[Pixels, str]:
    shape = found.shape
    found.file.seek(found.frames[number][0].at)
    decoder = get_decoder(classes.EXPLICIT if shape.syntax == classes.DEFLATED else shape.syntax)
    options = _options(shape, shape.bits_allocated, len(found.frames)) | {"pixel_vr": "OW" if found.is_words else "OB"}
    pixels, about = decoder.as_array(found.file, index=number, raw=True, **options)
    shift = shape.high_bit + 1 - shape.bits_stored
    whole = np.asarray(pixels)
    if shift or shape.bits_stored < shape.bits_allocated:
        unused = shape.bits_allocated - 1 - shape.high_bit  # overlays may stand in what is not used
        whole = (whole << unused) >> (unused + shift)
    return whole, str(about["photometric_interpretation"])


def _by_library(content: bytes, shape: Shape) -> tuple[Pixels, str]:
    decoder = get_decoder(shape.syntax)
    plugin = "pydicom" if shape.syntax == classes.RLE else "gdcm"
    try:
        pixels, about = decoder.as_array(
            encapsulate([content], has_bot=False),
            index=0,
            raw=True,
            decoding_plugin=plugin,
            **_options(shape, shape.bits_stored, 1),
        )
    except MemoryError:
        raise
    except Exception as error:
        raise Damaged(f"its pixels cannot be decoded as {decoder.UID.name}") from error
    return np.asarray(pixels), str(about["photometric_interpretation"])


def _options(shape: Shape, bits_stored: int, num_frames: int) -> dict[str, Any]:
    in_planes = shape.in_planes and shape.syntax in classes.NATIVE_SYNTAXES  # what is packed comes pixel by pixel
    more = {"planar_configuration": int(in_planes)} if shape.num_channels > 1 else {}
    return {
        "rows": shape.height_px,
        "columns": shape.width_px,
        "number_of_frames": num_frames,
        "samples_per_pixel": shape.num_channels,
        "bits_allocated": shape.bits_allocated,
        "bits_stored": bits_stored,
        "photometric_interpretation": shape.photometric,
        "pixel_representation": int(shape.is_signed),
        "pixel_keyword": "PixelData",
        **more,
    }


def _in_rgb(pixels: Pixels, photometric: str, bits_stored: int) -> Image:
    if bits_stored != 8:
        most = (1 << bits_stored) - 1
        pixels = ((pixels.astype(np.uint32) * 510 + most) // (2 * most)).clip(0, 255)
    whole = np.ascontiguousarray(pixels, np.uint8)
    if photometric in ("YBR_FULL", "YBR_FULL_422"):
        in_opencvs_order = np.ascontiguousarray(whole[..., [0, 2, 1]])
        return np.asarray(cv2.cvtColor(in_opencvs_order, cv2.COLOR_YCrCb2RGB), np.uint8)
    if photometric != "RGB":
        raise Refused(f"photometric interpretation {photometric} packed so")
    return whole


def _of_palette(found: Object, pixels: Pixels) -> Image:
    try:
        coloured = apply_color_lut(np.asarray(pixels), found.dataset)
    except Exception as error:
        raise Damaged("its palette cannot be applied") from error
    if coloured.ndim != 3 or coloured.shape[2] != 3:
        raise Refused("a palette with transparency")
    return np.ascontiguousarray(coloured >> 8 if coloured.dtype == np.uint16 else coloured, np.uint8)


def _square(image: Image, aspect: Fraction) -> Image:
    """With square pixels; the side that is stretched grows, so that nothing stored is lost."""
    if aspect == 1:
        return image
    height_px, width_px = image.shape[:2]
    size = (width_px, round(height_px * aspect)) if aspect > 1 else (round(width_px / aspect), height_px)
    refuse_size(*size)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)
