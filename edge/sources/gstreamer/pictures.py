"""Where a pipeline's pictures are written: frames that the engine's process sees too, or memory of the source's own."""

from __future__ import annotations

import numpy as np

from edge.frames.shared_pool import SharedMemory, SharedPool
from edge.pictures.geometry import FRAME_SHAPE
from edge.pictures.image import Image

_NUM_OWN = 8


class PictureMemory:
    """Lends pictures of one size by where they lie in a file.

    Args:
        row_bytes: from one row's begin to the next one's, at least 3 for each pixel.
        shared: the program's frames, which are used where the size is theirs.
    """

    def __init__(self, height_px: int, width_px: int, row_bytes: int, shared: SharedMemory | None) -> None:
        self._shape, self._row_bytes = (height_px, width_px, 3), row_bytes
        self._shared = shared if self._shape == FRAME_SHAPE else None
        self._own = None if self._shared else SharedPool(height_px * row_bytes, _NUM_OWN)

    def file(self) -> tuple[int, int]:
        """Descriptor and length."""
        if self._shared is not None:
            return self._shared.raw_descriptor, self._shared.raw_bytes
        assert self._own is not None
        return self._own.descriptor, self._own.num_bytes

    def lend(self) -> tuple[int, Image] | None:
        """Offset and picture, RGB uint8, free again when nothing refers to it; None where all are in use."""
        if self._shared is not None:
            image = self._shared.lend()
            offset = None if image is None else self._shared.offset_of(image)
            return None if image is None or offset is None else (offset, image)
        assert self._own is not None
        piece = self._own.take()
        index = None if piece is None else self._own.index_of(piece)
        if piece is None or index is None:
            return None
        height_px, width_px, _ = self._shape
        rows = piece.reshape(height_px, self._row_bytes)[:, : 3 * width_px]
        return index * self._own.slot_bytes, np.asarray(rows.reshape(self._shape))

    def close(self) -> None:
        """Let go of the file; pictures stay for as long as they are held."""
        if self._own is not None:
            self._own.close()
