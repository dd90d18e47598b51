"""Learning rates as functions of the step, counted from 0."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Rate = Callable[[int], float]


def linear_decay(peak: float, steps: int) -> Rate:
    """Constant, then over the second half in a straight line to 0 at `steps` (CycleGAN, section 4)."""
    start = 0.5 * steps

    def rate(step: int) -> float:
        return peak if step < start else peak * (steps - step) / max(steps - start, 1e-9)

    return rate


def rising(rate_at: Rate, steps: int) -> Rate:
    """`rate_at`, reached in a straight line from 0 over the first `steps`."""
    return lambda step: rate_at(step) * min(1.0, (step + 1) / (steps + 1))


def halved_at(peak: float, steps: int, shares: Sequence[float]) -> Rate:
    """Halved at each of these shares of the run (ESRGAN, section 4.1: 50k, 100k, 200k, 300k of 400k)."""
    return lambda step: peak * 0.5 ** sum(step >= share * steps for share in shares)


def warm_cosine(peak: float, steps: int, warmup_steps: int) -> Rate:
    """Linear warm-up, then a cosine to 1% of the peak (Loshchilov & Hutter, ICLR 2017, eq. 5)."""

    def rate(step: int) -> float:
        if step < warmup_steps:
            return peak * (step + 1) / warmup_steps
        share = min(1.0, (step - warmup_steps) / max(1, steps - warmup_steps))
        return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))

    return rate
