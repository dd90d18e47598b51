"""A picture file of any kind, opened: how many pages it has, and each of them as a person sees it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from edge.basics.errors import InputOutputError
from edge.basics.folders import open_plain, read_plain
from edge.basics.whole_files import ENCRYPTED, IS_ENCRYPTED
from edge.pictures.image import Image
from edge.pictures.reading.conversion import Converted, converted
from edge.pictures.reading.kinds import HEAD_BYTES, Kind, kind_of
from edge.pictures.reading.pillow_decoders import HeicDecoder, PillowDecoder
from edge.pictures.reading.refusals import MAX_FILE_BYTES, Damaged, Refused, refuse_file_size
from edge.pictures.reading.stored import Decoder, Stored
from edge.pictures.reading.tiff_directories import tiff_pages
from edge.pictures.reading.vips_decoders import JpegDecoder, PngDecoder, TiffDecoder

EXPECTED = "JPEG, PNG, TIFF, WebP, GIF, BMP, HEIC or AVIF"
_TURNS = {
    2: "mirrored",
    3: "by 180 degrees",
    4: "by 180 degrees and mirrored",
    5: "by 90 degrees and mirrored",
    6: "by 90 degrees",
    7: "by 270 degrees and mirrored",
    8: "by 270 degrees",
}
_WEBP_ANIMATION = 0b10


class PictureRefused(InputOutputError):
    """The file was read and its content is not taken: damaged, too large, of another kind or depth."""

    exit_code = 1


class DamagedPicture(PictureRefused):
    """Something in the file is broken."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One page, read.

    Attributes:
        image: RGB uint8 (H, W, 3), upright, sRGB, over black.
        page: from 1.
        bits: of a channel in the file.
        num_channels: in the file, alpha among them.
        was_transparent: a pixel was not opaque, and lies over black.
        orientation: 1 to 8, as EXIF counts it; has been applied.
        colour: what was done about its colours, in words; empty where nothing was.
        damage: what is broken in it; empty where nothing is.
    """

    image: Image
    kind: Kind
    page: int
    num_pages: int
    bits: int
    num_channels: int
    was_transparent: bool
    orientation: int
    colour: str
    damage: str

    def record(self) -> Mapping[str, Any]:
        """For a sidecar: the format, and what was done to the picture."""
        return {
            "format": self.kind,
            "bits": self.bits,
            "channels": self.num_channels,
            **({"page": self.page, "pages": self.num_pages} if self.num_pages > 1 else {}),
            **({"colour": self.colour} if self.colour else {}),
            **({"alpha": "laid over black"} if self.was_transparent else {}),
            **({"turned": _TURNS[self.orientation]} if self.orientation > 1 else {}),
            **({"damaged": self.damage} if self.damage else {}),
        }

    @property
    def changes(self) -> tuple[str, ...]:
        """What of it is not as in the file, in words that are the same for all pictures."""
        done = {
            "colours converted": "converted" in self.colour,
            "laid over black": self.was_transparent,
            "reduced to 8 bits": self.bits > 8,
            "pages of a file": self.num_pages > 1,
            "damaged, kept": bool(self.damage),
        }
        return tuple(words for words, is_done in done.items() if is_done)


class PictureFile:
    """A picture file in memory.

    Args:
        name: what errors call it.

    Raises:
        PictureRefused: empty, damaged, too large, or no picture.
    """

    def __init__(self, content: bytes, name: str) -> None:
        self._name = name
        if not content:
            raise PictureRefused(f"{name}: the picture is empty (0 bytes)")
        kind = kind_of(content[:HEAD_BYTES])
        if kind is None:
            told = IS_ENCRYPTED if content.startswith(ENCRYPTED) else f"not a picture; expected {EXPECTED}"
            raise PictureRefused(f"{name}: {told}")
        self.kind: Kind = kind
        try:
            self._decoder: Decoder = _decoder(content, kind)
        except Refused as error:
            raise self._refusal(error) from error

    @property
    def num_pages(self) -> int:
        return self._decoder.num_pages

    def page(self, number: int = 1, *, keep_damaged: bool = False) -> Picture:
        """Decode a page, from 1.

        Args:
            keep_damaged: give what can be read of a damaged one, and say so in `damage`.

        Raises:
            PictureRefused: damaged, too large, or not of a kind that is read.
        """
        try:
            stored, result, damage = self._decoded(number, keep_damaged)
        except Refused as error:
            raise self._refusal(error, number) from error
        return Picture(
            result.image,
            self.kind,
            number,
            self.num_pages,
            stored.bits,
            stored.num_channels,
            result.was_transparent,
            stored.orientation,
            result.colour,
            damage,
        )

    def _decoded(self, number: int, keep_damaged: bool) -> tuple[Stored, Converted, str]:
        try:
            stored = self._decoder.stored(number - 1, strict=True)
            return stored, converted(stored), ""
        except Damaged as error:
            if not keep_damaged:
                raise
            stored = self._decoder.stored(number - 1, strict=False)
            return stored, converted(stored), str(error)

    def _refusal(self, error: Refused, page: int = 0) -> PictureRefused:
        name = f"{self._name}: page {page} of {self.num_pages}" if page and self.num_pages > 1 else self._name
        if isinstance(error, Damaged):
            return DamagedPicture(f"{name}: damaged {self.kind}: {error}; fetch the file again")
        return PictureRefused(f"{name}: {error}")


def _decoder(content: bytes, kind: Kind) -> Decoder:
    if kind == "JPEG":
        return JpegDecoder(content)
    if kind == "TIFF":
        return TiffDecoder(content)
    if kind == "HEIC":
        return HeicDecoder(content)
    if kind == "PNG" and not _is_animated_png(io.BytesIO(content)):
        return PngDecoder(content)
    return PillowDecoder(content, kind)


def opened_picture(path: Path) -> PictureFile:
    """Open a picture file.

    Raises:
        PictureRefused: as `PictureFile`.
        InputOutputError: it cannot be read.
    """
    try:
        refuse_file_size(path.stat().st_size)
        content = read_plain(path, MAX_FILE_BYTES)
    except Refused as error:
        raise PictureRefused(f"{path}: {error}") from error
    except OSError as error:
        raise InputOutputError(f"{path}: cannot read the picture: {error.strerror or error}") from error
    return PictureFile(content, str(path))


def num_pages_of(path: Path) -> int:
    """How many pages or frames a picture file has; 1 for what cannot be read, which reading it will tell.

    Kinds that can be told by their first bytes or by their directories are not read whole.
    """
    try:
        with open_plain(path) as file:
            head = file.read(HEAD_BYTES)
            kind = kind_of(head)
            if kind == "TIFF":
                return len(tiff_pages(file).pages)
            if kind in (None, "JPEG", "BMP") or (kind == "WebP" and not _is_animated_webp(head)):
                return 1
            if kind == "PNG" and not _is_animated_png(file):
                return 1
        return opened_picture(path).num_pages
    except (OSError, Refused, InputOutputError):
        return 1


def is_picture(path: Path) -> bool:
    """Whether a file begins as a picture does."""
    try:
        with open_plain(path) as file:
            return kind_of(file.read(HEAD_BYTES)) is not None
    except OSError:
        return False


def _is_animated_webp(head: bytes) -> bool:
    """RFC 9649, section 2.7: the flag in the extended header."""
    return head[12:16] == b"VP8X" and bool(head[20] & _WEBP_ANIMATION)


def _is_animated_png(file: BinaryIO) -> bool:
    """PNG third edition, 11.3.6.1: the chunk acTL before the pixels tells of more than one frame."""
    file.seek(8)
    while len(start := file.read(8)) == 8:
        size, name = int.from_bytes(start[:4], "big"), start[4:]
        if name == b"acTL":
            return int.from_bytes(file.read(4), "big") > 1
        if name == b"IDAT" or not size < 1 << 31:
            return False
        file.seek(size + 4, io.SEEK_CUR)
    return False
