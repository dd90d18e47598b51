"""A saved picture as VL Endoscopic Image Storage: the pixels of the PNG, not compressed."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterator
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, VLEndoscopicImageStorage

from edge.basics.errors import InputOutputError
from edge.basics.folders import read_plain
from edge.dicom.loss import loss_of_still
from edge.dicom.origin import NoObject, Origin
from edge.dicom.srgb import COLOR_SPACE, srgb_profile
from edge.pictures.image import Image
from edge.pictures.reading.picture_file import PictureFile
from edge.pictures.reading.refusals import MAX_FILE_BYTES


def still_datasets(origin: Origin, path: Path, wanted: Container[str] | None) -> Iterator[Dataset]:
    """The one object of it.

    Raises:
        NoObject: the record lacks something, or the file is not the sound picture of which it tells.
        OSError: the file cannot be read.
    """
    if wanted is not None and origin.uid not in wanted:
        return
    made = origin.dataset(VLEndoscopicImageStorage, ExplicitVRLittleEndian)
    loss_of_still(origin.record).add_to(made)
    add_pixels(made, _pixels(path, origin.sha256()))
    yield made


def add_pixels(made: Dataset, image: Image) -> None:
    """A picture in sRGB, not compressed."""
    made.Rows, made.Columns = image.shape[:2]
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PlanarConfiguration = 3, "RGB", 0
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 8, 8, 7, 0
    made.ICCProfile, made.ColorSpace = srgb_profile(), COLOR_SPACE
    pixels = image.tobytes()
    made.PixelData = pixels + b"\0" * (len(pixels) % 2)
    made["PixelData"].VR = "OB"


def _pixels(path: Path, sha256: str) -> Image:
    content = read_plain(path, MAX_FILE_BYTES)
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise NoObject(f"{path}: is not the picture that its record tells of: another SHA-256")
    try:
        return PictureFile(content, str(path)).page().image
    except InputOutputError as error:
        raise NoObject(str(error)) from error
