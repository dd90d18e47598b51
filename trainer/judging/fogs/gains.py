"""What a method gains on one foggy picture, and over many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from edge.pictures.colour import ciede2000_lab, lab_from_srgb
from edge.pictures.image import Image
from trainer.judging.metrics import psnr_for_means, ssim

WORSE_DB = 0.3
"""Loss of PSNR from which on a picture counts as made worse."""

Perceptual = Callable[[Image, Image], float]


@dataclass(frozen=True)
class Gain:
    """One picture, or the mean over some.

    Attributes:
        input_psnr: PSNR in dB of the foggy picture, before anything is done.
        psnr: dB gained over it.
        best: dB gained, each of the two at its own best exposure (`at_best_exposure`).
        ssim, lpips, ciede2000: of the result; lpips is nan where there are no weights.
        lightness: mean L* of the result less that of the truth.
        worse: 1 where more than `WORSE_DB` is lost, else 0; as a mean, the share of pictures made worse.
    """

    input_psnr: float
    psnr: float
    best: float
    ssim: float
    lpips: float
    ciede2000: float
    lightness: float
    worse: float


def gained(foggy: Image, result: Image, truth: Image, perceptual: Perceptual | None = None) -> Gain:
    before, after = (psnr_for_means(picture, truth) for picture in (foggy, result))
    best = [psnr_for_means(at_best_exposure(picture, truth), truth) for picture in (foggy, result)]
    lab, true_lab = lab_from_srgb(result), lab_from_srgb(truth)
    return Gain(
        input_psnr=before,
        psnr=after - before,
        best=best[1] - best[0],
        ssim=ssim(result, truth),
        lpips=float("nan") if perceptual is None else perceptual(result, truth),
        ciede2000=float(ciede2000_lab(lab[::2, ::2], true_lab[::2, ::2]).mean()),
        lightness=float((lab[..., 0] - true_lab[..., 0]).mean()),
        worse=float(after < before - WORSE_DB),
    )


def at_best_exposure(picture: Image, truth: Image) -> Image:
    """`picture` times the one factor that brings it nearest to `truth` in display values, by least squares."""
    levels = picture.astype(np.float32)
    factor = float((levels * truth).sum(dtype=np.float64) / max(float((levels * levels).sum(dtype=np.float64)), 1e-6))
    return np.clip(np.rint(levels * factor), 0, 255).astype(np.uint8)


def mean_gain(gains: Sequence[Gain]) -> Gain:
    """Each figure's mean over pictures."""
    return Gain(*(mean(getattr(gain, field.name) for gain in gains) for field in fields(Gain)))


def as_picture(levels: NDArray[np.float32]) -> Image:
    """Levels, rounded and clipped to 8 bits."""
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)
