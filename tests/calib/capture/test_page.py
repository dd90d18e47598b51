"""The calibration page in a real browser: the picture, the words, what was found, and the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from calib.capture import capture as capture_module
from calib.capture.capture import CaptureOptions, capture
from edge.config import SourceConfig, WebConfig
from tests.doubles.chromium import FOR_PAGES
from tests.doubles.ports import free_port
from tests.doubles.waiting import GUARD_S

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make venv-dev)")

GUARD_MS = GUARD_S * 1000
pytestmark = pytest.mark.skipif(not FOR_PAGES, reason="no Chromium (apt-get install chromium-headless-shell)")
PICTURE_IS_THERE = """() => {
    const canvas = document.getElementById("picture");
    const spot = canvas.getContext("2d").getImageData(960, 540, 1, 1).data;
    return spot[0] + spot[1] + spot[2] > 100;
}"""
DOTS = """() => {
    const canvas = document.getElementById("overlay");
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let green = 0;
    for (let i = 0; i < pixels.length; i += 4) green += pixels[i + 3] > 200 && pixels[i + 1] > 180;
    return green;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=FOR_PAGES, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def stop() -> threading.Event:
    """Ends a capture, and what its page is left to look at of one that is complete."""
    return threading.Event()


@pytest.fixture
def start(tmp_path: Path, stop: threading.Event, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Starts a capture in a thread and gives its page's address: `start(target, source, num_frames)`."""
    threads: list[threading.Thread] = []
    monkeypatch.setattr(capture_module, "_SHOW_END_S", GUARD_S)  # a busy browser may look later than two seconds

    def started(target: str, source: str, num_frames: int) -> str:
        listen = f"127.0.0.1:{free_port()}"
        options = CaptureOptions(
            target, tmp_path / target, "A-1", SourceConfig(source), num_frames=num_frames, web=WebConfig(listen=listen)
        )
        threads.append(threading.Thread(target=capture, args=(options, stop), daemon=True))
        threads[-1].start()
        return f"http://{listen}/"

    yield started
    stop.set()
    for thread in threads:
        thread.join(GUARD_S)


def opened(browser: Any, url: str) -> tuple[Any, list[str]]:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(GUARD_MS)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for _ in range(GUARD_MS // 100):
        try:
            page.goto(url)
            return page, complaints
        except playwright.Error:
            page.wait_for_timeout(100)
    raise AssertionError(f"nothing answers at {url}")


def wait_for(page: Any, condition: str) -> None:
    for _ in range(GUARD_MS // 100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"did not come true: {condition}")


@pytest.mark.slow
def test_the_page_says_in_words_what_is_wrong(browser: Any, start: Callable[..., str]) -> None:
    page, complaints = opened(browser, start("flat", "demo:?unit=A-1&exposure=5", 3))
    wait_for(page, "document.getElementById('advice').textContent.startsWith('Saturated: ')")
    wait_for(page, PICTURE_IS_THERE)
    assert page.locator("#target").text_content() == "Flat field"
    assert page.locator("#taken").text_content() == "0"
    assert page.locator("#unit").text_content() == "A-1"
    assert page.locator("#checks li[data-ok=false]").first.text_content().startswith("saturation")
    assert [text for text in complaints if "willReadFrequently" not in text and "404" not in text] == []
    page.close()


@pytest.mark.slow
def test_frames_are_taken_while_one_watches_and_the_end_is_shown(
    browser: Any, start: Callable[..., str], stop: threading.Event
) -> None:
    page, _ = opened(browser, start("lens", "demo:?unit=A-1", 2))
    wait_for(page, f"({DOTS})() > 200")
    wait_for(page, "document.getElementById('taken').textContent === '2'")
    stop.set()
    wait_for(page, "document.getElementById('cover-title').textContent === 'COMPLETE'")
    assert page.locator("#cover").is_visible()
    page.close()
