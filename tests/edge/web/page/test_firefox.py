"""The page in Firefox, which playwright cannot drive as Debian ships it: by WebDriver BiDi, which it speaks itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.doubles.browsing import COLOUR_AT
from tests.doubles.fake_unit import FakeUnit
from tests.doubles.firefox import FIREFOX, started_firefox
from tests.doubles.waiting import GUARD_S

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FIREFOX is None, reason="Firefox is not installed (apt-get install firefox-esr)"),
]

PRESS = "document.dispatchEvent(new KeyboardEvent('{kind}', {{ key: '{key}', bubbles: true }}))"


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with started_firefox(tmp_path_factory.mktemp("firefox")) as firefox:
        yield firefox


@pytest.fixture
def page(firefox: Any, unit: FakeUnit) -> Any:
    firefox.goto(unit.url)
    wait_for(firefox, "document.getElementById('cover')?.hidden && document.getElementById('freeze')?.hidden === false")
    return firefox


def wait_for(page: Any, condition: str, *, holds: Callable[[Any], bool] = bool) -> None:
    until_s = time.monotonic() + GUARD_S
    while time.monotonic() < until_s:
        if holds(page.evaluate(condition)):
            return
        time.sleep(0.1)
    raise AssertionError(f"did not come true: {condition}")


def wait_for_colour(page: Any, colour: str, x: float = 0.5, canvas: str = "picture") -> None:
    wait_for(page, f"({COLOUR_AT})([{x}, 0.7, '{canvas}'])", holds=lambda seen: seen == colour)


def press(page: Any, key: str, kind: str = "keydown") -> None:
    page.evaluate(PRESS.format(kind=kind, key=key))


def test_the_picture_comes_by_the_socket_in_every_view(page: Any, unit: FakeUnit) -> None:
    wait_for(page, "document.getElementById('transport').textContent.includes('WebSocket')")
    for key, left, right in (("2", "raw", "raw"), ("3", "raw", "enhanced"), ("4", "raw", "enhanced")):
        press(page, key)
        wait_for_colour(page, left, x=0.2)
        wait_for_colour(page, right, x=0.8)
    press(page, "1")
    wait_for_colour(page, "enhanced")
    press(page, " ")
    wait_for_colour(page, "raw")
    press(page, " ", "keyup")
    wait_for_colour(page, "enhanced")


def test_a_held_picture_is_looked_at_closely_and_what_was_saved_too(page: Any, unit: FakeUnit) -> None:
    unit.keep_pair("throat-0")
    press(page, "p")
    wait_for(page, "document.getElementById('picture').dataset.state === 'frozen'")
    press(page, "8")
    wait_for(page, "document.getElementById('picture').dataset.lossless !== undefined")
    press(page, "0")
    press(page, "l")
    wait_for(page, "document.getElementById('picture').dataset.state === 'live'")
    press(page, "g")
    wait_for_colour(page, "enhanced", canvas="saved-picture")
    press(page, "2")
    wait_for_colour(page, "raw", canvas="saved-picture")


def test_a_unit_that_is_killed_is_covered_and_comes_back(page: Any, unit: FakeUnit) -> None:
    unit.close()
    wait_for(page, "document.getElementById('cover-title').textContent.startsWith('NO CONNECTION')")
    again = FakeUnit(unit.port)
    try:
        wait_for(page, "document.getElementById('cover').hidden")
    finally:
        again.close()


def test_where_there_is_no_socket_it_comes_as_mjpeg(firefox: Any, unit: FakeUnit) -> None:
    unit.has_socket = False
    firefox.goto(unit.url)
    wait_for(firefox, "document.getElementById('transport')?.textContent.includes('MJPEG') ?? false")
    wait_for_colour(firefox, "enhanced")
