"""The rating page in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.doubles.chromium import FOR_PAGES
from tests.doubles.waiting import GUARD_S
from tests.trainer.mdos.conftest import draw_methods, wish_of
from tests.trainer.mdos.test_server import Server
from trainer.mdos.create import create_study
from trainer.mdos.ratings import Sheet, read_sheets
from trainer.mdos.study import read_study

GUARD_MS = GUARD_S * 1000
pytestmark = [
    pytest.mark.skipif(not FOR_PAGES, reason="no Chromium (apt-get install chromium-headless-shell)"),
    pytest.mark.filterwarnings("ignore"),
]
SCREEN = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=FOR_PAGES, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("mdos")
    create_study(folder / "study", wish_of(draw_methods(folder / "pictures", 6, (480, 270)), num_raters=10))
    server = Server(read_study(folder / "study"))
    yield server
    server.close()


class Rating:
    """A window in which somebody rates."""

    def __init__(self, browser: Any, server: Server, rater: int, **context: Any) -> None:
        self.server, self.code = server, server.study.raters[rater]
        self.page = browser.new_context(**{"viewport": SCREEN, **context}).new_page()
        self.page.set_default_timeout(GUARD_MS)
        self.page.goto(server.url)

    def begin(self) -> Rating:
        self.page.fill("#code", self.code)
        self.page.click("#begin")
        return self

    def shows(self, place: int, aspect: str) -> None:
        """Wait until this is asked, and its picture is there."""
        self.page.wait_for_function(f"() => document.body.dataset.shown === '{place}/{aspect}'", timeout=GUARD_MS)

    def shown(self) -> tuple[int, str]:
        place, aspect = self.page.evaluate("() => document.body.dataset.shown").split("/")
        return int(place), aspect

    def rate(self, key: str) -> None:
        """Press a key, and wait for what comes next."""
        before = self.page.evaluate("() => document.body.dataset.shown")
        self.page.keyboard.press(key)
        self.page.wait_for_function(
            f"() => document.body.dataset.shown !== '{before}' || !document.querySelector('#cover').hidden",
            timeout=GUARD_MS,
        )

    @property
    def sheet(self) -> Sheet:
        return next(sheet for sheet in read_sheets(self.server.study) if sheet.rater == self.code)

    def close(self) -> None:
        self.page.context.close()


@pytest.mark.slow
def test_a_whole_study_by_keys_alone(browser, server):
    rating = Rating(browser, server, 0)
    rating.page.keyboard.press("Tab")
    rating.page.keyboard.type(rating.code)
    rating.page.keyboard.press("Enter")
    rating.shows(0, "quality")
    num = 0
    while rating.page.is_hidden("#cover"):
        rating.rate("4")
        num += 1
    assert rating.page.inner_text("#cover-title") == "Thank you"
    study = server.study
    total = sum(len(study.items[name].aspects) for name in server_order(server, rating.code))
    assert num == total
    assert {click.score for click in rating.sheet.clicks} == {4}
    assert len(rating.sheet.clicks) == total
    rating.close()


def server_order(server: Server, code: str) -> tuple[str, ...]:
    from trainer.mdos.order import order_of

    return order_of(server.study, code)


def first_compared(rating: Rating) -> None:
    """Rate until a picture is shown beside its original."""
    while rating.shown()[1] != "reproducibility":
        rating.rate("3")


def test_the_original_is_beside_the_picture_at_the_same_size(browser, server):
    rating = Rating(browser, server, 1).begin()
    rating.shows(0, "quality")
    assert rating.page.is_hidden("#original")
    first_compared(rating)
    sizes = [rating.page.locator(name).bounding_box() for name in ("#reference", "#picture")]
    assert [sizes[0][key] for key in ("width", "height", "y")] == [sizes[1][key] for key in ("width", "height", "y")]
    place = rating.shown()[0]
    item = server.study.items[server_order(server, rating.code)[place]]
    assert item.reference in rating.page.get_attribute("#reference", "src")
    rating.close()


def test_a_click_by_touch_and_back_to_mend_it(browser, server):
    rating = Rating(browser, server, 2, has_touch=True).begin()
    rating.shows(0, "quality")
    rating.page.tap("#scores button[data-score='2']")
    rating.page.wait_for_function("() => document.body.dataset.shown !== '0/quality'")
    rating.page.tap("#back")
    rating.shows(0, "quality")
    rating.rate("5")
    assert rating.sheet.scores()[0]["quality"].score == 5
    assert [click.score for click in rating.sheet.clicks] == [2, 5]
    rating.close()


def test_pause_close_and_go_on(browser, server):
    rating = Rating(browser, server, 3).begin()
    rating.shows(0, "quality")
    while rating.shown()[0] < 2:
        rating.rate("3")
    rating.page.keyboard.press("p")
    assert "2 of " in rating.page.inner_text("#cover-words")
    num = len(rating.sheet.clicks)
    rating.page.keyboard.press("4")  # nothing is rated while it is covered
    rating.close()
    again = Rating(browser, server, 3).begin()
    again.page.wait_for_selector("#take:visible, #rating:visible")
    if again.page.is_visible("#take"):
        again.page.click("#take")
    again.shows(2, "quality")
    assert len(again.sheet.clicks) == num
    again.close()


@pytest.mark.slow
def test_two_windows_with_one_code(browser, server):
    first = Rating(browser, server, 4).begin()
    first.shows(0, "quality")
    second = Rating(browser, server, 4).begin()
    second.page.wait_for_selector("#take:visible")
    assert "open in another window" in second.page.inner_text("#trouble")
    second.page.click("#take")
    second.shows(0, "quality")
    first.page.keyboard.press("1")
    first.page.wait_for_selector("#start:visible")
    assert "another window" in first.page.inner_text("#trouble").lower()
    second.rate("5")
    assert [click.score for click in second.sheet.clicks] == [5]
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("rater", "context", "words"),
    [
        (5, {"viewport": {"width": 600, "height": 340}}, "this study needs 640x360"),
        (8, {"viewport": {"width": 320, "height": 180}, "device_scale_factor": 1.5}, "has 480x270 pixels"),
    ],
)
def test_a_monitor_that_is_too_small_is_refused(browser, server, rater, context, words):
    rating = Rating(browser, server, rater, **context).begin()
    rating.page.wait_for_function("() => document.querySelector('#trouble').textContent !== ''")
    assert words in rating.page.inner_text("#trouble")
    assert rating.page.is_hidden("#rating")
    rating.close()


def test_a_zoomed_page_is_refused_while_it_is_zoomed(browser, server):
    rating = Rating(browser, server, 6)
    rating.page.evaluate(
        "() => Object.defineProperty(window, 'outerWidth', { value: innerWidth * 1.5, configurable: true })"
    )
    rating.begin()
    rating.page.wait_for_function("() => document.querySelector('#trouble').textContent.includes('zoomed to 150%')")
    rating.page.evaluate("() => Object.defineProperty(window, 'outerWidth', { value: innerWidth, configurable: true })")
    rating.page.click("#begin")
    rating.shows(0, "quality")
    rating.close()


def test_a_server_that_is_away_for_a_while_loses_no_click(browser, server):
    rating = Rating(browser, server, 7).begin()
    rating.shows(0, "quality")
    server.kill()
    rating.page.keyboard.press("2")
    rating.page.wait_for_selector("#cover:visible")
    assert rating.page.inner_text("#cover-title") == "Not kept yet"
    server.start()
    rating.page.wait_for_function("() => document.body.dataset.shown !== '0/quality'")
    assert [click.score for click in rating.sheet.clicks] == [2]
    rating.close()


def test_nothing_is_asked_of_anybody_else(browser, server):
    rating = Rating(browser, server, 9)
    asked: list[str] = []
    rating.page.on("request", lambda request: asked.append(request.url))
    rating.page.reload()
    rating.begin()
    rating.shows(0, "quality")
    assert asked
    assert not [url for url in asked if not url.startswith((server.url, "data:"))]
    rating.close()
