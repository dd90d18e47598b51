"""A film that throws light a little off its way and keeps all of it: glow, without a veil."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from trainer.data.degradations import Linear, smooth_field

WIDTHS = (8 / 480, 200 / 480)
"""Narrowest and widest Gaussian of the spread, sigma over the picture's width."""
NUM_WIDTHS = 5


@dataclass(frozen=True, slots=True)
class ForwardScatter:
    """I = (1 - s) J + sum_i w_i G_i * (s J), the w_i adding up to 1.

    Droplets wider than the wavelength throw most of the light into a narrow cone forward (van de Hulst, Light
    Scattering by Small Particles, 1957, ch. 12), with tails that fall as a power of the angle: a sum of Gaussians, as
    atmospheric point spread is fitted (Narasimhan & Nayar, CVPR 2003; King, PASP 1971). Light leaves its pixel and
    arrives elsewhere: mirrored at the border, the picture's sum stays.

    Attributes:
        share: s, the largest share of light that leaves its pixel, up to 1.
        unevenness: how far s falls below that in places.
        narrowest: sigma of the narrowest Gaussian over the picture's width.
        tail: exponent by which a Gaussian's weight falls with its width; 0 makes the tails heaviest.
        seed: of the uneven share.
    """

    share: float
    unevenness: float
    narrowest: float
    tail: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float | None = None) -> ForwardScatter:
        """`strength` in [0, 1] is the share."""
        share = float(rng.uniform(0.1, 1)) if strength is None else strength
        narrowest = WIDTHS[0] * (WIDTHS[1] / WIDTHS[0]) ** float(rng.uniform(0, 0.8))
        return cls(share, float(rng.uniform(0, 0.7)), narrowest, float(rng.uniform(0, 1.5)), int(rng.integers(2**32)))

    def thinned(self, factor: float) -> ForwardScatter:
        """The same film with another share."""
        return replace(self, share=min(1.0, self.share * factor))

    def weights(self) -> tuple[list[float], list[float]]:
        """Sigmas over the picture's width, and the share of the scattered light in each."""
        sigmas = np.geomspace(self.narrowest, WIDTHS[1], NUM_WIDTHS)
        weights = (sigmas / sigmas[0]) ** -self.tail
        return sigmas.tolist(), (weights / weights.sum()).tolist()

    def apply(self, linear: Linear) -> Linear:
        height, width = linear.shape[:2]
        field = smooth_field(height, width, np.random.default_rng(self.seed), 2, 2)
        share = np.float32(self.share) * (1 - np.float32(self.unevenness) * field)
        leaving = share * linear
        sigmas, weights = self.weights()
        base = resampled(leaving, sigmas[0] * width / 2)  # nothing narrower is asked for, so little is lost
        arriving = np.zeros_like(base)
        for sigma, weight in zip(sigmas, weights, strict=True):
            arriving += np.float32(weight) * spread(base, sigma * base.shape[1])
        wide = cv2.resize(arriving, (width, height), interpolation=cv2.INTER_LINEAR)
        out = linear - leaving + scaled_to(wide, leaving)
        return np.asarray(out, np.float32)


def spread(light: Linear, sigma_px: float) -> Linear:
    """Gaussian blur that keeps the sum of each channel; wide ones are computed on a smaller picture."""
    small = resampled(light, sigma_px / 3)
    sigma_px = sigma_px * small.shape[1] / light.shape[1]
    small = cv2.GaussianBlur(small, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT)
    return scaled_to(cv2.resize(small, light.shape[1::-1], interpolation=cv2.INTER_LINEAR), light)


def resampled(light: Linear, step: float) -> Linear:
    """The means of cells `step` px wide; a step of 1 or less changes nothing."""
    height, width = light.shape[:2]
    size = (max(4, round(width / max(step, 1))), max(4, round(height / max(step, 1))))
    return light if size == (width, height) else np.asarray(cv2.resize(light, size, interpolation=cv2.INTER_AREA))


def scaled_to(light: Linear, like: Linear) -> Linear:
    """`light` with the channel sums of `like`: what resampling at odd ratios lost or won."""
    sums = [plane.sum((0, 1), dtype=np.float64) for plane in (like, light)]
    return np.asarray(light * (sums[0] / np.maximum(sums[1], 1e-6)).astype(np.float32), np.float32)
