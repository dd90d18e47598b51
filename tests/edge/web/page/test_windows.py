"""Every window: a small tablet by touch, a monitor of 4K, a phone; and the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.doubles.browsing import wait_for, wait_for_colour, wait_for_text, wait_until
from tests.doubles.fake_unit import FakeUnit

BUTTONS = ("state", "views", "freeze", "save", "record", "keep", "adjust-open", "gallery-open", "full", "help-open")
IS_FOCUS_SEEN = """() => {
    const on = document.activeElement;
    const isRadio = on.matches("input[type=radio]");
    const drawn = isRadio ? on.nextElementSibling : on.matches(".divider") ? on.querySelector("svg") : on;
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(drawn);
    return (outlineStyle !== "none" && parseFloat(outlineWidth) >= 1) || boxShadow !== "none";
}"""


def lies_inside(page: Any, name: str, width: int, height: int) -> None:
    box = page.locator(f"#{name}").bounding_box()
    assert box is not None and box["width"] > 0, name
    assert box["x"] >= -0.5 and box["x"] + box["width"] <= width + 0.5, (name, box)
    assert box["y"] >= -0.5 and box["y"] + box["height"] <= height + 0.5, (name, box)


@pytest.mark.slow
@pytest.mark.parametrize(
    "size", [(1024, 600), (1280, 800), (3840, 2160), (820, 1180), (390, 844), (844, 390), (640, 480)], ids=str
)
def test_everything_is_within_reach(open_page: Callable[..., Any], size: tuple[int, int]) -> None:
    page = open_page(*size)
    for name in (*BUTTONS, "frame"):
        lies_inside(page, name, *size)
    box = page.locator("#frame").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(16 / 9, abs=0.03)
    boxes = [page.locator(f"#{name}").bounding_box() for name in BUTTONS]
    for number, one in enumerate(boxes):
        for other in boxes[number + 1 :]:
            is_apart = (
                one["x"] + one["width"] <= other["x"] + 0.5
                or other["x"] + other["width"] <= one["x"] + 0.5
                or one["y"] + one["height"] <= other["y"] + 0.5
                or other["y"] + other["height"] <= one["y"] + 0.5
            )
            assert is_apart, (one, other)
    for key, name in (("a", "adjust"), ("u", "unit"), ("?", "help")):
        page.keyboard.press(key)
        lies_inside(page, name, *size)
        page.keyboard.press("Escape")


@pytest.mark.slow
def test_a_small_tablet_is_worked_by_fingers(open_page: Callable[..., Any], unit: FakeUnit) -> None:
    page = open_page(1024, 600, has_touch=True, is_mobile=True)
    for name in ("freeze", "save", "record", "adjust-open", "gallery-open", "full", "help-open"):
        box = page.locator(f"#{name}").bounding_box()
        assert box["width"] >= 40 and box["height"] >= 44, (name, box)
    page.get_by_text("Split", exact=True).first.tap()
    wait_for_colour(page, "raw", x=0.2)
    page.locator("#freeze").tap()
    wait_for(page, "document.getElementById('picture').dataset.state === 'frozen'")
    page.locator("#live").tap()
    wait_for(page, "document.getElementById('picture').dataset.state === 'live'")
    page.locator("#adjust-open").tap()
    wait_for(page, "document.getElementById('adjust').open")
    page.locator("#adjust .close").tap()
    wait_for(page, "!document.getElementById('adjust').open")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.slow
def test_a_monitor_of_4k_gets_every_pixel(open_page: Callable[..., Any], unit: FakeUnit) -> None:
    page = open_page(1920, 1080, device_scale_factor=2)
    wait_for(page, "document.getElementById('picture').width > 3000")
    wait_until(page, lambda: unit.wishes[-1]["width"] == 1920)
    page.keyboard.press("4")
    wait_for_colour(page, "raw", x=0.25)
    wait_for_colour(page, "enhanced", x=0.75)


@pytest.mark.slow
def test_all_is_done_by_the_keyboard_alone_and_one_sees_where_one_is(page: Any, unit: FakeUnit) -> None:
    page.keyboard.press("3")
    met = []
    for _ in range(30):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.id || document.activeElement.name || ''")
        if name in met:
            break
        if name:
            met.append(name)
            assert page.evaluate(IS_FOCUS_SEEN), name
    order = ["divider", "state", "patient", "view", "freeze", "save", "record", "keep", "adjust-open", "gallery-open"]
    assert [name for name in met if name in order] == order
    page.locator("#freeze").focus()
    page.keyboard.press("Enter")
    wait_for(page, "document.getElementById('picture').dataset.state === 'frozen'")
    page.keyboard.press("l")
    wait_for(page, "document.getElementById('picture').dataset.state === 'live'")
    page.locator("#adjust-open").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.getElementById('adjust').contains(document.activeElement)")
    page.locator("#light").focus()
    page.keyboard.press("ArrowLeft")
    wait_until(page, lambda: unit.asked("POST", "/api/light")[-1:] == [{"percent": 69}])
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "adjust-open"
    page.keyboard.press("?")
    wait_for_text(page, "keys", "save what I just saw")
    page.keyboard.press("Escape")
    assert not page.evaluate("document.getElementById('help').open")
    page.locator("#views input[value=split]").focus()
    page.keyboard.press("ArrowRight")
    wait_for_colour(page, "raw", x=0.25)
    assert page.locator("#views input[value=side]").is_checked()


@pytest.mark.slow
def test_who_wants_no_motion_gets_none(open_page: Callable[..., Any]) -> None:
    page = open_page(reduced_motion="reduce")
    page.keyboard.press("s")
    told = page.evaluate("getComputedStyle(document.getElementById('toast')).transitionDuration")
    assert set(told.split(", ")) == {"0s"}
