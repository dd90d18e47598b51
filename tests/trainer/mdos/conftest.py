"""A small study of four methods, made of noise."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from trainer.mdos.create import Wish, create_study
from trainer.mdos.study import Study, read_study

NUM_SUBJECTS = 12
METHODS = ("original", "cyclegan", "miinet", "hq")


def draw_methods(folder: Path, num: int = NUM_SUBJECTS, size: tuple[int, int] = (48, 27)) -> dict[str, Path]:
    """Folders of pictures: three versions of each subject, and sharp ones of others."""
    draw = np.random.default_rng(3)
    methods = {}
    for method in METHODS:
        methods[method] = folder / method
        methods[method].mkdir(parents=True)
        for index in range(num):
            name = f"hq{index:02}" if method == "hq" else f"s{index:02}"
            picture = draw.integers(0, 255, (size[1], size[0], 3), np.uint8)
            assert cv2.imwrite(str(methods[method] / f"{name}.png"), picture)
    return methods


def wish_of(methods: dict[str, Path], **changes: object) -> Wish:
    told = {
        "methods": methods,
        "title": "A study",
        "reference": "original",
        "quality_only": frozenset({"original", "hq"}),
        "repeats": 0.1,
        "num_raters": 3,
        "seed": 1,
        "screen_px": (640, 360),
    }
    return Wish(**{**told, **changes})  # type: ignore[arg-type]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    create_study(tmp_path / "study", wish_of(draw_methods(tmp_path / "pictures")))
    return read_study(tmp_path / "study")
