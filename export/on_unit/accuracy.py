"""How far two forms of a profile may lie apart, and how far they do."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


class Difference(NamedTuple):
    """Between two RGB uint8 pictures or two equally long rows of them.

    Attributes:
        psnr_db: over all pixels and channels, peak 255; infinite where they are equal.
        max_levels, mean_levels: of the absolute difference, in levels of 255.
    """

    psnr_db: float
    max_levels: int
    mean_levels: float

    def __str__(self) -> str:
        return f"{self.psnr_db:.1f} dB, at most {self.max_levels}/255, mean {self.mean_levels:.3f}/255"


@dataclass(frozen=True)
class Gate:
    """What a precision must keep of the float32 picture."""

    min_psnr_db: float
    max_levels: int

    def passes(self, found: Difference) -> bool:
        return found.psnr_db >= self.min_psnr_db and found.max_levels <= self.max_levels

    def __str__(self) -> str:
        return f"at least {self.min_psnr_db:g} dB and no pixel off by more than {self.max_levels}/255"


GATES = {"fp32": Gate(45.0, 8), "fp16": Gate(45.0, 8), "int8": Gate(38.0, 18)}
"""int8's largest error is fp16's times the ratio of what the two PSNRs allow on average, 10 ** (7 / 20)."""


def difference(expected: Picture, found: Picture) -> Difference:
    """Raises ValueError where the shapes differ."""
    return pooled([(expected, found)])


def pooled(pairs: Iterable[tuple[Picture, Picture]]) -> Difference:
    """The difference over several pairs together."""
    num_values, squares, total, worst = 0, 0, 0, 0
    for expected, found in pairs:
        if expected.shape != found.shape:
            raise ValueError(f"shapes differ: {expected.shape} and {found.shape}")
        counts = np.bincount(np.abs(expected.astype(np.int16) - found).ravel())
        levels = np.arange(len(counts))
        num_values += expected.size
        squares += int((counts * levels**2).sum())
        total += int((counts * levels).sum())
        worst = max(worst, len(counts) - 1)
    psnr_db = math.inf if not squares else 10 * math.log10(255**2 * num_values / squares)
    return Difference(psnr_db, worst, total / max(1, num_values))
