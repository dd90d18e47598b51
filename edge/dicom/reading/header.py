"""An object of a file: what it is, whether it is taken, and where its pixels lie.

Runs in the confined process alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

from pydicom.dataset import Dataset
from pydicom.uid import UID

from edge.dicom.reading import classes
from edge.dicom.reading.data_set import read_data_set
from edge.dicom.reading.frames import (
    Place,
    fragments_of,
    frames_of,
    pixel_value,
    refuse_other_size,
)
from edge.dicom.reading.kept import records_of, text_of
from edge.pictures.marks import KEYWORD as PROGRAM
from edge.pictures.reading.refusals import Damaged, Refused, refuse_size

_MOST_FRAMES = 100_000
_MOST_ICC_BYTES = 1 << 24
_OVERLAYS = range(0x6000, 0x6020, 2)
_MOST_ASPECT = 10
_DEFAULT_FPS = 25


@dataclass(frozen=True, slots=True)
class Shape:
    """What the pixels are (PS3.3 C.7.6.3)."""

    height_px: int
    width_px: int
    num_channels: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool
    in_planes: bool
    photometric: str
    syntax: str

    @property
    def frame_bytes(self) -> int:
        """Of a frame that is not packed; two pixels of 4:2:2 have four bytes (C.7.6.3.1.2)."""
        channels = 2 if self.photometric == "YBR_FULL_422" else self.num_channels
        return self.height_px * self.width_px * channels * self.bits_allocated // 8


@dataclass(frozen=True, slots=True)
class Object:
    """An object that is taken.

    Attributes:
        file: with what its transfer syntax deflates inflated.
        dataset: all but its pixels.
        frames: where each lies; one of all there is for a video.
        pixels_at: of native pixels, where their value begins.
        video: how a file of its bare stream ends; "" for pictures.
        said_frames: how many it says that it has, which of a video nobody has counted.
        lossy_method: by which it is packed with loss; "" where it is not.
        notes: what of it is left out, in words.
    """

    file: BinaryIO
    dataset: Dataset
    shape: Shape
    frames: list[list[Place]]
    is_encapsulated: bool
    is_words: bool
    video: str
    said_frames: int
    lossy_method: str
    fps: Fraction
    aspect: Fraction
    icc: bytes
    notes: tuple[str, ...]

    def _ratio(self) -> float:
        """Of what its frames are as plain samples, against what they take."""
        packed = sum(place.num_bytes for frame in self.frames for place in frame)
        num_frames = self.said_frames if self.video else len(self.frames)
        samples = self.shape.height_px * self.shape.width_px * self.shape.num_channels
        return round(samples * num_frames * self.shape.bits_allocated / 8 / max(1, packed), 2)

    def facts(self) -> Mapping[str, Any]:
        """For the program; `edge.dicom.reading.file.Facts` reads it."""
        shape = self.shape
        return {
            "class": UID(text_of(self.dataset, "SOPClassUID")).name[:100],
            "syntax": UID(shape.syntax).name[:100],
            "photometric": shape.photometric,
            "size_px": [shape.width_px, shape.height_px],
            "bits": shape.bits_stored,
            "channels": shape.num_channels,
            "frames": len(self.frames),
            "video": self.video,
            "fps": [self.fps.numerator, self.fps.denominator],
            "notes": list(self.notes),
            "said_frames": self.said_frames,
            "lossy": self.lossy_method,
            "ratio": self._ratio(),
            "enhanced": _is_enhanced(self.dataset),
            "kept": records_of(self.dataset),
        }


def opened(file: BinaryIO, most_inflated_bytes: int) -> Object:
    """Read all of an object but its pixels.

    Args:
        most_inflated_bytes: of a file that is deflated as a whole.

    Raises:
        Refused: it is no picture of a camera, or packed in a way that is not read.
        Damaged: something in it is broken.
    """
    dataset, file, syntax = read_data_set(file, most_inflated_bytes)
    sop_class, modality = text_of(dataset, "SOPClassUID"), text_of(dataset, "Modality")
    if not sop_class:
        raise Damaged("it does not say what kind of object it is (SOP Class UID)")
    if why := classes.class_refusal(sop_class, modality, _name(sop_class)):
        raise Refused(why)
    video = classes.VIDEO_SYNTAXES.get(syntax, "")
    if not video and syntax not in classes.PICTURE_SYNTAXES:
        raise Refused(f"packed as {_name(syntax)}, which is not read; convert it, as by dcmdjpeg or gdcmconv")
    is_little = syntax != classes.BIG_ENDIAN
    value = pixel_value(file, file.tell(), is_little=is_little, is_implicit=syntax == classes.IMPLICIT)
    shape = _shape(dataset, syntax, is_video=bool(video))
    num_frames = _number(dataset, "NumberOfFrames", 1, 1, 10_000_000 if video else _MOST_FRAMES)
    if value.is_encapsulated == (syntax in classes.NATIVE_SYNTAXES):
        raise Damaged(f"its pixels are not packed as it says, {_name(syntax)}")
    if value.is_encapsulated:
        offsets, fragments = fragments_of(file, value)
        are_jpeg = syntax not in (classes.RLE, *classes.JPEG_2000)
        frames = [fragments] if video else frames_of(file, offsets, fragments, num_frames, are_jpeg=are_jpeg)
    else:
        refuse_other_size(file, value, shape.frame_bytes, num_frames)
        frames = [[Place(value.place.at, value.place.num_bytes)]] * num_frames
    return Object(
        file,
        dataset,
        shape,
        frames,
        value.is_encapsulated,
        value.is_words,
        video,
        num_frames,
        classes.LOSSY_METHODS.get(syntax, ""),
        _fps(dataset),
        _aspect(dataset),
        _icc(dataset),
        _notes(dataset),
    )


def _shape(dataset: Dataset, syntax: str, *, is_video: bool) -> Shape:
    height_px, width_px = (_number(dataset, name, None, 1, 65_535) for name in ("Rows", "Columns"))
    refuse_size(width_px, height_px)
    channels = _number(dataset, "SamplesPerPixel", 1, 1, 4)
    allocated = _number(dataset, "BitsAllocated", 8, 1, 64)
    stored = _number(dataset, "BitsStored", allocated, 1, allocated)
    high = _number(dataset, "HighBit", stored - 1, stored - 1, allocated - 1)
    photometric = text_of(dataset, "PhotometricInterpretation").upper()
    if allocated not in (8, 16):
        raise Refused(f"{allocated} bits a channel; expected 8 or 16")
    _refuse_photometric(photometric, channels, is_video=is_video)
    shape = Shape(
        height_px,
        width_px,
        channels,
        allocated,
        stored,
        high,
        bool(_number(dataset, "PixelRepresentation", 0, 0, 1)),
        bool(_number(dataset, "PlanarConfiguration", 0, 0, 1)) and channels > 1,
        photometric,
        syntax,
    )
    if shape.is_signed and channels > 1:
        raise Refused("colours with a sign")
    if photometric == "YBR_FULL_422" and width_px % 2 and syntax in classes.NATIVE_SYNTAXES:
        raise Damaged(f"4:2:2 of {width_px} columns")
    return shape


def _refuse_photometric(photometric: str, channels: int, *, is_video: bool) -> None:
    if is_video:
        if photometric in (*classes.VIDEO_COLOURS, *classes.COLOUR, *classes.GREY):
            return
        raise Refused(f"a video of the photometric interpretation {_named(photometric)}, which is not read")
    expected = {**dict.fromkeys((*classes.GREY, classes.PALETTE), 1), **dict.fromkeys(classes.COLOUR, 3)}
    if photometric not in expected:
        raise Refused(
            f"photometric interpretation {_named(photometric)}, which is not read; expected {', '.join(expected)}"
        )
    if channels != expected[photometric]:
        raise Damaged(f"{channels} channels of {photometric}")


def _number(dataset: Dataset, keyword: str, default: int | None, least: int, most: int) -> int:
    """A whole number of the data set."""
    try:
        value = dataset.get(keyword)
        if value is None or value == "":
            if default is None:
                raise Damaged(f"it has no {keyword}")
            return default
        number = int(value)
    except Damaged:
        raise
    except Exception as error:
        raise Damaged(f"its {keyword} is no number") from error
    if not least <= number <= most:
        raise Damaged(f"its {keyword} is {number}; expected {least} to {most}")
    return number


def _fps(dataset: Dataset) -> Fraction:
    """Of a cine (PS3.3 C.7.6.5); what it does not say is taken as the broadcast of its time."""
    for keyword, invert in (("FrameTime", True), ("CineRate", False), ("RecommendedDisplayFrameRate", False)):
        try:
            value = Fraction(str(dataset.get(keyword) or "0")).limit_denominator(1_000_000)
        except (ValueError, ZeroDivisionError):
            continue
        fps = 1000 / value if invert and value > 0 else value
        if Fraction(1, 100) <= fps <= 1000:
            return fps.limit_denominator(100_000)
    return Fraction(_DEFAULT_FPS)


def _aspect(dataset: Dataset) -> Fraction:
    """Height of a pixel by its width: `PixelAspectRatio` is vertical \\ horizontal (C.7.6.3.1.7)."""
    try:
        vertical, horizontal = (int(part) for part in dataset.get("PixelAspectRatio") or (1, 1))
        found = Fraction(vertical, horizontal)
    except (ValueError, TypeError, ZeroDivisionError) as error:
        raise Damaged("its PixelAspectRatio is no ratio") from error
    if not Fraction(1, _MOST_ASPECT) <= found <= _MOST_ASPECT:
        raise Damaged(f"its PixelAspectRatio is {found}")
    return found


def _icc(dataset: Dataset) -> bytes:
    """Its colour profile, which may stand in its optical path (C.11.15, C.8.12.5)."""
    places = [dataset, *(dataset.get("OpticalPathSequence") or ())]
    for place in places:
        found = place.get("ICCProfile")
        if isinstance(found, bytes) and found:
            if len(found) > _MOST_ICC_BYTES:
                raise Damaged(f"its colour profile has {len(found)} bytes")
            return found
    return b""


def _notes(dataset: Dataset) -> tuple[str, ...]:
    groups = {element.group for element in dataset.keys()}  # noqa: SIM118 - a data set gives its elements
    return ("overlays left out",) if groups & set(_OVERLAYS) else ()


def _is_enhanced(dataset: Dataset) -> bool:
    """Whether this program made it of another: it says so itself, or of what contributed."""
    first = text_of(dataset, "ImageType").split("\\")[0]
    contributed = dataset.get("ContributingEquipmentSequence") or ()
    return first == "DERIVED" and any(
        text_of(one, "ManufacturerModelName") == PROGRAM for one in (dataset, *contributed)
    )


def _name(uid: str) -> str:
    name = UID(uid).name if len(uid) <= 64 else "an unknown one"
    return f"an object of the class {name}" if name == uid else f"{name}"


def _named(text: str) -> str:
    return text[:20] if text else "that it does not name"
