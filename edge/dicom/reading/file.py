"""A DICOM file, opened: what it is, each of its frames as a person sees it, and the stream of a video."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from pydicom.dataset import Dataset

from edge.basics.errors import InputOutputError
from edge.basics.folders import open_plain
from edge.dicom.reading.kept import dataset_of, uid_of
from edge.dicom.reading.known import HEAD_BYTES, dicom_kind
from edge.dicom.reading.process import ReaderProcess, shared_reader
from edge.pictures.image import Image
from edge.pictures.reading.picture_file import DamagedPicture, PictureRefused
from edge.pictures.reading.refusals import MAX_PIXELS, MAX_SIDE_PX

_NONSENSE = "its reader said nonsense"


@dataclass(frozen=True, slots=True)
class Facts:
    """What an object says of itself.

    Attributes:
        sop_class, syntax: the standard's names.
        size_px: width and height.
        bits: stored of a channel.
        video: how a file of its bare stream ends; "" for pictures.
        fps: of a video, where its stream does not say.
        said_frames: how many a video says that it has; nobody has counted them.
        lossy_method: by which it is packed with loss, as DICOM calls it; "" where it is not.
        ratio: of that, samples by what they take.
        is_enhanced: this program made it of another.
        notes: what of it is left out, in words.
        kept: whose it is and of which study.
    """

    sop_class: str
    syntax: str
    photometric: str
    size_px: tuple[int, int]
    bits: int
    num_channels: int
    num_frames: int
    video: str
    fps: Fraction
    said_frames: int
    lossy_method: str
    ratio: float
    is_enhanced: bool
    notes: tuple[str, ...]
    kept: Dataset

    @property
    def instance_uid(self) -> str:
        return uid_of(self.kept, "SOPInstanceUID")


@dataclass(frozen=True, slots=True)
class DicomFrame:
    """A frame, read.

    Attributes:
        image: RGB uint8 (H, W, 3), sRGB, with square pixels.
        number: from 1.
        colour: what was done about its colours, in words; empty where nothing was.
        done: what else was done to it.
    """

    image: Image
    number: int
    facts: Facts
    colour: str
    done: tuple[str, ...]

    def record(self) -> Mapping[str, Any]:
        """For a sidecar: what it was, and what was done to it."""
        facts = self.facts
        return {
            "format": "DICOM",
            "class": facts.sop_class,
            "packed": facts.syntax,
            "photometric": facts.photometric,
            "bits": facts.bits,
            "channels": facts.num_channels,
            **({"frame": self.number, "frames": facts.num_frames} if facts.num_frames > 1 else {}),
            **({"colour": self.colour} if self.colour else {}),
            **({"done": [*self.done, *facts.notes]} if self.done or facts.notes else {}),
        }

    @property
    def changes(self) -> tuple[str, ...]:
        """What of it is not as in the file, in words that are the same for all pictures."""
        converted = ("colours converted",) * ("converted" in self.colour)
        pages = ("frames of a file",) * (self.facts.num_frames > 1)
        return (*converted, *self.done, *self.facts.notes, *pages)


class DicomFile:
    """An object, open. Close it.

    Args:
        name: what errors call it.

    Raises:
        PictureRefused: it is no object with a camera's pictures, or damaged.
    """

    def __init__(self, file: BinaryIO, name: str, reader: ReaderProcess | None = None) -> None:
        self._file, self._name = file, name
        self._reader = reader or shared_reader()
        self._refuse_other_kinds()
        self.facts = self._facts(self._ask({"ask": "facts"}))

    def __enter__(self) -> DicomFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def frame(self, number: int = 1) -> DicomFrame:
        """A frame, from 1.

        Raises:
            PictureRefused: its pixels are damaged, or not of a kind that is read.
        """
        pixels = bytearray()
        said = self._ask({"ask": "frame", "number": number - 1}, pixels)
        try:
            width_px, height_px = (int(side) for side in said["size_px"])
            colour, done = str(said["colour"]), tuple(map(str, said["done"]))
            if not (0 < height_px <= MAX_SIDE_PX and 0 < width_px <= MAX_SIDE_PX):
                raise ValueError
            image: Image = np.frombuffer(pixels, np.uint8).reshape(height_px, width_px, 3)
        except (KeyError, TypeError, ValueError) as error:
            raise self._nonsense() from error
        return DicomFrame(image, number, self.facts, colour, done)

    def write_stream(self, file: IO[bytes]) -> None:
        """Write the bare stream of a video.

        Raises:
            OSError: the file takes it not.
            PictureRefused: it cannot be read any more.
        """
        self._ask({"ask": "stream"}, file)

    def _ask(self, order: Mapping[str, Any], into: IO[bytes] | bytearray | None = None) -> Mapping[str, Any]:
        number = order.get("number")
        name = self._name if number is None else f"{self._name}: frame {number + 1} of {self.facts.num_frames}"
        return self._reader.ask(self, self._file, name, order, into)

    def _refuse_other_kinds(self) -> None:
        kind = dicom_kind(os.pread(self._file.fileno(), HEAD_BYTES, 0))
        if kind == "encrypted":
            raise PictureRefused(f"{self._name}: is encrypted (CMS, a secure DICOM file); decrypt it first")
        if kind == "directory":
            raise PictureRefused(
                f"{self._name}: a DICOMDIR, which lists the files of a medium; give the files themselves"
            )
        if kind is None:
            raise PictureRefused(f"{self._name}: not a DICOM file")

    def _facts(self, said: Mapping[str, Any]) -> Facts:
        try:
            width_px, height_px = map(int, said["size_px"])
            facts = Facts(
                str(said["class"]),
                str(said["syntax"]),
                str(said["photometric"]),
                (width_px, height_px),
                int(said["bits"]),
                int(said["channels"]),
                int(said["frames"]),
                str(said["video"]),
                Fraction(*map(int, said["fps"])),
                int(said["said_frames"]),
                str(said["lossy"]),
                float(said["ratio"]),
                bool(said["enhanced"]),
                tuple(map(str, said["notes"])),
                dataset_of(said["kept"]),
            )
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise self._nonsense() from error
        if not 0 < width_px * height_px <= MAX_PIXELS or facts.num_frames < 1:
            raise self._nonsense()
        for keyword in ("SOPInstanceUID", "StudyInstanceUID"):
            if not uid_of(facts.kept, keyword):
                raise DamagedPicture(
                    f"{self._name}: damaged DICOM: it has no {keyword} that is one, and no result could be filed "
                    "beside it; fetch the file again"
                )
        return facts

    def _nonsense(self) -> DamagedPicture:
        return DamagedPicture(f"{self._name}: damaged DICOM: {_NONSENSE}; fetch the file again")


def opened_dicom(path: Path, reader: ReaderProcess | None = None) -> DicomFile:
    """Open a DICOM file.

    Raises:
        PictureRefused: as `DicomFile`.
        InputOutputError: it cannot be read.
    """
    try:
        file = open_plain(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputOutputError(f"{path}: cannot read the picture: {reason}") from error
    try:
        return DicomFile(file, str(path), reader)
    except BaseException:
        file.close()
        raise


def dicom_from_content(content: bytes, name: str, reader: ReaderProcess | None = None) -> DicomFile:
    """As `opened_dicom`, from a file's bytes."""
    file = os.fdopen(os.memfd_create("dicom", os.MFD_CLOEXEC), "w+b")
    try:
        file.write(content)
        file.flush()
        return DicomFile(file, name, reader)
    except BaseException:
        file.close()
        raise
