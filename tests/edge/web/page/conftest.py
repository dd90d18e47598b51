"""The page in real browsers, on a unit that is only its web interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.doubles.browsing import GUARD_MS, wait_live
from tests.doubles.chromium import FOR_PAGES
from tests.doubles.fake_unit import FakeUnit


@pytest.fixture
def unit() -> Iterator[FakeUnit]:
    unit = FakeUnit()
    yield unit
    unit.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Ended with the module: its driver keeps a loop running, beside which Firefox's cannot run."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make venv-dev)")
    if not FOR_PAGES:
        pytest.skip("chromium is not installed (apt-get install chromium-headless-shell)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=FOR_PAGES, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, unit: FakeUnit) -> Iterator[Callable[..., Any]]:
    """Opens the page in a window of its own, and waits until it is live; what goes wrong in it fails the test."""
    contexts: list[Any] = []
    wrong: list[str] = []

    def opened(width: int = 1280, height: int = 800, *, url: str = "", is_live: bool = True, **settings: Any) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": height}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(GUARD_MS)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(url or unit.url)
        if is_live:
            wait_live(page)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == [], "nothing throws in the page"


@pytest.fixture
def page(open_page: Callable[..., Any]) -> Any:
    return open_page()
