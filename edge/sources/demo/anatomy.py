"""The shapes of the synthetic throat: where each part is, how far it stands out, how people differ.

Positions are in units of half a frame height: x to the right and y down from the middle of the picture.
Heights point to the camera, 0 at the back wall of the throat, in the same unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.sources.demo.texture import Plane, plane, smoothstep, value_noise

UNIT_PX = 540
"""Canvas pixels in one unit."""


@dataclass(frozen=True)
class Anatomy:
    """One person's throat.

    Attributes:
        palate_y: the edge of the soft palate beside the uvula.
        arch_half_width, pillar_half_width: front and back arches at the level of the tongue.
        uvula_length, uvula_radius: from the palate's edge to the tip; of the bulb.
        tonsil_size: 0 hidden, 1 large.
        tongue_y: height of the tongue's back at the middle; tongue_rise: how much higher its sides stand.
        redness, yellowness, pallor: tone of the membranes, 0 is the reference.
        asymmetry: tilt of the arches.
    """

    palate_y: float = -0.42
    arch_half_width: float = 1.22
    pillar_half_width: float = 0.70
    uvula_length: float = 0.47
    uvula_radius: float = 0.105
    tonsil_size: float = 0.50
    tongue_y: float = 0.66
    tongue_rise: float = 0.14
    redness: float = 0.0
    yellowness: float = 0.0
    pallor: float = 0.0
    asymmetry: float = 0.02

    @classmethod
    def from_seed(cls, seed: int, spread: float = 1.0) -> Anatomy:
        """Seed 0 is the reference; other seeds vary around it, by spread times what is common."""
        base = cls()
        if seed == 0:
            return base
        rng = np.random.default_rng((seed, 0x7A0A7))

        def vary(value: float, amount: float) -> float:
            return float(value + spread * amount * np.clip(rng.standard_normal(), -1.8, 1.8))

        return cls(
            palate_y=vary(base.palate_y, 0.07),
            arch_half_width=vary(base.arch_half_width, 0.09),
            pillar_half_width=vary(base.pillar_half_width, 0.07),
            uvula_length=vary(base.uvula_length, 0.08),
            uvula_radius=vary(base.uvula_radius, 0.014),
            tonsil_size=float(np.clip(vary(base.tonsil_size, 0.25), 0.1, 1.0)),
            tongue_y=vary(base.tongue_y, 0.06),
            tongue_rise=vary(base.tongue_rise, 0.08),
            redness=vary(0.0, 0.6),
            yellowness=vary(0.0, 0.5),
            pallor=vary(0.0, 0.45),
            asymmetry=vary(0.0, 0.04),
        )


@dataclass(frozen=True)
class Part:
    """One part of the throat, on the half-size canvas.

    Attributes:
        name: wall, pillar, tonsil, palate or tongue.
        inside_px: distance to its outline in full-size canvas pixels, positive inside.
        height: its surface, where it is inside.
        edge_px: half the width over which it goes over into the part behind.
    """

    name: str
    inside_px: Plane
    height: Plane
    edge_px: float = 1.3


def lip(inside: Plane, radius: float) -> Plane:
    """Profile of a rounded rim: 0 at the outline, 1 from radius inwards."""
    t = np.clip(inside * np.float32(1 / radius), 0, 1)
    return plane(1 - (1 - t) ** 2.2)


def distance_from(implicit: Plane, step: float) -> Plane:
    """First-order distance to the zero of an implicit function sampled every `step` units."""
    gy, gx = np.gradient(implicit, step)
    return plane(implicit / np.maximum(np.hypot(gx, gy), 0.15))


def smooth_max(a: Plane, b: Plane, radius: float) -> Plane:
    """Union of two distances, or the upper of two surfaces, with a fillet of about `radius`."""
    h = np.clip(0.5 + 0.5 * (a - b) / radius, 0, 1)
    return plane(b + (a - b) * h + radius * h * (1 - h))


def arch(x: Plane, y: Plane, half_width: float, top: float, base: float, lobe: float) -> Plane:
    """Implicit function of an arched opening, positive inside: flat for `lobe` beside the middle."""
    across = np.maximum(np.abs(x) - lobe, 0) / (half_width - lobe)
    up = np.maximum(base - y, 0) / (base - top)
    return plane(0.5 * (half_width - lobe) * (1 - (across**2.2 + up**1.9)))


class Shapes:
    """Builds the parts of one person on the grid of coordinates x, y (H, W)."""

    def __init__(self, anatomy: Anatomy, x: Plane, y: Plane, rng: np.random.Generator) -> None:
        self._anatomy = anatomy
        self._step = float(x[0, 1] - x[0, 0])
        self._shape = (x.shape[0], x.shape[1])
        self._rng = rng
        self._x = plane(x + anatomy.asymmetry * (y - 0.2))
        self._y = y
        self._wobble = [plane(0.016 * self._noise(0.32)) for _ in range(4)]

    def _noise(self, grain: float, stretch: float = 1.0) -> Plane:
        return value_noise(self._rng, self._shape, grain / self._step, stretch)

    def wall(self, pillar: Part) -> Part:
        """The back wall, leaning away downwards."""
        x, y = self._x, self._y
        down = np.clip(y - 0.1, 0, 1)
        columns = 0.022 * np.cos(x * 11) * np.exp(-((x / 0.45) ** 2))
        height = columns + 0.018 * self._noise(0.28, 2.0) - 0.9 * down**1.6 - 0.35 * x**2
        return Part("wall", plane(30 - pillar.inside_px), plane(height))

    def pillar(self) -> Part:
        """The back arches (palatopharyngeal folds)."""
        a, w = self._anatomy, self._wobble
        outline = arch(self._x + w[0], self._y + w[1], a.pillar_half_width, a.palate_y + 0.02, 0.95, 0.15)
        outside = plane(-distance_from(outline, self._step))
        folds = 0.035 * np.sin(np.clip(outside, 0, 0.6) * 30 + 60 * w[2]) * smoothstep(0.0, 0.10, outside)
        recess = -0.25 * np.clip(outside - 0.10, 0, 0.3)
        return Part("pillar", plane(outside * UNIT_PX), plane(0.17 + 0.14 * lip(outside, 0.09) + folds + recess))

    def tonsil(self, pillar: Part) -> Part:
        """A knobbly almond in the niche between the arches, grown together with the back one."""
        a, w = self._anatomy, self._wobble
        side = np.sign(self._x)
        middle = 0.52 * a.pillar_half_width + 0.48 * a.arch_half_width + 0.025 * side
        rx, ry = 0.09 + 0.14 * a.tonsil_size, 0.22 + 0.16 * a.tonsil_size
        across = (np.abs(self._x) - middle - 0.20 * (self._y - 0.25)) / rx + 3.0 * w[2]
        along = (self._y - 0.27) / ry + 3.0 * w[3]
        far = np.hypot(across, along)
        knobs = 0.013 * self._noise(0.10) + 0.006 * self._noise(0.05)
        ball = 0.55 - 0.30 * far**2 + knobs * smoothstep(1.4, 0.8, plane(far))
        height = smooth_max(pillar.height, plane(np.maximum(ball, -1)), 0.05)
        return Part("tonsil", plane((1.0 - far) * rx * UNIT_PX), height, edge_px=26)

    def palate(self) -> Part:
        """The soft palate with the front arches (palatoglossal folds) and the uvula."""
        a, w, x, y = self._anatomy, self._wobble, self._x, self._y
        top = a.palate_y
        mouth = distance_from(arch(x + w[2], y + w[3], a.arch_half_width, top - 0.02, 1.05, 0.24), self._step)
        taper = plane(np.clip((y - top) / a.uvula_length, -0.6, 1))
        radius = a.uvula_radius * (0.80 + 0.26 * smoothstep(0.1, 0.8, taper))
        tip = top + a.uvula_length - 1.05 * a.uvula_radius
        bent = x + 0.6 * w[0]
        uvula = plane(radius - np.hypot(bent, np.maximum(y - tip, 0)))
        veil = smooth_max(plane(-mouth), plane(np.where(y > top - 0.5, uvula, -1)), 0.16)
        hanging = smoothstep(-0.30, 0.35, taper)
        steep = 0.5 + 1.5 * smoothstep(0.35, -0.05, taper)
        ridge = np.clip(1 - (bent / (1.25 * radius)) ** 2, 1e-6, 1) ** steep * hanging
        above = np.clip(top - y, 0, 1.2)
        aside = np.clip(np.abs(x) - 0.85, 0, 1.3)
        height = 0.42 + 0.13 * lip(veil, 0.11) + 0.17 * ridge + 0.10 * above + 0.50 * above**2 + 0.27 * aside**1.4
        low = smoothstep(-0.55, 0.25, plane(y + 0.25 * np.abs(x) - 0.1))
        folds = np.sin(veil * 21 + 60 * w[1]) * np.exp(-((veil / 0.34) ** 2)) * smoothstep(0.02, 0.12, veil)
        raphe = 0.020 * np.exp(-(((bent + 0.01) / 0.035) ** 2)) * smoothstep(0.0, 0.4, plane(above))
        cheek = 0.10 * np.exp(-(((np.abs(x) - 1.42 - 0.18 * y) / 0.10) ** 2))
        height = height + 0.034 * folds * low + raphe + cheek + 0.020 * self._noise(0.5) + 0.006 * self._noise(0.13)
        return Part("palate", plane(veil * UNIT_PX), plane(height))

    def tongue(self) -> Part:
        """The back of the tongue, which rises towards the camera."""
        a, w, x = self._anatomy, self._wobble, self._x
        off = plane(x + 0.03)
        edge = a.tongue_y - a.tongue_rise * smoothstep(0.0, 0.75, plane(np.abs(off)))
        edge = edge + 0.42 * np.clip(np.abs(x) - 0.95, 0, 1) ** 1.6 + 0.8 * w[0]
        inside = plane(self._y - edge)
        bulge = 0.50 + 0.16 * lip(inside, 0.25) + 0.50 * np.clip(inside, 0, 1) - 0.07 * off**2
        sulcus = 0.07 * np.exp(-np.hypot(off, 0.02) / 0.06) * smoothstep(0.0, 0.2, inside)
        height = bulge - sulcus + 0.020 * self._noise(0.4) + 0.008 * self._noise(0.12)
        return Part("tongue", plane(inside * UNIT_PX), plane(height), edge_px=2.0)


def parts(anatomy: Anatomy, x: Plane, y: Plane, rng: np.random.Generator) -> list[Part]:
    """The parts from back to front on the grid of coordinates x, y (H, W)."""
    shapes = Shapes(anatomy, x, y, rng)
    pillar = shapes.pillar()
    return [shapes.wall(pillar), pillar, shapes.tonsil(pillar), shapes.palate(), shapes.tongue()]
