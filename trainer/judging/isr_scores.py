"""Judging super-resolution x4 against bicubic: on held-out pictures, and on Set5 and Set14 as the literature does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import mean

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge.basics.markdown import table
from edge.basics.progress import Tick, no_tick
from edge.pictures.files import read_picture
from edge.pictures.image import Image
from trainer.data.pictures import as_planes
from trainer.data.sr_pairs import bicubic_x4, low_resolution
from trainer.judging.held_out import HeldOut
from trainer.judging.judged import Method, counted
from trainer.judging.lpips import Lpips
from trainer.judging.metrics import psnr, psnr_for_means, ssim
from trainer.networks.rrdb import SCALE, Rrdb

BORDER_PX = SCALE
"""Left out at each side: the literature's habit, as many pixels as the scale."""


@dataclass(frozen=True)
class SrScore:
    """Means over pictures, `BORDER_PX` cut off: PSNR of luma and of RGB in dB, SSIM over RGB, LPIPS where asked for.

    Attributes:
        consistency: PSNR in dB of the whole result, shrunk again, against the LR that it was made from; 60 at most.
    """

    psnr_y: float
    psnr_rgb: float
    ssim: float
    lpips: float | None = None
    consistency: float = math.nan


def psnr_y(a: Image, b: Image) -> float:
    """PSNR in dB of BT.601 luma in [16, 235], rounded as by MATLAB, peak 255: what papers give for Set5 and Set14.

    Bicubic has 28.42 dB on Set5, as in the literature, and 26.09 on Set14, where the literature's 26.00 takes the one
    grey file's levels for luma as they are.

    Returns:
        Infinity for equal luma.
    """
    mean_square = float(np.mean((_luma(a) - _luma(b)) ** 2))
    return 10 * math.log10(255**2 / mean_square) if mean_square else math.inf


def _luma(picture: Image) -> NDArray[np.float64]:
    levels: NDArray[np.float64] = np.rint(picture @ np.array([65.481, 128.553, 24.966]) / 255 + 16)
    return levels


def bicubic(lr: Image) -> Image:
    """Bicubic x4, rounded."""
    return _rounded(bicubic_x4(as_planes(lr)[None].float() / 255))


@torch.no_grad()
def enlarge(network: Rrdb, lr: Image) -> Image:
    """x4 in one piece, so that there are no seams; a GiB of memory for each 1000x1000 px of the result."""
    device = next(network.parameters()).device
    return _rounded(network(as_planes(lr)[None].to(device).float() / 255))


def _rounded(x_BCHW: Tensor) -> Image:
    """A batch of one, in [0, 1] and clamped to it."""
    levels = x_BCHW[0].clamp(0, 1).mul(255).round().to("cpu", torch.uint8)
    return np.ascontiguousarray(levels.permute(1, 2, 0).numpy())


def isr_scores(
    sets: Mapping[str, Sequence[Image]],
    networks: Mapping[str, Rrdb],
    lpips: Lpips | None = None,
    blur_sigma_px: float = 0.0,
    tick: Tick = no_tick,
) -> dict[str, dict[str, SrScore]]:
    """Name of the set -> "bicubic" or name of the network -> score.

    The LR is bicubic 1/4 of the picture, cut to sides divisible by 4.

    Args:
        lpips: judges the pictures too.
        blur_sigma_px: of the LR, in its own pixels (MIINet section 3.3).
        tick: called for each picture that a method has made.
    """
    methods: dict[str, Method] = {"bicubic": bicubic}
    methods |= {name: partial(enlarge, network) for name, network in networks.items()}
    methods = counted(methods, tick)
    scores: dict[str, dict[str, SrScore]] = {}
    for name, pictures in sets.items():
        truths = [_divisible(picture) for picture in pictures]
        inputs = [low_resolution(truth, blur_sigma_px) for truth in truths]
        scores[name] = {
            method: _score([enlarged(lr) for lr in inputs], truths, inputs, lpips)
            for method, enlarged in methods.items()
        }
    return scores


def isr_table(scores: Mapping[str, Mapping[str, SrScore]]) -> str:
    """A row per set and method, with the gain over bicubic."""
    rows: list[list[object]] = []
    for name, of_set in scores.items():
        base = of_set["bicubic"]
        for method, score in of_set.items():
            gain = "" if method == "bicubic" else f"{score.psnr_y - base.psnr_y:+.2f}"
            perceived = [] if score.lpips is None else [f"{score.lpips:.3f}"]
            rows.append([name, method, score.psnr_y, gain, score.psnr_rgb, f"{score.ssim:.4f}", *perceived])
    head = ["pictures", "method", "PSNR-Y dB", "gain", "PSNR-RGB dB", "SSIM"]
    return table(head if not rows or len(rows[0]) == len(head) else [*head, "LPIPS"], rows)


def isr_sets(pictures: HeldOut, limit: int = 0) -> dict[str, list[Image]]:
    """The held-out pictures of each manifest, and the yardsticks of the literature.

    Args:
        limit: at most so many of each manifest, evenly spaced in the order of names; 0 takes all.

    Raises:
        InputOutputError: a picture is missing or cannot be read.
    """
    paths = {name: of[:: math.ceil(len(of) / limit) if limit else 1] for name, of in pictures.sets.items()}
    paths |= pictures.yardsticks
    return {name: [read_picture(path) for path in of_set] for name, of_set in paths.items()}


def _score(results: Sequence[Image], truths: Sequence[Image], inputs: Sequence[Image], lpips: Lpips | None) -> SrScore:
    pairs = [(_cut(result), _cut(truth)) for result, truth in zip(results, truths, strict=True)]
    perceived = None if lpips is None else mean(lpips(a, b) for a, b in pairs)
    again = mean(psnr_for_means(low_resolution(r), lr) for r, lr in zip(results, inputs, strict=True))
    return SrScore(*(mean(metric(a, b) for a, b in pairs) for metric in (psnr_y, psnr, ssim)), perceived, again)


def _divisible(picture: Image) -> Image:
    height, width = (side - side % SCALE for side in picture.shape[:2])
    return np.ascontiguousarray(picture[:height, :width])


def _cut(picture: Image) -> Image:
    return np.ascontiguousarray(picture[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX])
