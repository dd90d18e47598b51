"""The ring light itself, thrown back by the window: the ring's shape and colour lie over the scene."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trainer.data.degradations import Linear, smooth_field


@dataclass(frozen=True, slots=True)
class RingBackScatter:
    """I = (1 - loss) J + level B, with B = c / (1 + (d / w)^2)^p, d the distance from the ring's image.

    A wet or dusty window in front of a ring of lamps throws part of their light straight back; it is brightest where
    the ring is mirrored, and falls with the distance from there as a scattering lobe does (back-scatter term of Jaffe,
    IEEE J. Oceanic Eng. 1990; veiling glare, ISO 9358). Nothing of it depends on the scene.

    Attributes:
        level: linear light added at the ring.
        loss: share of the scene's light that the film takes.
        colour: of the lamps, largest channel 1.
        centre: x, y of the ring's middle over width and height.
        radius, lobe: of the ring and of the fall beside it (w), over the picture's width.
        power: p.
        num_lamps: lamps along the ring, and `beads`, how far they stand out from it, 0 to 1.
        unevenness: of the film, 0 to 1; `seed` draws it.
    """

    level: float
    loss: float
    colour: tuple[float, float, float]
    centre: tuple[float, float]
    radius: float
    lobe: float
    power: float
    num_lamps: int
    beads: float
    unevenness: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float | None = None) -> RingBackScatter:
        """`strength` in [0, 1] sets how much light comes back."""
        strength = float(rng.uniform(0.05, 1)) if strength is None else strength
        warmth = float(rng.uniform(-0.25, 0.2))  # lamps of 3,000 to 6,500 K beside the white that the camera holds
        colour = np.array([1 + min(warmth, 0), 1 - abs(warmth) / 3, 1 - max(warmth, 0)])
        red, green, blue = (float(x) for x in colour / colour.max())
        x, y = (float(v) for v in rng.uniform(0.3, 0.7, 2))
        return cls(
            level=0.65 * strength * float(rng.uniform(0.5, 1)),
            loss=0.3 * strength * float(rng.uniform(0.2, 1)),
            colour=(red, green, blue),
            centre=(x, y),
            radius=float(rng.uniform(0.15, 0.5)),
            lobe=float(rng.uniform(0.1, 0.4)),
            power=float(rng.uniform(0.7, 1.8)),
            num_lamps=int(rng.integers(4, 17)),
            beads=float(rng.uniform(0, 0.4)),
            unevenness=float(rng.uniform(0, 0.6)),
            seed=int(rng.integers(2**32)),
        )

    def thinned(self, factor: float) -> RingBackScatter:
        """The same ring on a film of another thickness."""
        return replace(self, level=self.level * factor, loss=min(1.0, self.loss * factor))

    def light(self, height: int, width: int) -> Linear:
        """B over its value at a lamp's middle, (H, W, 1), at most 1."""
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        x, y = x / width - self.centre[0], (y - self.centre[1] * height) / width
        distance = (np.hypot(x, y) - self.radius) / self.lobe
        lamps = 0.5 + 0.5 * np.cos(self.num_lamps * np.arctan2(y, x))
        beads = 1 - self.beads * (1 - lamps) * np.exp(-((2 * distance) ** 2))
        return (beads / (1 + distance**2) ** self.power)[..., None].astype(np.float32)

    def apply(self, linear: Linear) -> Linear:
        height, width = linear.shape[:2]
        film = 1 - self.unevenness * smooth_field(height, width, np.random.default_rng(self.seed), 2, 3)
        back = self.level * film * self.light(height, width) * np.array(self.colour, np.float32)
        return np.asarray(linear * (1 - self.loss * film) + back, np.float32)
