"""Scores that rank pictures by haze and by focus, so that a person can sort LQ from HQ.

Chosen by measurement on throat_research (134 hq, 56 lq); figures are areas under the ROC curve, 0.5 being a coin.

Haze, against the same hq pictures untouched: `recipes.held_out_fog` at optical depths 0.1 and 0.2; fog 0.2 where tone
and colour vary too (`recipes.vary_tone`); the five visibly hazy throats; defocus of 8 px, which is no haze; and real
surgical smoke against clear frames (smoke_research, 147 and 100).

    fog 0.1  fog 0.2  tone  five   blur  smoke
    0.95     0.998    0.92  0.999  0.55  0.98   darkest level: 1st percentile of min(R, G, B) over Y's 99th (taken)
    0.95     0.996    0.92  1.000  0.55  0.97   the same over the detail of log luminance
    0.87     0.97     0.90  0.996  0.56  0.92   detail of log luminance: its standard deviation over 10 px
    0.76     0.91     0.75  0.99   0.55         mean dark channel, 15 px (He et al., CVPR 2009)
    0.75     0.88     0.74  0.87   0.51         mean saturation
    0.65     0.75     0.72  0.67   0.52         RMS contrast

Focus, against untouched hq: defocus of 4 and 8 px (at 1920 px width); 8 px under noise of 3 levels; lq. Then fog of
depth 0.4 and noise alone, which are no blur: 0.5 is right. Measures as in Pertuz et al., Pattern Recognition 46, 2013.

    4 px  8 px  8 px + noise  lq    fog   noise
    0.87  1.00  1.00          0.87  0.54  0.51   variance of the Laplacian less its noise floor, over Tenengrad (taken)
    0.86  1.00  0.22          0.86  0.40  0.09   variance of the Laplacian over Tenengrad
    0.84  1.00  0.55          0.91  0.89  0.14   variance of the Laplacian: takes haze and bad exposure for blur
    0.64  0.82  0.79          0.85  0.94  0.46   Tenengrad

Motion of 16 px: 0.93; half resolution: 1.00. JPEG of quality 40 counts as blur somewhat (0.75), lifted shadows
(gamma 0.7) as haze (0.75).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.pictures.geometry import NETWORK_HEIGHT_PX
from edge.pictures.image import Image

HAZY = 0.18
"""From here on a picture is suggested as LQ: 99% of hq lie below, the five hazy throats and 98% of fog 0.2 above."""

SHARP = 0.5
"""Below, a picture is suggested as LQ: 4% of hq lie there, 64% of lq."""

_SHARPNESS_AT_HALF = 1.8
_BLACK, _EDGE_PX = 16, 8
"""Grey level of an endoscope's frame, JPEG's ringing included, and how far its edge may reach: one block."""


@dataclass(frozen=True)
class Scores:
    """What a picture looks like at the network's height.

    Attributes:
        haze: 0 (clear) to 1 (veiled): how high the darkest point stands, with the highlights at 1.
        focus: 0 (blurred, or of low resolution) to 1 (sharp).
    """

    haze: float
    focus: float

    @property
    def suggested(self) -> str:
        """The domain that a person may think of first; never a decision."""
        return "lq" if self.haze >= HAZY or self.focus < SHARP else "hq"


def scores(image: Image) -> Scores:
    """Both scores of an RGB uint8 picture (H, W, 3), four digits each.

    Measured at one size, the shorter side at 270 px, so that size does not decide; a picture smaller than that lacks
    detail that the network's frame has, and scores as blurred. The black frame of an endoscope is left out.
    """
    shorter = min(image.shape[:2])
    if shorter != NETWORK_HEIGHT_PX:
        width, height = (max(1, round(side * NETWORK_HEIGHT_PX / shorter)) for side in image.shape[1::-1])
        method = cv2.INTER_AREA if shorter > NETWORK_HEIGHT_PX else cv2.INTER_CUBIC
        image = np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)
    part = lit_part(image).astype(np.float32)
    luma = np.asarray(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), np.float32)
    haze, sharpness = min(_darkest_level(part, luma), 1.0), _sharpness(luma)
    return Scores(round(haze, 4), round(sharpness / (sharpness + _SHARPNESS_AT_HALF), 4))


def lit_part(image: Image) -> Image:
    """The picture without black bars; of a round field in a black frame, the rectangle of 70% inside the circle."""
    lit = image.max(2) > _BLACK
    top_bottom, left_right = (_lit_span(lit.mean(axis) > 0.02) for axis in (1, 0))
    image = image[top_bottom, left_right]
    height, width = image.shape[:2]
    corner = max(2, min(height, width) // 30)
    ends = (slice(None, corner), slice(-corner, None))
    num_black = sum(float(np.median(image[y, x].max(2))) <= _BLACK for y in ends for x in ends)
    if num_black < 3:
        return image
    dy, dx = int(0.15 * height), int(0.15 * width)
    return image[dy : height - dy, dx : width - dx]


def _lit_span(is_lit: NDArray[np.bool_]) -> slice:
    """From the first lit line to the last, less the edge of a bar that JPEG smears; all lines where few are lit."""
    lines = np.flatnonzero(is_lit)
    if lines.size < 4 * _EDGE_PX:
        return slice(None)
    first, last = int(lines[0]), int(lines[-1])
    return slice(first + _EDGE_PX if first else 0, last + 1 - _EDGE_PX if last + 1 < is_lit.size else is_lit.size)


def _darkest_level(part: NDArray[np.float32], luma: NDArray[np.float32]) -> float:
    """A veil lifts what should be black; over the highlights, so that exposure cancels."""
    return float(np.percentile(part.min(2), 1) / (np.percentile(luma, 99) + 1))


def _sharpness(luma: NDArray[np.float32]) -> float:
    """Energy of second over first differences; noise is what the calmest tenth of 16 px blocks still has."""
    second = cv2.Laplacian(luma, cv2.CV_32F, ksize=1) ** 2
    first_x, first_y = (cv2.Sobel(luma, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1)))
    blocks = (max(1, luma.shape[1] // 16), max(1, luma.shape[0] // 16))
    noise = np.percentile(cv2.resize(second, blocks, interpolation=cv2.INTER_AREA), 10)
    return float(max(second.mean() - noise, 0) / ((first_x**2 + first_y**2).mean() + 1))
