"""One pass over a folder of pictures: each file is read once, and hashed, decoded and scored from that."""

from __future__ import annotations

import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from edge.basics.errors import InputOutputError
from edge.pictures.folder import pictures_below
from edge.pictures.image import Image
from edge.pictures.perceptual_hash import perceptual_hash
from edge.pictures.reading.picture_file import PictureFile, PictureRefused
from trainer.prepare.contact_sheet import thumbnail
from trainer.prepare.manifest import Unreadable
from trainer.prepare.screening import Scores, scores

MIN_SIZE = (64, 64)


class NotTrainable(Exception):
    """Why a file is left out, and what to do."""


@dataclass(frozen=True)
class Scanned:
    """What one pass over a picture finds.

    Attributes:
        path: relative to the folder, with forward slashes.
        phash: see `trainer.prepare.duplicates`.
        thumbnail: JPEG, empty where none was asked for.
    """

    path: str
    sha256: str
    width_px: int
    height_px: int
    phash: int
    scores: Scores
    thumbnail: bytes


@dataclass(frozen=True)
class Scan:
    """A folder's pictures, in order of path, and the files that were left aside, counted by suffix."""

    pictures: tuple[Scanned, ...]
    unreadable: tuple[Unreadable, ...]
    others: Counter[str]

    @property
    def paths(self) -> list[str]:
        """All of them, the unreadable ones last."""
        return [picture.path for picture in self.pictures] + [picture.path for picture in self.unreadable]


def scan_folder(folder: Path, min_size: tuple[int, int] = MIN_SIZE, *, thumbnails: bool = False) -> Scan:
    """Scan every picture below a folder, on all cores, with a progress bar. Hidden files and folders are passed over.

    Args:
        min_size: width_px, height_px; a smaller picture is left out.

    Raises:
        InputOutputError: no such folder, no picture in it, or none that can be used.
    """
    paths, others = pictures_below(folder)
    pool = ThreadPoolExecutor()
    try:
        found = pool.map(lambda path: _scan(folder, path, min_size, thumbnails), paths)
        results = list(tqdm(found, total=len(paths), unit="picture", disable=None, dynamic_ncols=True))
    finally:
        pool.shutdown(cancel_futures=True)
    pictures = tuple(result for result in results if isinstance(result, Scanned))
    unreadable = tuple(result for result in results if isinstance(result, Unreadable))
    if not pictures:
        first = unreadable[0]
        raise InputOutputError(f"{folder}: none of {len(paths)} pictures can be used; {first.path}: {first.reason}")
    return Scan(pictures, unreadable, others)


def decode(data: bytes, min_size: tuple[int, int] = MIN_SIZE) -> Image:
    """The RGB picture of a file's bytes, upright and in sRGB.

    Raises:
        NotTrainable: no picture, or a damaged one; several pages; not three channels of 8 bits, for none is converted
            silently; or smaller than `min_size` (width_px, height_px).
    """
    try:
        file = PictureFile(data, "it")
        if file.num_pages > 1:
            raise NotTrainable(f"{file.num_pages} pages or frames; save those that count as files of their own")
        picture = file.page()
    except PictureRefused as error:
        raise NotTrainable(f"{str(error).removeprefix('it: ')}; or remove it") from error
    if picture.bits != 8:
        raise NotTrainable(f"{picture.bits} bits a channel; convert to 8-bit RGB")
    if picture.num_channels in (2, 4):
        raise NotTrainable("alpha channel or four inks; convert to 8-bit RGB without")
    if picture.num_channels == 1:
        raise NotTrainable("one channel; convert to 8-bit RGB, or leave it out if it was never in colour")
    height, width = picture.image.shape[:2]
    if width < min_size[0] or height < min_size[1]:
        size = f"{width}x{height} px, smaller than {min_size[0]}x{min_size[1]}"
        raise NotTrainable(f"{size}; leave it out or lower --min-size")
    return picture.image


def _scan(folder: Path, path: str, min_size: tuple[int, int], thumbnails: bool) -> Scanned | Unreadable:
    try:
        data = (folder / path).read_bytes()
        image = decode(data, min_size)
    except OSError as error:
        return Unreadable(path, f"cannot be read ({error.strerror}); check its permissions and the disk")
    except NotTrainable as error:
        return Unreadable(path, str(error))
    height, width = image.shape[:2]
    digest = hashlib.sha256(data).hexdigest()
    small = thumbnail(image) if thumbnails else b""
    return Scanned(path, digest, width, height, perceptual_hash(image), scores(image), small)
