"""Near-duplicates by perceptual hash: the same photo under other sizes, qualities and slight crops.

Measured on the 246 clear throats of the project's data (throat_research, hq and mid): up to 12 bits,
every pair is the same photo (11 pairs); from 14 bits on, different throats appear, for all throats look
alike to a hash this coarse. Crops of a tenth of the picture or more, and mirrored copies, lie beyond that
and need a person, who names them in the column `group` of the decision table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

NEAR_DUPLICATE_BITS = 12
"""Largest distance that still meant one photo on the project's data."""

_BLOCK = 512
"""Hashes compared with all others at once."""


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
