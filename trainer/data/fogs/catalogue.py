"""All families of fog by name, and those that no network is ever taught."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from trainer.data.degradations import Linear
from trainer.data.fogs.airlight import Airlight
from trainer.data.fogs.dew import Dew
from trainer.data.fogs.drifting_smoke import DriftingSmoke
from trainer.data.fogs.forward_scatter import ForwardScatter
from trainer.data.fogs.ring_back_scatter import RingBackScatter
from trainer.data.fogs.wiped_streaks import WipedStreaks


class Fog(Protocol):
    """One fog of a family, drawn: the same picture always gives the same foggy picture, at any size."""

    def apply(self, linear: Linear) -> Linear:
        """Linear light (H, W, 3), float32, in [0, 1] -> the same through the fog; may leave [0, 1], as light does."""

    def thinned(self, factor: float) -> Fog:
        """The same fog a moment later, `factor` times as thick."""


class Family(Protocol):
    """A class of fogs."""

    def draw(self, rng: np.random.Generator, strength: float | None = None) -> Fog:
        """A fog at random; `strength` in [0, 1] fixes how heavy it is."""


FAMILIES: Mapping[str, Family] = {
    "airlight": Airlight,
    "forward_scatter": ForwardScatter,
    "ring_back_scatter": RingBackScatter,
    "wiped_streaks": WipedStreaks,
    "dew": Dew,
    "drifting_smoke": DriftingSmoke,
}

TEST_ONLY = frozenset({"dew", "drifting_smoke"})
"""Never taught, so that there are always two to judge by.

These two, since they are furthest from the rest in shape (drops with a picture of their own, ragged turbulence) and in
law (refraction, double passage), and since real smoke is among the real pairs: what is gained there was not taught
either.
"""

TAUGHT = tuple(name for name in FAMILIES if name not in TEST_ONLY)
