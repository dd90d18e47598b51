"""What a broken engine may give in place of its picture."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import numpy_helper

from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX
from edge.pictures.image import Image

_HALF = FRAME_HEIGHT_PX // 2
_RNG = np.random.default_rng(0)


def _random_blocks(good: Image) -> Image:
    blocks = _RNG.integers(0, 256, (27, 48, 3), np.uint8)
    return np.asarray(cv2.resize(blocks, good.shape[1::-1], interpolation=cv2.INTER_NEAREST), np.uint8)


def _lower_half(good: Image, other: Image) -> Image:
    return np.concatenate([good[:_HALF], other[_HALF:]])


def _holes(good: Image, share: float) -> Image:
    """Squares of NaN cast to uint8: 0."""
    kept = (_RNG.random((9, 16)) >= share).astype(np.uint8)
    return good * cv2.resize(kept, good.shape[1::-1], interpolation=cv2.INTER_NEAREST)[..., None]


def _wrong_pitch(good: Image) -> Image:
    """Each row 64 bytes later than the reader thinks."""
    flat = np.resize(good.reshape(-1), good.size + 64 * FRAME_HEIGHT_PX)
    return np.ascontiguousarray(flat.reshape(FRAME_HEIGHT_PX, -1)[:, : FRAME_WIDTH_PX * 3]).reshape(good.shape)


def _planar(good: Image) -> Image:
    """Channels after each other, read as interleaved."""
    return np.ascontiguousarray(good.transpose(2, 0, 1)).reshape(good.shape)


def _tinted(good: Image, *gains: float) -> Image:
    return cv2.convertScaleAbs(np.minimum(good * np.array(gains, np.float32), 255)).reshape(good.shape)


def _top_left_quarter(good: Image) -> Image:
    quarter = good[:_HALF, : FRAME_WIDTH_PX // 2]
    return np.asarray(cv2.resize(quarter, good.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


FAULTS: dict[str, Callable[[Image, Image], Image]] = {
    "black": lambda good, _: np.zeros_like(good),
    "white": lambda good, _: np.full_like(good, 255),
    "constant": lambda good, _: np.full_like(good, 127),
    "nearly black": lambda good, _: good // 32,
    "noise": lambda good, _: _RNG.integers(0, 256, good.shape, np.uint8),
    "grey noise": lambda good, _: np.repeat(_RNG.integers(0, 256, (*good.shape[:2], 1), np.uint8), 3, axis=2),
    "half noise": lambda good, _: cv2.addWeighted(good, 0.5, _RNG.integers(0, 256, good.shape, np.uint8), 0.5, 0),
    "random blocks": lambda good, _: _random_blocks(good),
    "lower half black": lambda good, _: _lower_half(good, np.zeros_like(good)),
    "lower half of another scene": _lower_half,
    "another scene": lambda good, other: other,
    "squares of NaN, 10%": lambda good, _: _holes(good, 0.1),
    "squares of NaN, 30%": lambda good, _: _holes(good, 0.3),
    "upside down": lambda good, _: np.ascontiguousarray(good[::-1]),
    "left and right exchanged": lambda good, _: np.ascontiguousarray(good[:, ::-1]),
    "moved by 30 rows": lambda good, _: np.roll(good, 30, 0),
    "moved by 90 rows": lambda good, _: np.roll(good, 90, 0),
    "moved by 240 rows": lambda good, _: np.roll(good, 240, 0),
    "wrong row pitch": lambda good, _: _wrong_pitch(good),
    "planar": lambda good, _: _planar(good),
    "top left quarter, enlarged": lambda good, _: _top_left_quarter(good),
    "negative": lambda good, _: 255 - good,
    "red and blue exchanged": lambda good, _: np.ascontiguousarray(good[..., ::-1]),
    "channels turned": lambda good, _: np.ascontiguousarray(np.roll(good, 1, -1)),
    "grey": lambda good, _: np.repeat(good.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2),
    "green only": lambda good, _: good * np.array([0, 1, 0], np.uint8),
    "red at 85%": lambda good, _: _tinted(good, 0.85, 1, 1),
    "red at 50%": lambda good, _: _tinted(good, 0.5, 1, 1),
    "blue at 150%": lambda good, _: _tinted(good, 1, 1, 1.5),
}
"""Name to (right answer, right answer to another scene) -> wrong answer."""


def shuffled_dehazer(dehazer: Path, layer: str, folder: Path | None = None) -> Path:
    """A copy of a dehazer, one layer's weights in another order."""
    model = onnx.load(str(dehazer))
    for initializer in model.graph.initializer:
        if initializer.name.endswith(layer):
            weights = numpy_helper.to_array(initializer)
            mixed = np.random.default_rng(1).permutation(weights.reshape(-1)).reshape(weights.shape)
            initializer.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(mixed), initializer.name))
    path = (folder or Path(tempfile.mkdtemp())) / f"{layer}.onnx"
    onnx.save(model, str(path))
    return path


SHUFFLED_LAYERS = (
    "stem.0.weight",
    "down2.0.weight",
    "body.4.weight",
    "gate.scale.weight",
    "up1.0.weight",
    "head.weight",
)
