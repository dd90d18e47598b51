"""The page of a comparison in real browsers: what moves, and that nothing leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.axe import axe_source
from tests.doubles.chromium import FOR_PAGES
from tests.doubles.waiting import GUARD_S

GUARD_MS = GUARD_S * 1000
needs_chromium = pytest.mark.skipif(not FOR_PAGES, reason="no Chromium (apt-get install chromium-headless-shell)")
DRAWN = "() => [...document.querySelectorAll('#tiles canvas')].every((one) => one.dataset.mean !== undefined)"
FIND = """async () => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
    const { violations } = await axe.run(document, { runOnly: tags });
    return violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=FOR_PAGES, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """The page in a window of its own, with all that it said and asked for."""

    def __init__(self, browser: Any, report: Path, **context: Any) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context}).new_page()
        self.page.set_default_timeout(GUARD_MS)
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(report.as_uri())

    def value(self, name: str) -> int:
        return int(self.page.locator(f"#{name}").get_attribute("aria-valuenow"))

    def clip_px(self) -> float:
        return float(self.page.locator("#clip-box").get_attribute("width"))

    def views(self) -> set[str]:
        """The part that each enlarged picture shows."""
        return set(self.page.locator("#tiles svg").evaluate_all("all => all.map((one) => one.getAttribute('viewBox'))"))

    def means(self) -> dict[str, float]:
        """Method -> mean of its difference map."""
        self.page.wait_for_function(DRAWN)
        told = self.page.locator("#tiles canvas").evaluate_all(
            "all => all.map((one) => [one.dataset.method, one.dataset.mean])"
        )
        return {name: float(mean) for name, mean in told}


@pytest.fixture
def opened(browser: Any, report: Path) -> Iterator[Opened]:
    one = Opened(browser, report, has_touch=True)
    yield one
    assert one.said == [], "nothing goes wrong in the page"
    assert {url for url in one.asked if not url.startswith("data:")} == {report.as_uri()}, "nothing leaves"
    one.page.context.close()


@pytest.mark.slow
@needs_chromium
def test_the_divider_moves_by_hand_and_keys(opened: Opened) -> None:
    page, divider = opened.page, opened.page.locator("#divider")
    assert (opened.value("divider"), opened.clip_px()) == (50, 240)
    divider.focus()
    page.keyboard.press("ArrowRight")
    assert (opened.value("divider"), opened.clip_px()) == (52, pytest.approx(249.6))
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    assert (opened.value("divider"), opened.clip_px()) == (0, 0)
    page.keyboard.press("End")
    assert opened.value("divider") == 100
    room = page.locator("#whole").bounding_box()
    page.mouse.move(room["x"] + room["width"] - 2, room["y"] + 30)
    page.mouse.down()
    page.mouse.move(room["x"] + room["width"] / 4, room["y"] + 60, steps=3)
    page.mouse.up()
    assert opened.value("divider") == pytest.approx(25, abs=1)
    assert "original" in divider.get_attribute("aria-valuetext")


@needs_chromium
def test_one_part_of_all_methods_is_enlarged_together(opened: Opened) -> None:
    page = opened.page
    assert page.locator("#tiles > li").count() == 6
    assert opened.views() == {"180 101.25 120 67.5"}
    page.locator("#hold").focus()
    page.keyboard.press("Home")
    assert opened.views() == {"0 0 120 67.5"}
    page.locator("#zoom").fill("8")
    assert opened.views() == {"0 0 60 33.75"}
    page.evaluate("document.getElementById('stage').scrollIntoView({ behavior: 'instant' })")
    room = page.locator("#whole").bounding_box()
    page.touchscreen.tap(room["x"] + room["width"] - 20, room["y"] + room["height"] - 20)
    x, y, width, height = (float(part) for part in opened.views().pop().split())
    assert (x + width, y + height) == (pytest.approx(480, abs=1), pytest.approx(270, abs=1))


@needs_chromium
def test_differences_are_signed_and_against_what_is_chosen(opened: Opened) -> None:
    means = opened.means()
    assert means["original"] == 0
    assert 0 > means["cyclegan"] > means["miinet"] > means["live"] > means["hq"], "the veil is bright"
    opened.page.locator("#against").select_option("hq")
    opened.page.wait_for_function(
        "() => document.querySelector('#tiles canvas[data-method=hq]').dataset.mean === '0.00'"
    )
    assert opened.means()["original"] > 0


@needs_chromium
def test_another_picture_and_a_pick_of_the_gallery(opened: Opened) -> None:
    page = opened.page
    page.locator("#after").click()
    assert page.locator("#case").input_value() == "2"
    page.locator("#case").select_option("15")  # real fog has no truth
    assert page.locator("#tiles > li").count() == 5
    pick = page.locator("button[data-method=live]").last
    pick.click()
    assert page.locator("#case").input_value() == pick.get_attribute("data-case")
    assert page.locator("#right-tag").inner_text() == "live"


@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(browser: Any, report: Path, scheme: str) -> None:
    one = Opened(browser, report, color_scheme=scheme, bypass_csp=True)
    one.page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    one.page.evaluate(axe_source())
    assert one.page.evaluate(FIND) == []
    one.page.context.close()


@needs_chromium
@pytest.mark.slow
def test_it_is_read_without_scripts_and_on_a_narrow_screen(browser: Any, report: Path) -> None:
    plain = Opened(browser, report, java_script_enabled=False)
    assert plain.page.locator("#side-by-side").is_hidden()
    assert plain.page.locator("#gallery .shot").first.bounding_box()["height"] > 20
    plain.page.context.close()
    narrow = Opened(browser, report, viewport={"width": 390, "height": 800})
    assert narrow.page.evaluate("document.documentElement.scrollWidth") <= 390
    narrow.page.context.close()
