"""Looking: the four views, raw while one holds, closer and about, in live and held pictures alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edge.pictures.image import Image
from tests.doubles.browsing import COLOUR_AT, data, screenshot, wait_for, wait_for_colour, wait_for_text, wait_until
from tests.doubles.fake_unit import FakeUnit

ZOOM = "parseFloat(document.getElementById('zoom-word').textContent)"
IS_WHOLE = "document.getElementById('zoom').hidden"


def checkers() -> Image:
    """1920x1080; single pixels of light and dark, so that any smoothing shows."""
    y, x = np.mgrid[0:1080, 0:1920]
    return np.repeat((((x + y) % 2) * 200 + 20)[..., None], 3, axis=2).astype(np.uint8)


def finger(page: Any) -> Any:
    """Touches as a screen sends them: `finger(page)("touchStart", (x, y), ...)`."""
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        told = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": told})

    return touch


def test_side_by_side_shows_raw_and_enhanced_of_one_moment(page: Any, unit: FakeUnit) -> None:
    page.keyboard.press("4")
    wait_for_colour(page, "raw", x=0.25)
    wait_for_colour(page, "enhanced", x=0.75)
    wait_until(page, lambda: unit.wishes[-1]["want"] == "pair")
    page.keyboard.down(" ")
    wait_for_colour(page, "raw", x=0.75)
    page.keyboard.up(" ")
    wait_for_colour(page, "enhanced", x=0.75)


def test_a_window_asks_for_as_many_pixels_as_it_shows(open_page: Callable[..., Any], unit: FakeUnit) -> None:
    page = open_page(1000, 560)
    width = page.locator("#frame").bounding_box()["width"]
    wait_until(page, lambda: unit.wishes[-1]["width"] == pytest.approx(width, abs=2))
    page.keyboard.press("+")
    wait_until(page, lambda: unit.wishes[-1]["width"] == 1920)
    page.keyboard.press("0")
    wait_until(page, lambda: unit.wishes[-1]["width"] < 1920)


@pytest.mark.slow
def test_wheel_and_keys_go_closer_to_eight_times_and_back(page: Any) -> None:
    page.mouse.move(400, 300)
    page.mouse.wheel(0, -400)
    wait_for(page, f"{ZOOM} > 1.5")
    for _ in range(14):
        page.keyboard.press("+")
    wait_for(page, f"{ZOOM} === 8")
    page.keyboard.press("-")
    wait_for(page, f"{ZOOM} < 8")
    page.keyboard.press("0")
    wait_for(page, IS_WHOLE)
    page.keyboard.press("8")
    wait_for(page, f"{ZOOM} === 8")
    page.locator("#whole").click()
    wait_for(page, IS_WHOLE)


@pytest.mark.slow
def test_the_map_says_where_one_is_and_lies_on_the_picture(page: Any) -> None:
    page.keyboard.press("8")
    wait_for_text(page, "zoom-state", "LIVE ENHANCED")
    stage = page.locator("#stage").bounding_box()
    for name in ("zoom", "map", "zoom-state", "whole"):
        box = page.locator(f"#{name}").bounding_box()
        assert box["y"] + box["height"] <= stage["y"] + stage["height"], name
        assert box["x"] + box["width"] <= stage["x"] + stage["width"], name


@pytest.mark.slow
def test_what_lies_beneath_the_pointer_stays_there(page: Any, unit: FakeUnit) -> None:
    unit.enhanced = unit.enhanced.copy()
    unit.enhanced[260:280, 230:250] = (40, 60, 190)  # at a quarter of the width, half of the height
    wait_for_colour(page, "reference", x=0.25, y=0.5)
    box = page.locator("#frame").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -1000)
    wait_for(page, f"{ZOOM} > 4")
    wait_for_colour(page, "reference", x=0.25, y=0.5)


@pytest.mark.slow
@pytest.mark.parametrize("key", ["1", "2", "3", "4"], ids=["enhanced", "raw", "split", "side"])
@pytest.mark.parametrize("is_held", [False, True], ids=["live", "held"])
def test_one_can_look_closer_in_every_view(page: Any, unit: FakeUnit, key: str, is_held: bool) -> None:
    half = unit.raw.shape[1] // 2
    for image in (unit.raw, unit.enhanced):
        image[:, half + 60 :] = (40, 60, 190)
    if is_held:
        unit.freeze()
        wait_for(page, "document.getElementById('picture').dataset.state === 'frozen'")
    page.keyboard.press(key)
    page.keyboard.press("8")
    wait_for(page, f"{ZOOM} === 8")
    left, right = ("raw", "enhanced") if key in "34" else ("raw", "raw") if key == "2" else ("enhanced", "enhanced")
    wait_for_colour(page, left, x=0.2, y=0.5)
    wait_for_colour(page, right, x=0.7, y=0.5)
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    wait_for_colour(page, "reference", x=0.9, y=0.5)


@pytest.mark.slow
def test_pixels_are_shown_as_they_are(open_page: Callable[..., Any], unit: FakeUnit) -> None:
    unit.enhanced = checkers()
    page = open_page(1280, 800)
    unit.freeze()
    wait_for(page, "document.getElementById('picture').dataset.state === 'frozen'")
    page.keyboard.press("8")
    wait_for(page, "document.getElementById('picture').dataset.lossless !== undefined")
    # no pixel is made of two
    wait_until(page, lambda: set(np.unique(screenshot(page, "#picture")[100:300, 200:500])) == {20, 220})


@pytest.mark.slow
def test_a_hand_pans_when_closer_and_taps_twice_for_the_whole(page: Any, unit: FakeUnit) -> None:
    unit.enhanced[:, 560:] = (40, 60, 190)
    page.keyboard.press("8")
    wait_for_colour(page, "enhanced", x=0.5, y=0.5)

    def is_panned() -> bool:
        """By one more pan; where the browser stands still in the middle of it, it is a hold."""
        page.mouse.move(900, 400)
        page.mouse.down()
        page.mouse.move(100, 400, steps=6)
        page.mouse.up()
        page.wait_for_timeout(200)
        return page.evaluate(COLOUR_AT, [0.9, 0.5, "picture"]) == "reference"

    wait_until(page, is_panned)
    assert data(page, "mode") == "enhanced", "a pan is no hold"
    wait_until(page, lambda: page.mouse.dblclick(600, 300) or page.evaluate(IS_WHOLE))  # it may tap too slowly


@pytest.mark.slow
def test_a_still_hand_shows_raw_when_closer_too(page: Any) -> None:
    page.keyboard.press("8")
    page.mouse.move(600, 300)
    page.mouse.down()
    wait_for_colour(page, "raw")
    page.mouse.up()
    wait_for_colour(page, "enhanced")


@pytest.mark.slow
def test_two_fingers_pinch_and_one_holds(open_page: Callable[..., Any]) -> None:
    page = open_page(1024, 600, has_touch=True)
    touch = finger(page)
    touch("touchStart", (400, 260))
    wait_for_colour(page, "raw")
    touch("touchEnd")
    wait_for_colour(page, "enhanced")
    touch("touchStart", (450, 260), (550, 260))
    for step in range(1, 11):
        touch("touchMove", (450 - 20 * step, 260), (550 + 20 * step, 260))
    touch("touchEnd")
    wait_for(page, f"{ZOOM} > 3")

    def is_whole() -> bool:
        for _ in range(2):
            touch("touchStart", (500, 260))
            touch("touchEnd")
        page.wait_for_timeout(400)
        return bool(page.evaluate(IS_WHOLE))

    wait_until(page, is_whole)  # a browser that stands still between the taps takes them for two


@pytest.mark.slow
def test_the_divider_is_drawn_at_the_line_when_closer(page: Any) -> None:
    page.keyboard.press("3")
    page.keyboard.press("8")
    wait_for_colour(page, "enhanced", x=0.6, y=0.5)
    box = page.locator("#divider").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, 300)
    page.mouse.down()
    page.mouse.move(1000, 300, steps=4)
    page.mouse.up()
    wait_for_colour(page, "raw", x=0.7, y=0.5)
    assert int(page.locator("#divider").get_attribute("aria-valuenow")) > 70


@pytest.mark.slow
def test_a_held_picture_is_looked_at_without_loss(page: Any, unit: FakeUnit) -> None:
    unit.freeze()
    wait_for(page, "document.getElementById('picture').dataset.state === 'frozen'")
    assert data(page, "lossless") is None, "nothing is fetched that nobody needs"
    page.keyboard.press("8")
    wait_for(page, "document.getElementById('picture').dataset.lossless !== undefined")
    wait_until(page, lambda: tuple(screenshot(page, "#picture")[300, 300]) == (190, 50, 40))  # exactly as it was taken
    wait_for_text(page, "zoom-state", "FROZEN ENHANCED")
    unit.freeze(False)
    wait_for(page, "document.getElementById('picture').dataset.state === 'live'")
    assert data(page, "lossless") is None
