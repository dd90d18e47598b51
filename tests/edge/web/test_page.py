"""The page in a real browser: what it shows, its keys, its slider, and its cover when the unit is silent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from edge.health.news import NotSaved, Saved
from tests.doubles.browsing import GUARD_MS, wait_for, wait_until
from tests.doubles.chromium import FOR_PAGES
from tests.doubles.studio import web_sink

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make venv-dev)")

pytestmark = pytest.mark.skipif(not FOR_PAGES, reason="no Chromium (apt-get install chromium-headless-shell)")

COLOUR_AT = """([x, y]) => {
    const canvas = document.getElementById("picture");
    const spot = canvas.getContext("2d").getImageData(x * canvas.width, y * canvas.height, 1, 1).data;
    return spot[0] > spot[1] + 50 ? "enhanced" : spot[1] > spot[0] + 50 ? "raw" : "other";
}"""
SLOW_NETWORK = """
    window.WebSocket = undefined;
    const direct = window.fetch;
    window.lagMs = 0;
    window.fetch = async (url, options) => {
        const answer = await direct(url, options);
        if (!url.includes("stream")) return answer;
        const reader = answer.body.getReader();
        return new Response(new ReadableStream({ async start(pipe) {
            while (true) {
                const { value } = await reader.read();
                setTimeout(() => pipe.enqueue(value), window.lagMs);
            }
        } }));
    };"""
COVERED = "!document.getElementById('cover').hidden"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=FOR_PAGES, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, studio: Any) -> Iterator[Any]:
    """The page with a running picture."""
    studio.roll()
    page = browser.new_page(viewport={"width": 1000, "height": 640})
    page.set_default_timeout(GUARD_MS)
    page.goto(studio.url)
    wait_for(page, f"!({COVERED})")
    wait_for(page, "!document.getElementById('save').hidden")
    yield page
    page.close()


def wait_for_colour(page: Any, colour: str, x: float = 0.5, y: float = 0.7) -> None:
    wait_for(page, f"([x, y, colour]) => ({COLOUR_AT})([x, y]) === colour", [x, y, colour])


def save(page: Any, ask: Callable[[], object], told: str) -> None:
    """Save until the page tells these words; on a busy machine the picture is not live each time."""
    said = "Not saved"
    while said.startswith("Not saved"):
        page.evaluate("document.getElementById('toast').textContent = ''")
        ask()
        wait_for(page, "document.getElementById('toast').textContent && !document.getElementById('save').disabled")
        said = page.evaluate("document.getElementById('toast').textContent")
    assert told in said


def data(page: Any, name: str) -> str:
    return str(page.locator("#picture").get_attribute(f"data-{name}"))


def drag(page: Any, share_from: float, share_to: float) -> None:
    box = page.locator("#frame").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + share_from * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + share_to * box["width"], middle, steps=4)
    page.mouse.up()


def test_the_page_shows_the_running_picture_without_errors(browser: Any, studio: Any) -> None:
    complaints: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(studio.url)
    wait_for(page, "document.getElementById('state-word').textContent === 'Starting'")
    studio.roll()
    wait_for_colour(page, "enhanced")
    seq = int(data(page, "seq"))
    wait_for(page, "seq => Number(document.getElementById('picture').dataset.seq) > seq + 5", seq)
    wait_for(page, "document.getElementById('state-word').textContent === 'Live'")
    wait_for(page, "document.getElementById('profile').textContent === 'live'")
    assert [text for text in complaints if "willReadFrequently" not in text] == []  # the test's own reading
    page.close()


def test_keys_and_buttons_choose_the_view(page: Any) -> None:
    page.keyboard.press("2")
    wait_for_colour(page, "raw")
    assert page.locator("#views input[value=raw]").is_checked()
    page.locator("#views").get_by_text("Enhanced", exact=True).click()
    wait_for_colour(page, "enhanced")
    page.keyboard.press("3")
    wait_for_colour(page, "raw", x=0.2)
    wait_for_colour(page, "enhanced", x=0.8)
    assert page.locator("#divider").is_visible()
    page.keyboard.press("1")
    wait_for_colour(page, "enhanced", x=0.2)
    assert not page.locator("#divider").is_visible()


def test_the_divider_follows_the_hand_and_the_keys(page: Any) -> None:
    page.keyboard.press("3")
    wait_for_colour(page, "raw", x=0.4)
    drag(page, 0.5, 0.2)
    wait_for_colour(page, "enhanced", x=0.4)
    wait_for_colour(page, "raw", x=0.15)
    divider = page.locator("#divider")
    assert divider.get_attribute("aria-valuenow") == "20"
    divider.focus()
    page.keyboard.press("End")
    wait_for_colour(page, "raw", x=0.95)
    page.keyboard.press("Home")
    wait_for_colour(page, "enhanced", x=0.05)
    page.keyboard.press("ArrowRight")
    assert divider.get_attribute("aria-valuenow") == "2"


@pytest.mark.parametrize("view_key", ["1", "3"], ids=["in enhanced", "in split"])
def test_holding_space_shows_raw_until_it_is_let_go(page: Any, view_key: str) -> None:
    page.keyboard.press(view_key)
    wait_for_colour(page, "enhanced", x=0.8)
    page.keyboard.down(" ")
    wait_for_colour(page, "raw", x=0.8)
    page.keyboard.up(" ")
    wait_for_colour(page, "enhanced", x=0.8)


def test_pressing_on_the_picture_shows_raw(page: Any) -> None:
    page.mouse.move(500, 300)
    page.mouse.down()
    wait_for_colour(page, "raw")
    page.mouse.up()
    wait_for_colour(page, "enhanced")


def test_raw_and_enhanced_of_one_frame_are_saved(page: Any, studio: Any) -> None:
    files: list[Any] = []
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("download", lambda file: files.append(file))
    save(page, page.get_by_role("button", name="Save pair").click, "Copied to this device")
    wait_until(page, lambda: len(files) == 2)
    names = sorted(file.suggested_filename for file in files)
    assert [name.rpartition("-")[2] for name in names] == ["enhanced.png", "raw.png"]
    assert len({name.rpartition("-")[0] for name in names}) == 1, "one stem"
    seqs = {name.split("-")[-2] for name in names}
    assert len(seqs) == 1, names
    seq = int(seqs.pop())
    assert any(url.endswith(f"snapshot.png?view=raw&seq={seq}") for url in asked)
    assert [pair.raw.seq for pair in studio.shelf.pairs] == [seq], "the unit's saver has the same pair"


def test_what_could_not_be_enhanced_is_saved_as_one_raw_file_and_said_so(page: Any, studio: Any) -> None:
    studio.roll(only_raw=True)
    wait_for(page, "document.getElementById('picture').dataset.mode === 'raw'")
    files: list[Any] = []
    page.on("download", lambda file: files.append(file))
    save(page, page.get_by_role("button", name="Save pair").click, "raw alone: nothing was enhanced")
    wait_until(page, lambda: files)
    page.wait_for_timeout(500)
    assert [file.suggested_filename.rpartition("-")[2] for file in files] == ["raw.png"]


def test_the_strength_is_a_slider_that_every_page_follows(page: Any, studio: Any) -> None:
    page.keyboard.press("a")
    page.locator("#strength").fill("40")
    wait_until(page, lambda: studio.freezer.strength() == 0.4)
    page.locator("#strength").blur()
    studio.freezer.set_strength(0.75)
    wait_for(page, "document.getElementById('strength-value').textContent === '75%'")
    assert page.locator("#strength").input_value() == "75"


def test_the_slider_goes_on_by_keys_and_the_unit_ends_at_what_it_shows(page: Any, studio: Any) -> None:
    page.keyboard.press("a")
    page.locator("#strength").focus()
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.id") == "strength"
    assert page.locator("#strength").input_value() == "60"
    wait_for(page, "document.getElementById('strength-value').textContent === '60%'")
    wait_until(page, lambda: studio.freezer.strength() == 0.6)
    studio.freezer.set_strength(0.25)
    wait_for(page, "document.getElementById('strength-value').textContent === '25%'")


@pytest.mark.slow
def test_strengths_are_asked_for_one_at_a_time_and_the_last_one_counts(page: Any, studio: Any) -> None:
    page.evaluate("""() => {
        const direct = window.fetch;
        let lag = 400;
        window.fetch = async (url, options) => {
            const mine = lag;
            if (!url.includes("strength")) return direct(url, options);
            lag = 0;
            await new Promise((go) => setTimeout(go, mine));
            return direct(url, options);
        };
    }""")
    page.keyboard.press("a")
    for value in ("80", "55", "30"):
        page.locator("#strength").fill(value)
    wait_until(page, lambda: studio.freezer.strength() == 0.3)
    page.wait_for_timeout(900)
    assert studio.freezer.strength() == 0.3
    assert page.locator("#strength").input_value() == "30"


def test_a_pair_is_saved_once_however_often_the_key_is_hit(page: Any, studio: Any) -> None:
    key = "new KeyboardEvent('keydown', { key: 's', bubbles: true })"
    thrice = f"for (let i = 0; i < 3; i++) document.dispatchEvent({key})"  # before the first one can be done
    save(page, lambda: page.evaluate(thrice), "Copied to this device")
    assert len(studio.shelf.pairs) == 1


@pytest.mark.slow
def test_the_status_line_says_what_is_wrong(page: Any, studio: Any) -> None:
    studio.health.enter("engine", "degraded", "live, bicubic: the output is black")
    wait_for(page, "document.getElementById('state-word').textContent === 'Not as usual'")
    studio.roll(only_raw=True)
    studio.health.enter("engine", "failed", "the output is black")
    wait_for(page, "document.getElementById('state-word').textContent === 'Raw only'")
    wait_for(page, "document.getElementById('reason').textContent === 'the output is black'")
    studio.cut()
    studio.health.enter("source", "failed", "camera unplugged")
    wait_for(page, "document.getElementById('state-word').textContent === 'No signal'")
    wait_for(page, "document.getElementById('picture').dataset.state === 'no-signal'")
    wait_for(page, f"!({COVERED})")  # the unit's own banner says it


def test_the_page_says_stale_and_why_as_the_unit_does(page: Any, studio: Any) -> None:
    studio.health.set_source("camera:/dev/video0", 30.0)
    studio.lag_ms = 900
    wait_for(page, "document.getElementById('state-word').textContent === 'Stale'")
    wait_for(page, "document.getElementById('picture').dataset.state === 'stale'")
    why = "the camera gives old pictures: check it and its network"
    wait_for(page, "why => document.getElementById('reason').textContent === why", why)


@pytest.mark.slow
def test_a_camera_that_is_not_16_9_is_told_on_the_page(page: Any, studio: Any) -> None:
    assert page.locator("#fit").text_content() == ""
    told = "source is 1280x960: cropped to 16:9, 25% of its height is cut away; resized to 1920x1080"
    studio.health.track("camera", lambda: {"picture": {"told": told}})
    wait_for(page, f"document.getElementById('fit').textContent === '{told}'")
    page.keyboard.press("u")
    assert page.locator("#fit").is_visible()


@pytest.mark.slow
def test_a_unit_that_is_gone_is_covered_until_it_is_back(page: Any, studio: Any) -> None:
    studio.close()
    wait_for(page, COVERED)
    wait_for(page, "document.getElementById('cover-title').textContent === 'NO CONNECTION \u2013 picture is not live'")
    wait_for(page, "document.getElementById('state-word').textContent === 'No connection'")
    studio.sink = web_sink(urlsplit(studio.url).netloc, studio.health)
    studio.sink.start()
    studio.roll()
    wait_for(page, f"!({COVERED})")
    wait_for(page, "document.getElementById('state-word').textContent === 'Live'")


def test_a_unit_that_hangs_is_covered_though_its_connection_stays(page: Any, studio: Any) -> None:
    go_on = threading.Event()
    studio.sink._loop.call_soon_threadsafe(go_on.wait, GUARD_MS / 1000)
    try:
        wait_for(page, COVERED)
        wait_for(page, "document.getElementById('cover-title').textContent.startsWith('NO CONNECTION')")
    finally:
        go_on.set()
    wait_for(page, f"!({COVERED})")


def test_a_picture_that_dawdles_on_the_way_is_covered(browser: Any, studio: Any) -> None:
    page = browser.new_page()
    page.add_init_script(SLOW_NETWORK)
    page.goto(studio.url)
    studio.roll()
    wait_for(page, f"!({COVERED}) && document.getElementById('picture').dataset.state === 'live'")
    page.evaluate("window.lagMs = 1600")
    wait_for(page, "document.getElementById('cover-title').textContent.startsWith('STALE')")
    wait_for(page, "document.getElementById('cover-detail').textContent.includes('is too slow')")
    assert page.evaluate(COVERED)
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("size_px", [(1440, 900), (820, 1180), (390, 844), (844, 390)], ids=str)
def test_it_fits_every_window(page: Any, size_px: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size_px[0], "height": size_px[1]})
    box = page.locator("#frame").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(16 / 9, abs=0.02)
    for name in ("#frame", "#views", "#save", "#full", "#state"):
        box = page.locator(name).bounding_box()
        assert box["width"] > 0, name
        assert box["x"] >= 0 and box["x"] + box["width"] <= size_px[0] + 0.5, name
        assert box["y"] >= 0 and box["y"] + box["height"] <= size_px[1] + 0.5, name


# ---- the button on the camera head


def test_a_press_freezes_the_page_and_its_button_goes_back_to_live(page: Any, studio: Any) -> None:
    assert page.locator("#live").is_hidden()
    studio.freeze()
    wait_for(page, "document.getElementById('picture').dataset.state === 'frozen'")
    frozen_seq = data(page, "seq")
    page.wait_for_timeout(1200)
    assert data(page, "seq") == frozen_seq
    wait_for(page, f"!({COVERED})")  # it is looked at
    wait_for(page, "document.getElementById('state-word').textContent === 'Frozen'")
    page.locator("#live").click()
    wait_for(page, "document.getElementById('picture').dataset.state === 'live'")
    assert int(data(page, "seq")) > int(frozen_seq)
    page.locator("#live").wait_for(state="hidden")


def test_a_long_press_turns_the_page_from_enhanced_to_raw_and_back(page: Any, studio: Any) -> None:
    wait_for_colour(page, "enhanced")
    for colour in ("raw", "enhanced"):
        studio.long_press()
        wait_for_colour(page, colour)
        assert page.locator(f"#views input[value={colour}]").is_checked()


def test_the_page_says_what_the_unit_saved(page: Any, studio: Any) -> None:
    studio.board.post(Saved("throat-1-enhanced.png"))
    wait_for(page, "document.getElementById('toast').textContent.includes('throat-1-enhanced.png')")
    studio.board.post(NotSaved("/media: No space left on device"))
    wait_for(page, "document.getElementById('toast').textContent.includes('No space left')")
