"""Pictures of no tissue: one colour, ramps, test bars, text, noise. What shows them must be left alone."""

from __future__ import annotations

import cv2
import numpy as np

from edge.pictures.image import Image

BARS = ((1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1), (0, 0, 0))
"""Colour bars in the order of SMPTE EG 1."""
LETTERS = "ABCDEFGHKLMNPRSTUVWXYZ0123456789 "


def not_tissue(rng: np.random.Generator, size: tuple[int, int]) -> Image:
    """One at random, RGB uint8; `size` is width_px, height_px."""
    kinds = (_flat, _flat, _ramp, _bars, _text, _patches)  # one colour looks most like a veil
    return kinds[int(rng.integers(len(kinds)))](rng, *size)


def _flat(rng: np.random.Generator, width: int, height: int) -> Image:
    colours = (np.zeros(3), np.full(3, 255.0), np.full(3, rng.uniform(0, 255)), rng.uniform(0, 255, 3))
    flat = np.broadcast_to(colours[int(rng.integers(4))], (height, width, 3))
    noise = rng.normal(0, rng.uniform(0, 2), (height, width, 3)) if rng.random() < 0.5 else 0
    return np.clip(np.rint(flat + noise), 0, 255).astype(np.uint8)


def _ramp(rng: np.random.Generator, width: int, height: int) -> Image:
    corners = rng.uniform(0, 255, (2, 2, 3)) if rng.random() < 0.5 else np.repeat(rng.uniform(0, 255, (2, 2, 1)), 3, 2)
    return np.asarray(cv2.resize(corners.astype(np.float32), (width, height)).astype(np.uint8))


def _bars(rng: np.random.Generator, width: int, height: int) -> Image:
    level = rng.uniform(150, 255)
    row = np.array([BARS], np.float32) * level
    card = cv2.resize(row, (width, height), interpolation=cv2.INTER_NEAREST)
    if rng.random() < 0.5:
        ramp = np.linspace(0, 255, width, dtype=np.float32)[None, :, None]
        card[height * 2 // 3 :] = ramp
    return np.asarray(card.astype(np.uint8))


def _text(rng: np.random.Generator, width: int, height: int) -> Image:
    paper, ink = (rng.uniform(180, 255), rng.uniform(0, 60)) if rng.random() < 0.6 else (20.0, 230.0)
    page = np.full((height, width, 3), paper, np.uint8)
    step = int(rng.integers(height // 12 + 1, height // 4 + 2))
    for top in range(step, height + step, step):
        line = "".join(LETTERS[i] for i in rng.integers(0, len(LETTERS), 60))
        style = (cv2.FONT_HERSHEY_SIMPLEX, step / 40, (ink,) * 3, max(1, step // 16), cv2.LINE_AA)
        cv2.putText(page, line, (4, top), *style)
    return page


def _patches(rng: np.random.Generator, width: int, height: int) -> Image:
    """A test card's coloured patches, or a chessboard."""
    rows, columns = int(rng.integers(2, 8)), int(rng.integers(2, 12))
    if rng.random() < 0.5:
        cells = rng.uniform(0, 255, (rows, columns, 3))
    else:
        cells = np.repeat(((np.add.outer(np.arange(rows), np.arange(columns)) % 2) * 255.0)[..., None], 3, 2)
    return np.asarray(cv2.resize(cells.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
