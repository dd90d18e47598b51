"""What is not read: refused in one line that names what is wrong, and never what stands in the object."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from edge.basics.errors import EdgeError, InputOutputError
from edge.dicom.reading.file import opened_dicom
from edge.dicom.reading.process import Limits, ReaderProcess
from edge.pictures.reading.picture_file import DamagedPicture, PictureRefused
from tests.doubles.dicom_objects import bundled, packed, throat, vl_object, written

JPEG, JPEG_LOSSLESS, RLE, HTJ2K, STEREO = (
    f"1.2.840.10008.1.2.{tail}" for tail in ("4.50", "4.70", "5", "4.201", "4.106")
)
JPG = cv2.imencode(".jpg", throat()[..., ::-1])[1].tobytes()


def refused(path: Path) -> EdgeError:
    with pytest.raises(PictureRefused) as told, opened_dicom(path) as found:
        for number in range(1, found.facts.num_frames + 1):
            found.frame(number)
    line = str(told.value)
    assert line.startswith(str(path))
    assert line.isprintable()
    assert "Doe" not in line and "4711" not in line
    return told.value


def jpeg_object(content: bytes) -> Dataset:
    return packed(vl_object(throat()), [content], JPEG, "YBR_FULL_422")


def with_syntax(syntax: str, dataset: Dataset) -> Dataset:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    return dataset


ROWS: dict[str, tuple[Callable[[], Dataset], type[EdgeError], str]] = {
    "CT": (lambda: vl_object(throat(), SOPClassUID="1.2.840.10008.5.1.4.1.1.2"), PictureRefused, "CT Image Storage"),
    "ultrasound": (
        lambda: vl_object(throat(), SOPClassUID="1.2.840.10008.5.1.4.1.1.6.1", Modality="US"),
        PictureRefused,
        "Ultrasound Image Storage of the modality US",
    ),
    "an unknown class": (
        lambda: vl_object(throat(), SOPClassUID="1.2.3.4"),
        PictureRefused,
        "an object of the class 1.2.3.4",
    ),
    "whole slides": (
        lambda: vl_object(throat(), SOPClassUID="1.2.840.10008.5.1.4.1.1.77.1.6"),
        PictureRefused,
        "VL Whole Slide Microscopy",
    ),
    "no class": (lambda: vl_object(throat(), SOPClassUID=""), DamagedPicture, "does not say what kind"),
    "no pixels": (
        lambda: vl_object(throat(), PixelData=None),
        DamagedPicture,
        "it has no pixels, and may be cut short",
    ),
    "CMYK": (
        lambda: vl_object(throat(), PhotometricInterpretation="CMYK"),
        PictureRefused,
        "photometric interpretation CMYK",
    ),
    "HSV": (lambda: vl_object(throat(), PhotometricInterpretation="HSV"), PictureRefused, "HSV, which is not read"),
    "no photometric interpretation": (
        lambda: vl_object(throat(), PhotometricInterpretation=""),
        PictureRefused,
        "that it does not name",
    ),
    "grey of three channels": (
        lambda: vl_object(throat(), PhotometricInterpretation="MONOCHROME2"),
        DamagedPicture,
        "3 channels of MONOCHROME2",
    ),
    "32 bits": (
        lambda: vl_object(throat(), BitsAllocated=32, BitsStored=32, HighBit=31),
        PictureRefused,
        "32 bits a channel",
    ),
    "more bits than there are": (lambda: vl_object(throat(), BitsStored=9), DamagedPicture, "BitsStored is 9"),
    "no rows": (lambda: vl_object(throat(), Rows=0), DamagedPicture, "Rows is 0"),
    "a bomb by its size": (lambda: vl_object(throat(), Rows=65535, Columns=65535), PictureRefused, "megapixels"),
    "HTJ2K": (lambda: packed(vl_object(throat()), [b"x" * 64], HTJ2K, "RGB"), PictureRefused, "High-Throughput JPEG"),
    "stereo video": (
        lambda: packed(vl_object(throat()), [b"x" * 64], STEREO, "YBR_PARTIAL_420"),
        PictureRefused,
        "Ste",
    ),
    "an unknown syntax": (
        lambda: packed(vl_object(throat()), [b"x" * 64], "1.2.840.10008.1.2.4.94", "RGB"),
        PictureRefused,
        "JPIP",
    ),
    "too few pixels": (
        lambda: vl_object(throat(), PixelData=b"x" * 100),
        DamagedPicture,
        "100 bytes of pixels; its 1 frame take 15552",
    ),
    "too many pixels": (
        lambda: vl_object(throat(), PixelData=throat().tobytes() + b"x" * 100),
        DamagedPicture,
        "100 more than its 1 frame take",
    ),
    "more frames than there are": (
        lambda: vl_object(throat(), NumberOfFrames=3),
        DamagedPicture,
        "its 3 frames take",
    ),
    "fewer frames than there are": (
        lambda: vl_object([throat(), throat(), throat()], NumberOfFrames=2),
        DamagedPicture,
        "more than its 2 frames take",
    ),
    "a billion frames": (
        lambda: vl_object(throat(), NumberOfFrames=1_000_000_000),
        DamagedPicture,
        "NumberOfFrames is",
    ),
    "more packed frames than it says": (
        lambda: packed(vl_object(throat(), NumberOfFrames=2), [JPG] * 3, JPEG, "YBR_FULL_422"),
        DamagedPicture,
        "its table of frames does not fit",
    ),
    "fewer packed frames than it says": (
        lambda: packed(vl_object(throat(), NumberOfFrames=3), [JPG, JPG], JPEG, "YBR_FULL_422"),
        DamagedPicture,
        "pixels of 2 frames; it says that it has 3",
    ),
    "a JPEG cut short": (lambda: jpeg_object(JPG[: len(JPG) // 2]), DamagedPicture, "damaged DICOM"),
    "a JPEG of another size": (
        lambda: jpeg_object(cv2.imencode(".jpg", throat(60, 96))[1].tobytes()),
        DamagedPicture,
        "its size is told in two ways: 96x54 of 3 channels, and packed 96x60 of 3",
    ),
    "no JPEG": (lambda: jpeg_object(b"x" * 200), DamagedPicture, "its pixels are no JPEG"),
    "a baseline JPEG said to be lossless": (
        lambda: packed(vl_object(throat()), [JPG[:-200]], JPEG_LOSSLESS, "RGB"),
        DamagedPicture,
        "cut short",
    ),
    "RLE that ends too early": (
        lambda: packed(vl_object(throat()), [b"\3\0\0\0\x40\0\0\0\x50\0\0\0\x60\0\0\0" + bytes(90)], RLE, "RGB"),
        DamagedPicture,
        "cannot be decoded as RLE Lossless",
    ),
    "pixels that are packed, not said so": (
        lambda: with_syntax("1.2.840.10008.1.2.1", packed(vl_object(throat()), [JPG], JPEG, "YBR_FULL_422")),
        DamagedPicture,
        "bytes of pixels; its 1 frame take",
    ),
    "a palette that is none": (
        lambda: vl_object(throat()[..., 0], PhotometricInterpretation="PALETTE COLOR"),
        DamagedPicture,
        "palette",
    ),
    "a broken colour profile": (lambda: vl_object(throat(), ICCProfile=b"x" * 200), DamagedPicture, "colour profile"),
    "no study": (lambda: vl_object(throat(), StudyInstanceUID=""), DamagedPicture, "no StudyInstanceUID"),
    "an instance of no name": (lambda: vl_object(throat(), SOPInstanceUID="x"), DamagedPicture, "no SOPInstanceUID"),
    "an aspect of nothing": (lambda: vl_object(throat(), PixelAspectRatio=["0", "1"]), DamagedPicture, "AspectRatio"),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("row", ROWS)
def test_one_line_for_each(row: str, tmp_path: Path) -> None:
    make, kind, words = ROWS[row]
    error = refused(written(make(), tmp_path / "made.dcm"))
    assert type(error) is kind
    assert words in str(error)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("DICOMDIR", "a DICOMDIR, which lists the files of a medium"),
        ("DICOMDIR-bigEnd", "a DICOMDIR"),
        ("rtstruct.dcm", "RT Structure Set Storage"),
        ("badVR.dcm", "RT Dose Storage"),
        ("reportsi.dcm", "Basic Text SR Storage"),
        ("waveform_ecg.dcm", "ECG Waveform Storage"),
        ("liver_1frame.dcm", "Segmentation Storage"),
        ("rtplan_truncated.dcm", "RT Plan Storage"),
        ("MR_small.dcm", "MR Image Storage, no picture of a camera"),
        ("SC_rgb_rle_32bit.dcm", "32 bits a channel"),
        ("JPEG2000-embedded-sequence-delimiter.dcm", "told in two ways"),
    ],
)
def test_odd_files_of_others(name: str, words: str, tmp_path: Path) -> None:
    assert words in str(refused(bundled(name, tmp_path)))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("name", ["SC_rgb_rle.dcm", "SC_rgb_jpeg_dcmtk.dcm", "image_dfl.dcm", "SC_rgb_small_odd.dcm"])
def test_a_file_cut_short(name: str, share: float, tmp_path: Path) -> None:
    path = bundled(name, tmp_path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert isinstance(refused(path), DamagedPicture)


def test_an_encrypted_file_is_named_as_one(tmp_path: Path) -> None:
    """A CMS envelope as `openssl cms -encrypt -outform DER` begins it (RFC 5652)."""
    path = tmp_path / "secure.dcm"
    path.write_bytes(bytes.fromhex("30820a4106092a864886f70d010703a0820a3230820a2e020100") + bytes(3000))
    assert "is encrypted (CMS" in str(refused(path))


def test_what_is_no_dicom(tmp_path: Path) -> None:
    path = tmp_path / "throat.dcm"
    path.write_bytes(JPG)
    assert "not a DICOM file" in str(refused(path))
    path.write_bytes(b"")
    assert "not a DICOM file" in str(refused(path))
    with pytest.raises(InputOutputError, match="cannot read"):
        opened_dicom(tmp_path / "missing.dcm")


def test_what_inflates_without_end(tmp_path: Path) -> None:
    """A few kilobytes that stand for more than may be held."""
    path = bundled("image_dfl.dcm", tmp_path)
    reader = ReaderProcess(Limits(inflated_bytes=200_000))
    with pytest.raises(PictureRefused, match="more than 0 MiB when it is inflated"):
        opened_dicom(path, reader)
    reader.close()


def test_a_video_of_a_picture_s_class_has_a_stream(tmp_path: Path) -> None:
    dataset = vl_object(throat(), SOPClassUID="1.2.840.10008.5.1.4.1.1.77.1.1.1", NumberOfFrames=90, CineRate=24)
    video = packed(dataset, [b"ab" * 50], "1.2.840.10008.1.2.4.102", "YBR_PARTIAL_420")
    video.PixelData = encapsulate([b"ab" * 50], fragments_per_frame=4)
    with opened_dicom(written(video, tmp_path / "video.dcm")) as found, (tmp_path / "stream").open("wb+") as into:
        assert (found.facts.video, found.facts.fps, found.facts.num_frames) == (".h264", 24, 1)
        found.write_stream(into)
        into.seek(0)
        assert into.read() == b"ab" * 50


def test_pixels_that_are_filled_up_are_no_fault(tmp_path: Path) -> None:
    dataset = vl_object(throat(), PixelData=throat().tobytes() + bytes(64))
    with opened_dicom(written(dataset, tmp_path / "made.dcm")) as found:
        assert np.array_equal(found.frame().image, throat())
