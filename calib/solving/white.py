"""The grey card: gains that make grey grey."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.solving.dark import Dark
from calib.solving.flat import Flat
from calib.solving.light import MAX_SATURATED, Light, block_means, light_of, saturated_share, without_hot
from edge.basics.errors import InputOutputError
from edge.pictures.image import Image

CARD_SHARE = 0.3
"""The card must fill this much of the frame's width and height, around its middle."""
MAX_UNEVEN = 0.25
_LEAST_LIGHT, _MOST_LIGHT = 0.05, 0.90


@dataclass(frozen=True)
class White:
    """What the grey card tells.

    Attributes:
        gains: of R, G, B; their smallest is 1.
        uneven: how far the card's middle half of brightness spreads, of its median.
        patch: the corrected card as measured, (H, W, 3).
    """

    gains: NDArray[np.float32]
    uneven: float
    patch: Light


def middle(blocks: Light) -> Light:
    """The middle of a field of blocks, where the card is."""
    height, width = blocks.shape[:2]
    rows, columns = round(height * CARD_SHARE / 2), round(width * CARD_SHARE / 2)
    return blocks[height // 2 - rows : height // 2 + rows, width // 2 - columns : width // 2 + columns]


def solve_white(images: Iterable[Image], dark: Dark, flat: Flat, name: str = "white") -> White:
    """Average the card's frames and balance the channels of its middle.

    Raises:
        InputOutputError: saturated, too dark, or the middle is not one even card.
    """
    gain = np.asarray(cv2.resize(flat.gain, (480, 270), interpolation=cv2.INTER_LINEAR), np.float32)
    patches = []
    for number, image in enumerate(images):
        if (share := saturated_share(image)) > MAX_SATURATED:
            raise InputOutputError(f"{name}: frame {number} is saturated in {share:.1%} of its pixels, expected under "
                                   f"{MAX_SATURATED:.1%}; lower the exposure and capture it again")  # fmt: skip
        light = block_means(without_hot(light_of(image), dark.hot_px)) - dark.level
        patches.append(middle(light * gain))
    if not patches:
        raise InputOutputError(f"{name}: holds no frames; capture it again")
    patch = np.asarray(np.mean(patches, axis=0), np.float32)
    level = np.asarray(np.median(patch, axis=(0, 1)), np.float64)
    if not (level > _LEAST_LIGHT).all() or not (level < _MOST_LIGHT).all():
        raise InputOutputError(f"{name}: the card shows {level.max():.0%} of full scale, expected {_LEAST_LIGHT:.0%} "
                               f"to {_MOST_LIGHT:.0%}; change the exposure and capture it again")  # fmt: skip
    low, high = np.quantile(patch[..., 1], (0.05, 0.95))
    uneven = float((high - low) / level[1])
    if uneven > MAX_UNEVEN:
        raise InputOutputError(f"{name}: the middle of the picture is not one card: its brightness spreads by "
                               f"{uneven:.0%}, expected under {MAX_UNEVEN:.0%}; fill the middle with it")  # fmt: skip
    gains = level[1] / level
    return White((gains / gains.min()).astype(np.float32), uneven, patch)
