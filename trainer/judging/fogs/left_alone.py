"""Pictures of no tissue: how far each method changes what it should leave alone."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean

import numpy as np

from edge.basics.markdown import table
from edge.pictures.geometry import NETWORK_HEIGHT_PX, NETWORK_WIDTH_PX
from edge.pictures.image import Image
from trainer.data.not_tissue import not_tissue
from trainer.judging.judged import Method

NUM_CARDS = 40
SEED = 20263
FLAT = {"all black": 0, "all grey": 128, "all white": 255}


def cards() -> dict[str, list[Image]]:
    """Flat pictures, and test cards, text and ramps that training draws too, but never these."""
    size = (NETWORK_WIDTH_PX, NETWORK_HEIGHT_PX)
    flat = {name: [np.full((*size[::-1], 3), level, np.uint8)] for name, level in FLAT.items()}
    drawn = [not_tissue(np.random.default_rng((SEED, number)), size) for number in range(NUM_CARDS)]
    return {**flat, "cards, text, ramps": drawn}


def left_alone_table(methods: Mapping[str, Method]) -> str:
    """Mean change in levels of 255; of the cards the mean and the most."""
    shown = cards()
    rows: list[list[object]] = []
    for name, method in methods.items():
        row: list[object] = [name]
        for pictures in shown.values():
            changes = [float(np.abs(method(p).astype(np.int16) - p).mean()) for p in pictures]
            row.append(f"{mean(changes):.1f}" + (f", {max(changes):.1f}" if len(changes) > 1 else ""))
        rows.append(row)
    return table(["method", *shown], rows)
