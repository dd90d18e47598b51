"""Sizes of streams: few steps, the picture's own shape, and words of the banner that can be read in each."""

from __future__ import annotations

import numpy as np
import pytest

from edge.basics.errors import UsageError
from edge.frames.frame import Frame, FramePair
from edge.health.state import Verdict
from edge.web import views as views_module
from edge.web.banner import Status, num_touched, stamp
from edge.web.sizes import WIDTHS_PX, shrink, size_at, step_for, width_from_query
from edge.web.views import View, ViewEncoder


@pytest.mark.parametrize(
    ("asked_px", "step_px"),
    [(1, 480), (480, 480), (481, 640), (960, 960), (961, 1280), (1281, 1920), (1920, 1920), (3840, 1920)],
)
def test_the_smallest_step_that_is_wide_enough(asked_px: int, step_px: int) -> None:
    assert step_for(asked_px) == step_px


@pytest.mark.parametrize("width", ["", "0", "1921", "-1", "1.5", "wide", "٣", "9" * 50])
def test_no_width_is_named_with_what_is_allowed(width: str) -> None:
    with pytest.raises(UsageError, match="expected a whole number from 1 to 1920"):
        width_from_query(width)


def test_a_width_in_a_query_is_optional() -> None:
    assert (width_from_query(None), width_from_query("700")) == (1920, 960)


@pytest.mark.parametrize(
    ("shape", "width_px", "size"),
    [
        ((1080, 1920, 3), 640, (360, 640)),
        ((1080, 1440, 3), 480, (360, 480)),
        ((270, 480, 3), 1920, (270, 480)),
        ((2, 1920, 3), 480, (1, 480)),
    ],
    ids=str,
)
def test_a_picture_keeps_its_shape_and_never_grows(
    shape: tuple[int, int, int], width_px: int, size: tuple[int, int]
) -> None:
    assert size_at(shape, width_px) == size


def test_each_small_pixel_is_the_mean_of_those_that_it_covers() -> None:
    image = np.random.default_rng(1).integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
    small = np.empty((270, 480, 3), np.uint8)
    shrink(image, small)
    means = image.reshape(270, 4, 480, 4, 3).mean(axis=(1, 3))
    assert np.abs(small - means).max() <= 0.51


def test_a_view_is_scaled_once_and_a_whole_one_never(monkeypatch: pytest.MonkeyPatch) -> None:
    scaled: list[tuple[int, ...]] = []
    monkeypatch.setattr(views_module, "shrink", lambda image, out: scaled.append(out.shape))
    raw = Frame(np.zeros((1080, 1920, 3), np.uint8), 1, 1)
    pair = FramePair(raw, raw.enhanced(np.zeros((1080, 1920, 3), np.uint8), "live", {}))
    encoder = ViewEncoder()
    for width_px in WIDTHS_PX:
        encoder.encoded(View("enhanced", width_px=width_px), pair, Verdict("live"), 85)
    assert scaled == [(width_px * 9 // 16, width_px, 3) for width_px in WIDTHS_PX[1:]]


@pytest.mark.parametrize("width_px", WIDTHS_PX)
def test_letters_of_the_banner_have_eight_pixels_at_least(width_px: int) -> None:
    """Counted in the rows that the white of LIVE RAW takes up."""
    image = np.zeros((width_px * 9 // 16, width_px, 3), np.uint8)
    stamped = stamp(image, Status("live", "raw"))
    rows = np.flatnonzero((stamped.min(axis=2) > 150).any(axis=1))
    assert rows[-1] - rows[0] + 1 >= 8
    assert num_touched(Status("live", "raw"), image.shape[0]) > rows[-1]
