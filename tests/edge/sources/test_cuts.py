"""A picture is cut where all that follows a block lies off; an edge of the scene is none, nor is one seen before."""

from __future__ import annotations

import numpy as np
import pytest

from edge.pictures.image import Image
from edge.sources.cuts import CutGuard
from edge.sources.demo.render import DemoRenderer

BLOCK_PX = 16


@pytest.fixture(scope="module")
def throat() -> Image:
    return DemoRenderer(3, 30.0).degraded(5)


def cut(image: Image, row: int, column: int, shift: tuple[int, int, int]) -> Image:
    """As a decoder leaves it that read a wrong difference at one block: all that follows lies off."""
    shifted = image.astype(int)
    y_px, x_px = row * BLOCK_PX, column * BLOCK_PX
    shifted[y_px : y_px + BLOCK_PX, x_px:] += shift
    shifted[y_px + BLOCK_PX :] += shift
    return np.asarray(np.clip(shifted, 0, 255), np.uint8)


@pytest.mark.parametrize("shift", [(20, 20, 20), (-40, -40, -40), (0, -12, 40)], ids=["lighter", "darker", "bluer"])
@pytest.mark.parametrize(("row", "column"), [(30, 60), (30, 0), (1, 119), (66, 3), (0, 50)])
def test_a_cut_picture_is_told(throat: Image, row: int, column: int, shift: tuple[int, int, int]) -> None:
    guard = CutGuard()
    assert not guard.is_cut(throat, BLOCK_PX)
    assert guard.is_cut(cut(throat, row, column, shift), BLOCK_PX)
    assert not guard.is_cut(throat, BLOCK_PX)


def test_the_first_picture_may_be_cut(throat: Image) -> None:
    assert CutGuard().is_cut(cut(throat, 30, 60, (60, 60, 60)), BLOCK_PX)


def test_each_picture_is_cut_elsewhere(throat: Image) -> None:
    guard = CutGuard()
    assert all(guard.is_cut(cut(throat, row, 70, (50, 50, 50)), BLOCK_PX) for row in (10, 20, 30, 40))


def test_an_edge_of_the_scene_costs_one_picture() -> None:
    guard = CutGuard()
    chart = np.full((1080, 1920, 3), 200, np.uint8)
    chart[: 30 * BLOCK_PX] = 20
    assert guard.is_cut(chart, BLOCK_PX)
    assert not guard.is_cut(chart, BLOCK_PX)
    assert guard.is_cut(cut(chart, 50, 20, (-90, -90, -90)), BLOCK_PX), "what else lies off is told all the same"


@pytest.mark.parametrize("y_px", [6, 8, 10])
def test_an_edge_between_two_rows_of_blocks_is_none(y_px: int) -> None:
    chart = np.full((1080, 1920, 3), 200, np.uint8)
    chart[: 30 * BLOCK_PX + y_px] = 20
    assert not CutGuard().is_cut(chart, BLOCK_PX)


def test_words_that_a_camera_writes_into_its_picture_are_no_cut(throat: Image) -> None:
    guard = CutGuard()
    for seed in range(20):
        written = throat.copy()
        strokes = np.random.default_rng(seed).random(60) < 0.5
        written[64:96, 100:700] = np.repeat(strokes * 235, 10).astype(np.uint8)[:, None]
        assert not guard.is_cut(written, BLOCK_PX)


@pytest.mark.parametrize("period_px", [33, 150])
def test_bands_of_a_light_that_is_switched_are_no_cut(throat: Image, period_px: int) -> None:
    guard = CutGuard()
    rows = np.arange(1080)
    for phase_px in range(40):
        lit = np.clip(((rows + phase_px) % period_px - 15) / 3, 0.5, 1.0)
        assert not guard.is_cut((throat * lit[:, None, None]).astype(np.uint8), BLOCK_PX)


@pytest.mark.parametrize("shape", [(8, 8, 3), (64, 64, 3), (360, 640, 3), (1079, 1919, 3), (2160, 3840, 3)])
@pytest.mark.parametrize("block_rows_px", [8, 16])
def test_noise_of_any_size_is_no_cut(shape: tuple[int, int, int], block_rows_px: int) -> None:
    noise = np.random.default_rng(0).normal(120, 6, shape).clip(0, 255).astype(np.uint8)
    assert not CutGuard().is_cut(noise, block_rows_px)


def test_another_size_begins_anew(throat: Image) -> None:
    guard = CutGuard()
    assert not guard.is_cut(throat, BLOCK_PX)
    assert not guard.is_cut(np.ascontiguousarray(throat[:540, :960]), BLOCK_PX)
    assert not guard.is_cut(throat, 8)
