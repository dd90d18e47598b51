"""Pictures by number: decoded once and kept while they fit in memory, else decoded whenever they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.basics.errors import InputOutputError

Picture = NDArray[np.uint8]


def read_picture(path: Path) -> Picture:
    """RGB uint8 (H, W, 3).

    Raises:
        InputOutputError: missing, damaged, of 16 bits, or not of three channels: none of these is converted silently.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputOutputError(f"{path}: cannot be read ({error.strerror}); run edge-train prepare again") from error
    picture = cv2.imdecode(data, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR) if data.size else None
    if picture is None:
        raise InputOutputError(f"{path}: not a readable picture; remove it from the training folder")
    channels = picture.shape[2] if picture.ndim == 3 else 1
    if picture.dtype != np.uint8 or channels != 3:
        told = f"{channels} channel{'s' * (channels > 1)} of {8 * picture.itemsize} bits"
        raise InputOutputError(f"{path}: {told}; expected 3 channels of 8 bits: convert it to RGB or remove it")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


class PictureStore:
    """The pictures of one domain.

    What is decoded here, before worker processes fork off, is shared by all of them; the rest streams through their own
    hands.
    """

    def __init__(self, paths: Sequence[Path], cache_gib: float, longest_px: int = 0) -> None:
        """Decodes pictures in order until `cache_gib` is used up; longer sides than `longest_px` are shrunk to it."""
        self.paths, self.longest_px = list(paths), longest_px
        self._kept: list[Picture] = []
        room = cache_gib * 2**30
        for path in self.paths:
            picture = self._read(path)
            room -= picture.nbytes
            if room < 0:
                break
            self._kept.append(picture)

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def num_kept(self) -> int:
        """How many are in memory."""
        return len(self._kept)

    def __getitem__(self, index: int) -> Picture:
        return self._kept[index] if index < len(self._kept) else self._read(self.paths[index])

    def _read(self, path: Path) -> Picture:
        picture = read_picture(path)
        scale = self.longest_px / max(picture.shape[:2])
        if not 0 < scale < 1:
            return picture
        return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def read_pictures(paths: Sequence[Path]) -> list[Picture]:
    """Decode pictures as RGB uint8.

    Raises:
        InputOutputError: names the first file that cannot be read or is not RGB of 8 bits.
    """
    return [read_picture(path) for path in paths]
