"""Picture files on disk: their endings, how a folder is listed, and the one way to read a picture."""

from __future__ import annotations

import re
from pathlib import Path

from edge.basics.errors import InputOutputError
from edge.pictures.image import Image
from edge.pictures.reading.picture_file import PictureFile, PictureRefused, opened_picture

PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".tif", ".tiff", ".webp", ".gif"}
    | {".heic", ".heif", ".hif", ".avif"}
)


def read_picture(path: Path, *, rgb8_only: bool = False) -> Image:
    """Read a picture file of one page as RGB uint8 (H, W, 3): upright, sRGB, over black, at its own size.

    Args:
        rgb8_only: refuse a picture that would lose by it: of another depth, grey, four inks or transparent.

    Raises:
        PictureRefused: empty, damaged, too large, of another kind, of several pages, or refused by `rgb8_only`.
        InputOutputError: no such file, no permission.
    """
    return one_picture(opened_picture(path), str(path), rgb8_only=rgb8_only)


def picture_from_content(content: bytes, name: str, *, rgb8_only: bool = False) -> Image:
    """As `read_picture`, from a file's bytes.

    Args:
        name: what errors call it.
    """
    return one_picture(PictureFile(content, name), name, rgb8_only=rgb8_only)


def one_picture(file: PictureFile, name: str, *, rgb8_only: bool) -> Image:
    if file.num_pages > 1:
        raise PictureRefused(f"{name}: {file.num_pages} pages or frames; expected one: save each as a file of its own")
    picture = file.page()
    if rgb8_only and (picture.bits != 8 or picture.num_channels != 3):
        channels = f"{picture.num_channels} channel{'s' * (picture.num_channels > 1)} of {picture.bits} bits"
        raise PictureRefused(f"{name}: {channels}; expected 3 channels of 8 bits: convert it to RGB or remove it")
    return picture.image


def picture_paths(folder: Path) -> list[Path]:
    """The pictures of a folder by their endings, 2 before 10; hidden files are left out.

    Raises:
        InputOutputError: the folder cannot be listed or holds no picture.
    """
    try:
        files = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise InputOutputError(f"{folder}: cannot list the folder: {error.strerror or error}") from error
    paths = [path for path in files if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()]
    if not paths:
        endings = " ".join(sorted(PICTURE_SUFFIXES))
        raise InputOutputError(f"{folder}: no pictures in this folder; expected files ending in {endings}")
    return sorted(paths, key=_natural_key)


def _natural_key(path: Path) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(int(part), part) if part.isdecimal() else (-1, part) for part in parts]
