"""The pictures that are coded, as an encoder gets them."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from edge.frames.frame import Frame, FramePair
from edge.health.state import Verdict
from edge.pictures.image import Image
from edge.video.picture import MAX_BYTES, Painter, VideoView, coded_size
from edge.web import state_strip
from tests.doubles.studio import ENHANCED_RED, RAW_GREEN

LIVE = Verdict("live", age_ms=20.0)


def pair_of(seq: int = 7, enhanced: tuple[int, int, int] = ENHANCED_RED) -> FramePair:
    raw = Frame(np.full((1080, 1920, 3), RAW_GREEN, np.uint8), seq, time.monotonic_ns())
    return FramePair(raw, raw.enhanced(np.full_like(raw.image, enhanced), "live", {}))


def painted(view: VideoView, pair: FramePair | None, verdict: Verdict = LIVE, most_px: int = 1920) -> Image:
    """RGB, of the planes."""
    out = np.zeros(MAX_BYTES, np.uint8)
    width_px, height_px, _ = Painter().paint(view, pair, verdict, most_px, out)
    planes = out[: width_px * height_px * 3 // 2].reshape(height_px * 3 // 2, width_px)
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420))


def middle(picture: Image, share: float = 0.5) -> list[int]:
    return [int(value) for value in picture[picture.shape[0] * 2 // 3, int(picture.shape[1] * share)]]


@pytest.mark.parametrize(
    ("view", "most_px", "size"),
    [
        ("enhanced", 1920, (1920, 1080)),
        ("raw", 1280, (1280, 720)),
        ("pair", 1920, (2560, 720)),
        ("pair", 960, (1280, 360)),
        ("enhanced", 853, (852, 478)),
    ],
)
def test_sizes_are_even_and_no_larger_than_memory(view: VideoView, most_px: int, size: tuple[int, int]) -> None:
    assert coded_size(view, 1920, 1080, most_px) == size
    assert size[0] * size[1] * 3 // 2 <= MAX_BYTES


def test_a_small_picture_is_not_made_larger() -> None:
    assert coded_size("raw", 640, 360, 1920) == (640, 360)


def test_a_pair_is_raw_left_and_enhanced_right_of_one_frame() -> None:
    picture = painted("pair", pair_of(seq=12345))
    assert np.allclose(middle(picture, 0.25), RAW_GREEN, atol=4)
    assert np.allclose(middle(picture, 0.75), ENHANCED_RED, atol=4)
    assert state_strip.read(picture) == state_strip.Stripe(12345, "live", "enhanced")


@pytest.mark.parametrize(("view", "mode"), [("enhanced", "enhanced"), ("raw", "raw")])
@pytest.mark.parametrize("most_px", [1920, 960, 480])
def test_the_strip_is_drawn_at_the_size_that_is_sent(view: VideoView, mode: str, most_px: int) -> None:
    stripe = state_strip.read(painted(view, pair_of(), most_px=most_px))
    assert stripe is not None
    assert (stripe.seq, stripe.mode) == (7, mode)


@pytest.mark.parametrize("state", ["stale", "no-signal"])
@pytest.mark.parametrize("view", ["enhanced", "raw", "pair"])
def test_what_is_not_live_says_so_in_its_pixels(state: str, view: VideoView) -> None:
    pair = pair_of(enhanced=RAW_GREEN)  # unlike any bar
    picture = painted(view, pair, Verdict(state, "the camera is silent", age_ms=900.0))
    stripe = state_strip.read(picture)
    assert stripe is not None
    assert stripe.state == state
    live = painted(view, pair)
    assert np.abs(picture[:60].astype(int) - live[:60]).mean() > 20, "a bar over the whole width"


def test_before_the_first_picture_there_is_one_that_says_so() -> None:
    stripe = state_strip.read(painted("enhanced", None, Verdict("starting", "waiting for the first picture")))
    assert stripe == state_strip.Stripe(0, "starting", "raw")


def test_no_frame_is_drawn_into() -> None:
    pair = pair_of()
    painted("raw", pair)
    assert (pair.raw.image == RAW_GREEN).all()
