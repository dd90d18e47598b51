"""DICOM files for tests: objects made here, by dcmtk's programs, and those of pydicom; how dcmtk shows them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom.data
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSTransferSyntaxes, VLEndoscopicImageStorage

from edge.pictures.image import Image
from tests.doubles.ffmpeg_clips import made

BUNDLED = Path(str(pydicom.data.__file__)).parent
STUDY, SERIES, INSTANCE = "1.2.826.0.1.3680043.8.498.1", "1.2.826.0.1.3680043.8.498.2", "1.2.826.0.1.3680043.8.498.3"
H264, VIDEO_CLASS = "1.2.840.10008.1.2.4.102", "1.2.840.10008.5.1.4.1.1.77.1.1.1"


@cache
def throat(height_px: int = 54, width_px: int = 96, seed: int = 1) -> Image:
    """A picture with smooth places and sharp ones, so that a swapped channel or a shifted row is seen."""
    noise = np.random.default_rng(seed).integers(0, 256, (height_px // 6 + 1, width_px // 6 + 1, 3), np.uint8)
    smooth = cv2.resize(noise, (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    smooth[: height_px // 3, : width_px // 3] = (250, 20, 60)
    return np.asarray(smooth, np.uint8)


def vl_object(image: Image | Iterable[Image], **attributes: Any) -> Dataset:
    """A VL Endoscopic object of a picture or several, not packed; attributes are set by their keywords."""
    frames = [image] if isinstance(image, np.ndarray) else list(image)
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = VLEndoscopicImageStorage, INSTANCE
    made.StudyInstanceUID, made.SeriesInstanceUID, made.Modality = STUDY, SERIES, "ES"
    made.PatientName, made.PatientID, made.PatientBirthDate, made.PatientSex = "Doe^Jane", "4711", "19700101", "F"
    made.StudyDate, made.StudyTime, made.AccessionNumber, made.ReferringPhysicianName = (
        "20260301",
        "101112",
        "A1",
        "Ref",
    )
    made.StudyID, made.SeriesNumber, made.InstanceNumber, made.ImageType = "S1", 1, 1, ["ORIGINAL", "PRIMARY"]
    made.LossyImageCompression, made.BurnedInAnnotation = "00", "NO"
    made.Rows, made.Columns = frames[0].shape[:2]
    made.SamplesPerPixel = 1 if frames[0].ndim == 2 else 3
    made.PhotometricInterpretation = "MONOCHROME2" if frames[0].ndim == 2 else "RGB"
    if frames[0].ndim == 3:
        made.PlanarConfiguration = 0
    bits = frames[0].dtype.itemsize * 8
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = bits, bits, bits - 1, 0
    if len(frames) > 1:
        made.NumberOfFrames = len(frames)
    content = b"".join(frame.tobytes() for frame in frames)
    made.PixelData = content + b"\0" * (len(content) % 2)
    made["PixelData"].VR = "OW" if bits == 16 else "OB"
    for keyword, value in attributes.items():
        if value is None:
            del made[keyword]
        else:
            setattr(made, keyword, value)
    return made


def packed(dataset: Dataset, frames: list[bytes], syntax: str, photometric: str, *, table: bool = True) -> Dataset:
    """The same with packed pixels."""
    dataset.PixelData = encapsulate(frames, has_bot=table)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.PhotometricInterpretation = photometric
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    return dataset


def written(dataset: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    if "file_meta" not in vars(dataset):
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID") or VLEndoscopicImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID") or INSTANCE
    dataset.save_as(path, enforce_file_format=True)
    return path


def by_dcmtk(program: str, *words: object) -> None:
    """Run one of dcmtk's programs; the test is skipped where it is not installed."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed (Debian: dcmtk)")
    subprocess.run([program, *map(str, words)], check=True, capture_output=True)


def shown_by_dcmtk(path: Path, frame: int = 1, *words: str) -> Image:
    """A frame as dcmtk shows it; the test is skipped where it is not installed."""
    into = path.with_name(f"{path.name}.shown.ppm")
    if pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID in JPEGLSTransferSyntaxes:
        plain = path.with_name(f"{path.name}.plain.dcm")
        by_dcmtk("dcmdjpls", path, plain)
        path = plain
    by_dcmtk("dcmj2pnm", "+op", "+F", frame, *words, path, into)
    shown = cv2.imread(str(into), cv2.IMREAD_COLOR)
    assert shown is not None, f"dcmj2pnm showed nothing of {path}"
    return np.asarray(shown[..., ::-1], np.uint8)


def bundled(name: str, folder: Path, **attributes: Any) -> Path:
    """A copy of a file that comes with pydicom, some of its attributes set."""
    copy = folder / name
    shutil.copyfile(next(BUNDLED.rglob(name)), copy)
    if attributes:
        dataset = pydicom.dcmread(copy)
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        dataset.save_as(copy)
    return copy


def dicom_video(folder: Path, *more: str, **attributes: Any) -> Path:
    """A video object of a bare stream, half a second at 24 frames a second, as FFmpeg codes it."""
    stream = folder / f"stream.{'ts' if more else 'h264'}"
    sound = ("-f", "lavfi", "-i", "sine=d=0.5", "-c:a", "aac") if more else ()
    words = ("-f", "lavfi", "-i", "testsrc2=s=192x108:r=24:d=0.5", *sound, "-c:v", "libx264", "-pix_fmt", "yuv420p")
    made(stream, *words)
    dataset = vl_object(throat(108, 192), SOPClassUID=VIDEO_CLASS, NumberOfFrames=12, CineRate=24, **attributes)
    content = stream.read_bytes()
    stream.unlink()
    return written(
        packed(dataset, [content + b"\0" * (len(content) % 2)], H264, "YBR_PARTIAL_420"), folder / "video.dcm"
    )
