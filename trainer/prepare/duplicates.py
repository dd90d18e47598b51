"""Near-duplicates by perceptual hash: the same photo under other sizes, qualities and slight crops.

Measured on the 246 clear throats of the project's data (throat_research, hq and mid): up to 12 bits,
every pair is the same photo (11 pairs); from 14 bits on, different throats appear, for all throats look
alike to a hash this coarse. Crops of a tenth of the picture or more, and mirrored copies, lie beyond that
and need a feature matcher (see `trainer.prepare.splits.SAME_PHOTO`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.basics.errors import InputOutputError
from edge.pictures.perceptual_hash import perceptual_hash

NEAR_DUPLICATE_BITS = 12
"""Largest distance that still meant one photo on the project's data."""

_BLOCK = 512
"""Hashes compared with all others at once."""


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """The picture of a file as RGB uint8; raises InputOutputError where there is none."""
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputOutputError(f"{path}: cannot be read ({error.strerror}); check the data folder") from error
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise InputOutputError(f"{path}: not a picture that OpenCV can decode; fetch it again or remove it")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def connected_groups(num_items: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The groups that pairs make of 0..num_items - 1 (union-find), each sorted, ordered by first item."""
    parent = list(range(num_items))

    def root_of(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for first, second in pairs:
        low, high = sorted((root_of(first), root_of(second)))
        parent[high] = low
    groups: dict[int, list[int]] = {}
    for item in range(num_items):
        groups.setdefault(root_of(item), []).append(item)
    return list(groups.values())


def near_duplicate_pairs(hashes: Sequence[int], max_distance: int = NEAR_DUPLICATE_BITS) -> list[tuple[int, int]]:
    """Index pairs (i < j) whose hashes differ in at most `max_distance` bits, ordered by j, then i."""
    octets = np.array(hashes, dtype=">u8").view(np.uint8).reshape(-1, 8)
    signs = np.unpackbits(octets, axis=1).astype(np.float32) * 2 - 1
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(signs), _BLOCK):
        end = min(start + _BLOCK, len(signs))
        agreement = signs[start:end] @ signs[:end].T  # 64 - 2 * distance, exact in float32
        second, first = np.nonzero(agreement >= 64 - 2 * max_distance)
        pairs += [(i, j) for i, j in zip(first.tolist(), (second + start).tolist(), strict=True) if i < j]
    return pairs


def near_duplicate_groups(
    pictures: Sequence[Path | NDArray[np.uint8]], max_distance: int = NEAR_DUPLICATE_BITS
) -> list[list[int]]:
    """Indices of `pictures` (paths, or RGB uint8 arrays) in groups linked by near-duplicates.

    Every index is in exactly one group; a picture without a near-duplicate is a group of its own.
    """
    hashes = [perceptual_hash(read_rgb(item) if isinstance(item, Path) else item) for item in pictures]
    return connected_groups(len(hashes), near_duplicate_pairs(hashes, max_distance))
