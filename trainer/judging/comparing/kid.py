"""KID: how far a set of pictures is from another, by the features of a network (Binkowski et al., ICLR 2018)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]
"""(pictures, features)."""


def kid(a: Features, b: Features) -> float:
    """Unbiased squared MMD under the kernel (x y / d + 1)^3, d features: KID's own, section 4.

    About 0 for two samples of one distribution, and then as often below as above.

    Raises:
        ValueError: a set has fewer than two pictures.
    """
    if min(len(a), len(b)) < 2:
        raise ValueError(f"kid: {len(a)} and {len(b)} pictures; needs at least 2 of each")
    within_a, within_b, across = _kernel(a, a), _kernel(b, b), _kernel(a, b)
    off_diagonal = [
        (within.sum() - np.trace(within)) / (len(within) * (len(within) - 1)) for within in (within_a, within_b)
    ]
    return float(off_diagonal[0] + off_diagonal[1] - 2 * across.mean())


def kid_without_each(a: Features, b: Features, sources_a: Sequence[str], sources_b: Sequence[str]) -> list[float]:
    """`kid` with each source picture left out in turn, of both sets: what its jackknife interval is made of."""
    found = []
    for source in sorted({*sources_a, *sources_b}):
        left = [features[[s != source for s in of]] for features, of in ((a, sources_a), (b, sources_b))]
        if min(map(len, left)) >= 2:
            found.append(kid(*left))
    return found


def _kernel(a: Features, b: Features) -> NDArray[np.float64]:
    return np.asarray((a.astype(np.float64) @ b.T.astype(np.float64) / a.shape[1] + 1) ** 3)
