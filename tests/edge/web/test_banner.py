"""The banner: what it does to the pixels, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest

from edge.pictures.image import Image
from edge.web.banner import PictureState, Side, Status, blank, stamp

STATES: tuple[PictureState, ...] = ("live", "frozen", "stale", "no-signal", "starting")
PILL_PX = (slice(0, 90), slice(0, 700))
BAR_PX = 132


@pytest.fixture(scope="module")
def picture() -> Image:
    """A throat-coloured picture with texture, 1080p."""
    texture = np.random.default_rng(5).integers(0, 60, (1080, 1920, 3), dtype=np.uint8)
    return texture + np.array([170, 80, 70], np.uint8)


def status(state: PictureState = "live", **changes: object) -> Status:
    values: dict[str, object] = {"mode": "enhanced", "profile": "live", "age_ms": 1200.0, **changes}
    return Status(state, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", STATES)
def test_the_picture_given_is_never_written(picture: Image, state: PictureState) -> None:
    before = picture.copy()
    locked = picture.view()
    locked.flags.writeable = False
    stamped = stamp(locked, status(state))
    assert not np.shares_memory(stamped, picture)
    assert np.array_equal(before, picture)
    assert not np.array_equal(stamped, picture)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_live_banner_touches_only_its_corner(picture: Image, side: Side) -> None:
    changed = (stamp(picture, status(), side) != picture).any(axis=2)
    if side == "right":
        changed = changed[:, ::-1]
    assert changed[PILL_PX].any()
    changed[PILL_PX] = False
    assert not changed.any()


@pytest.mark.parametrize("shade", [0, 255], ids=["on black", "on white"])
def test_the_live_banner_can_be_read_on_any_picture(shade: int) -> None:
    pill = stamp(np.full((1080, 1920, 3), shade, np.uint8), status())[26:62, 50:280]
    brightness = pill.mean(axis=2)
    assert brightness.max() > 240, "white text"
    assert np.median(brightness) < 100, "dark ground"


def test_a_picture_without_signal_is_grey_and_dark(picture: Image) -> None:
    below = stamp(picture, status("no-signal"))[300:1000, 100:1800].astype(int)
    assert np.ptp(below, axis=2).max() == 0
    assert below.mean() < 0.7 * picture.mean()


@pytest.mark.parametrize(
    ("state", "colour"),
    [("stale", (255, 184, 28)), ("no-signal", (196, 30, 42)), ("starting", (38, 84, 140))],
)
def test_a_picture_that_is_not_live_has_a_bar_and_a_border(
    picture: Image, state: PictureState, colour: tuple[int, int, int]
) -> None:
    stamped = stamp(picture, status(state))
    for name, edge in {
        "top": stamped[3],
        "under the text": stamped[BAR_PX - 6],
        "bottom": stamped[-3],
        "left": stamped[:, 3],
        "right": stamped[:, -3],
    }.items():
        assert (edge == colour).all(), name


WORDINGS = {
    "live": status(),
    "live, another profile": status(profile="miinet"),
    "live raw": status(mode="raw"),
    "live raw with why": status(mode="raw", reason="engine: output is black"),
    "stale": status("stale"),
    "stale, older": status("stale", age_ms=1400.0),
    "stale raw": status("stale", mode="raw"),
    "no signal": status("no-signal"),
    "no signal with why": status("no-signal", reason="camera unplugged"),
    "starting": status("starting"),
}


def test_whatever_it_says_can_be_told_from_the_pixels(picture: Image) -> None:
    seen = {stamp(picture, said).tobytes(): name for name, said in WORDINGS.items()}
    assert sorted(seen.values()) == sorted(WORDINGS)


def test_an_age_is_no_news_while_the_picture_is_live(picture: Image) -> None:
    assert np.array_equal(stamp(picture, status(age_ms=10.0)), stamp(picture, status(age_ms=90.0)))


def test_a_long_reason_is_cut_within_the_bar(picture: Image) -> None:
    said = status("no-signal", reason="the camera could not be opened again " * 9)
    assert (stamp(picture, said)[:BAR_PX, -30:] == (196, 30, 42)).all()


@pytest.mark.parametrize("size_px", [(480, 270), (960, 540)], ids=str)
def test_in_a_small_picture_a_reason_is_written_beneath_to_its_end(size_px: tuple[int, int]) -> None:
    reason = "engine: nothing came for 2 s; the camera's driver hangs: unplug it and plug it in"
    short, long = (stamp(blank(*size_px), status("stale", reason=why)) for why in (reason, f"{reason} again"))
    assert (short != long).any(), "the last word is there"


def test_it_draws_where_it_is_told(picture: Image) -> None:
    out = np.zeros_like(picture)
    assert stamp(picture, status(), out=out) is out
    assert np.array_equal(out, stamp(picture, status()))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("size_px", [(1, 1), (16, 9), (480, 270), (3840, 2160)], ids=str)
def test_any_size_of_picture_is_stamped(size_px: tuple[int, int], state: PictureState) -> None:
    image = blank(*size_px)
    stamped = stamp(image, status(state, reason="why", mode="raw"))
    assert stamped.shape == image.shape
    assert not np.array_equal(stamped, image)


def test_a_frozen_picture_has_a_border_and_its_age_but_no_bar(picture: Image) -> None:
    stamped = stamp(picture, status("frozen"))
    assert (stamped[4] == (72, 160, 255)).all(), "the border"
    changed = (stamped != picture).any(axis=2)[20:-20, 20:-20]
    assert not changed[100:].any(), "all of the picture can be looked at"
    later = stamp(picture, status("frozen", age_ms=61_000.0))
    assert (later != stamped).any(), "its age counts up"
    assert (stamped != stamp(picture, status("live"))).any()


def test_each_notice_is_a_pill_of_its_own_beneath(picture: Image) -> None:
    plain = stamp(picture, status())
    one = stamp(picture, status(notices=("camera head: over temperature",)))
    two = stamp(picture, status(notices=("camera head: over temperature", "NOT SAVED: disk full")))
    rows_one = np.flatnonzero((one != plain).any(axis=(1, 2)))
    rows_two = np.flatnonzero((two != one).any(axis=(1, 2)))
    assert 64 < rows_one[0] < rows_one[-1] < 120
    assert rows_one[-1] < rows_two[0] < rows_two[-1] < 170
    amber = (one[rows_one[0] : rows_one[-1]].astype(int) - (255, 184, 28)).__abs__().sum(axis=2) < 30
    assert amber.any()
