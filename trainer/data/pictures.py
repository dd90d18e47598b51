"""Pictures by number: decoded once and kept while they fit in memory, else decoded whenever they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from edge.basics.progress import progress
from edge.pictures.files import read_picture
from edge.pictures.image import Image


def as_planes(picture: Image) -> Tensor:
    """(H, W, 3) -> (3, H, W), the same uint8 levels."""
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)


class PictureStore:
    """The pictures of one domain; none is converted silently.

    What is decoded here, before worker processes fork off, is shared by all of them; the rest streams through their own
    hands.
    """

    def __init__(self, paths: Sequence[Path], cache_gib: float, longest_px: int = 0) -> None:
        """Decodes pictures in order until `cache_gib` is used up.

        Args:
            longest_px: longer sides are shrunk to it; 0 keeps pictures as they are.

        Raises:
            InputOutputError: names the first file that cannot be read or is not RGB of 8 bits.
        """
        self.paths, self.longest_px = list(paths), longest_px
        self._kept: list[Image] = []
        room = cache_gib * 2**30
        with progress("decoding pictures", len(self.paths), after_s=2) as tick:
            for path in self.paths:
                picture = self._read(path)
                room -= picture.nbytes
                if room < 0:
                    break
                self._kept.append(picture)
                tick()

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def num_kept(self) -> int:
        """How many are in memory."""
        return len(self._kept)

    def __getitem__(self, index: int) -> Image:
        return self._kept[index] if index < len(self._kept) else self._read(self.paths[index])

    def _read(self, path: Path) -> Image:
        picture = read_picture(path, rgb8_only=True)
        scale = self.longest_px / max(picture.shape[:2])
        if not 0 < scale < 1:
            return picture
        return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
