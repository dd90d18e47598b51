"""A veil without a law: smooth transmission and smooth light, each drawn for itself.

No family of fog, since no physics stands behind it, and none is judged by it. A network that sees only lawful fogs
learns the laws: that what is taken from the scene comes back as one light, say. This keeps it from leaning on any
(domain randomisation: Tobin et al., IROS 2017).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.degradations import Linear


@dataclass(frozen=True, slots=True)
class AnyVeil:
    """I = T J + L, T in [1 - loss, 1] and L both smooth fields; L is partly the scene's own light, out of focus.

    Attributes:
        loss: largest share of the scene's light that is taken.
        level: largest light that is added where it is absolute; `tint` its colour, largest channel 1.
        share: largest multiple of the scene's blurred light that is added, `blur` its sigma over the picture's width.
        cells: field nodes along the height, of T and of L; `raggedness`, how strong each finer octave is.
        alike: how far L's field is T's own, 0 to 1.
        seed: of the fields.
    """

    loss: float
    level: float
    tint: tuple[float, float, float]
    share: float
    blur: float
    cells: tuple[int, int]
    raggedness: float
    alike: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator) -> AnyVeil:
        strength = float(rng.uniform(0.05, 1))
        tint = rng.uniform(0.7, 1.0, 3) if rng.random() < 0.5 else np.ones(3)
        red, green, blue = (float(x) for x in tint / tint.max())
        kind = rng.random()
        return cls(
            loss=0.85 * strength * float(rng.uniform(0.3, 1)),
            level=0.0 if kind < 0.3 else 0.6 * strength * float(rng.uniform(0, 1)) ** 1.5,
            tint=(red, green, blue),
            share=0.0 if kind > 0.7 else 0.9 * strength * float(rng.uniform(0.2, 1)),
            blur=float(np.exp(rng.uniform(np.log(0.02), np.log(0.4)))),
            cells=(int(rng.integers(1, 7)), int(rng.integers(1, 7))),
            raggedness=float(rng.uniform(0, 0.7)),
            alike=float(rng.uniform(0, 1)),
            seed=int(rng.integers(2**32)),
        )

    def thinned(self, factor: float) -> AnyVeil:
        """The same veil, stronger or weaker."""
        return replace(self, loss=min(1.0, self.loss * factor), level=self.level * factor, share=self.share * factor)

    def apply(self, linear: Linear) -> Linear:
        height, width = linear.shape[:2]
        rng = np.random.default_rng(self.seed)
        taken, other = (_field(rng, height, width, cells, self.raggedness) for cells in self.cells)
        given = np.float32(self.alike) * taken + np.float32(1 - self.alike) * other
        small = cv2.resize(linear, (max(8, width // 5), max(8, height // 5)), interpolation=cv2.INTER_AREA)
        blurred = cv2.GaussianBlur(small, (0, 0), self.blur * small.shape[1], borderType=cv2.BORDER_REFLECT)
        scene = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)
        light = np.float32(self.level) * np.array(self.tint, np.float32) + np.float32(self.share) * scene
        return np.asarray((1 - np.float32(self.loss) * taken) * linear + given * light, np.float32)


def _field(rng: np.random.Generator, height: int, width: int, cells: int, raggedness: float) -> NDArray[np.float32]:
    """Between 0 and 1, its largest value 1, (H, W, 1): up to four octaves over a floor of its own."""
    total = np.zeros((height, width), np.float32)
    for octave in range(4):
        nodes = cells * 2**octave
        grid = rng.random((nodes + 1, 2 * nodes + 1), np.float32)
        total += np.float32(raggedness**octave) * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    total -= total.min()
    floor = np.float32(rng.uniform(0, 0.9))
    return (floor + (1 - floor) * total / max(float(total.max()), 1e-6))[..., None]
