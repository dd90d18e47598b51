"""Reads a picture file as a person sees it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.basics.errors import InputOutputError
from edge.pictures.image import Image

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # its decoders write to stderr; our errors say it

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
CLIP_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".wmv", ".mjpg", ".mjpeg"}
)
_ORIENTED = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH


def read_picture(path: Path, *, rgb8_only: bool = False) -> Image:
    """Read a JPEG, PNG, BMP, TIFF or WebP file as RGB uint8 (H, W, 3), at its stored size.

    16 bits become 8 by x / 257, rounded; grey becomes RGB; a transparent picture is laid over black.
    The EXIF orientation is applied, except to a picture with transparency.

    Args:
        rgb8_only: refuse a picture that would have to be converted: of another depth, grey or transparent.

    Raises:
        InputOutputError: no such file, no permission, empty, damaged, not a picture, or refused by `rgb8_only`.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputOutputError(f"{path}: cannot read the picture: {error.strerror or error}") from error
    if not content:
        raise InputOutputError(f"{path}: the picture is empty (0 bytes)")
    try:
        stored = stored_picture(content)
    except cv2.error as error:
        raise InputOutputError(f"{path}: cannot decode the picture: {error.err}") from error
    if stored is None:
        raise InputOutputError(f"{path}: not a picture, or damaged; expected JPEG, PNG, BMP, TIFF or WebP")
    if stored.dtype not in (np.uint8, np.uint16):
        raise InputOutputError(f"{path}: {stored.dtype} pixels; expected 8 or 16 bits per channel")
    num_channels = num_channels_of(stored)
    if rgb8_only and (stored.dtype != np.uint8 or num_channels != 3):
        depth = f"{num_channels} channel{'s' * (num_channels > 1)} of {8 * stored.itemsize} bits"
        raise InputOutputError(f"{path}: {depth}; expected 3 channels of 8 bits: convert it to RGB or remove it")
    return rgb_from_stored(stored)


def stored_picture(content: bytes) -> NDArray[Any] | None:
    """What a picture file holds, upright, before anything is converted; None where it holds no picture.

    Returns:
        OpenCV's (H, W), or (H, W, 3 or 4) in BGR order, in the file's own depth.

    Raises:
        cv2.error: OpenCV refuses it, for its size.
    """
    is_png, is_webp = content.startswith(b"\x89PNG"), content[8:12] == b"WEBP"
    if not content or (is_png and b"IEND" not in content):
        return None  # cut short; libpng would write a line of its own to stderr
    data = np.frombuffer(content, np.uint8)
    if not (is_png or is_webp or content[:2] in (b"II", b"MM")):
        return cv2.imdecode(data, _ORIENTED)
    stored = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if stored is None or num_channels_of(stored) == 4:
        return stored
    has_exif = (is_png and b"eXIf" in content) or (is_webp and b"EXIF" in content)
    return cv2.imdecode(data, _ORIENTED) if has_exif else stored


def num_channels_of(stored: NDArray[Any]) -> int:
    """1, 3 or 4 channels of what `stored_picture` gave."""
    return 1 if stored.ndim == 2 else int(stored.shape[2])


def rgb_from_stored(stored: NDArray[Any]) -> Image:
    """What `stored_picture` gave, as `read_picture` says; 8 or 16 bits."""
    if stored.dtype == np.uint16:
        stored = cv2.convertScaleAbs(stored, alpha=1 / 257)
    num_channels = num_channels_of(stored)
    if num_channels == 1:
        return np.asarray(cv2.cvtColor(stored, cv2.COLOR_GRAY2RGB), np.uint8)
    if num_channels == 3:
        return np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB), np.uint8)
    rgba = cv2.cvtColor(stored, cv2.COLOR_BGRA2RGBA)
    return np.asarray((rgba[..., :3].astype(np.uint16) * rgba[..., 3:] + 127) // 255, np.uint8)


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
