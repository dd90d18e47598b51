"""Logging in and out in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.chromium import FOR_PAGES
from tests.doubles.guarded import PASSWORDS, Guest
from tests.doubles.waiting import GUARD_S

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make venv-dev)")

GUARD_MS = GUARD_S * 1000
pytestmark = pytest.mark.skipif(not FOR_PAGES, reason="no Chromium (apt-get install chromium-headless-shell)")

AT = "([x, y]) => document.elementFromPoint(x, y).id"
COVERED = "!document.getElementById('cover').hidden"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=FOR_PAGES, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    context = browser.new_context(ignore_https_errors=True, viewport={"width": 1100, "height": 700})
    page = context.new_page()
    page.set_default_timeout(GUARD_MS)
    page.wrong = []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    yield page
    context.close()


def wait_for(page: Any, condition: str) -> None:
    for _ in range(GUARD_MS // 50):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"did not come true: {condition}")


def log_in(page: Any, name: str, password: str | None = None) -> None:
    """By the keyboard alone: the name has the focus."""
    type_into(page, "name", name)
    page.keyboard.press("Tab")
    type_into(page, "password", PASSWORDS[name] if password is None else password)
    send(page)


def type_into(page: Any, field: str, text: str) -> None:
    """A browser on a machine that has too much to do may lose a key: then, and then alone, it is typed anew."""
    wait_for(page, f"document.activeElement.id === '{field}'")
    for _ in range(5):
        page.evaluate("id => { typed = 0; document.getElementById(id).oninput = () => { typed += 1; }; }", field)
        page.keyboard.type(text)
        if page.locator(f"#{field}").input_value() == text:
            return
        assert page.evaluate("typed") < len(text), "every key came, and the page has changed the field"
        page.keyboard.press("Control+A")
    raise AssertionError(f"{field}: {page.locator(f'#{field}').input_value()!r} came of {text!r}")


def send(page: Any) -> None:
    """By Enter; once more where the browser has lost it."""
    for last in (False, True):
        try:
            with page.expect_request("**/api/login", timeout=GUARD_MS if last else 15_000):
                page.keyboard.press("Enter")
            return
        except playwright.TimeoutError:
            if last:
                raise


def wait_entered(page: Any, url: str) -> None:
    """Until the page with the picture is there; what the login page shows where it does not come."""
    try:
        page.wait_for_url(url)
    except playwright.TimeoutError as error:
        fields = [page.locator(f"#{field}").input_value() for field in ("name", "password")]
        raise AssertionError(f"{page.url}: {page.get_by_role('alert').all_inner_texts()} {fields}") from error


def test_from_the_login_to_the_live_picture_and_out_again(page: Any, open_studio: Any) -> None:
    studio = open_studio(listen="0.0.0.0:0", certificate="self-made")
    studio.roll()
    page.goto(studio.url)
    assert page.url.endswith("/login")
    log_in(page, "otto")
    wait_entered(page, studio.url)
    wait_for(page, f"!({COVERED})")
    assert page.locator("#save").is_enabled()
    page.locator("#state").click()
    wait_for(page, "document.getElementById('who').innerText === 'otto, operator'")
    page.locator("#leave").click()
    page.wait_for_url("**/login")
    page.goto(studio.url)
    assert page.url.endswith("/login")
    assert page.wrong == []


def test_a_wrong_password_is_said_and_the_next_one_is_asked_for(page: Any, studio: Any) -> None:
    studio.roll()
    page.goto(studio.url)
    log_in(page, "otto", "wrong password")
    page.get_by_role("alert").filter(has_text="Name or password is wrong").wait_for()
    wait_for(page, "document.activeElement.id === 'password'")
    assert page.locator("#password").input_value() == ""
    type_into(page, "password", PASSWORDS["otto"])
    send(page)
    wait_entered(page, studio.url)


def test_fields_have_labels_and_belong_to_a_password_manager(page: Any, studio: Any) -> None:
    page.goto(studio.url)
    assert page.get_by_label("Name").get_attribute("autocomplete") == "username"
    assert page.get_by_label("Password").get_attribute("autocomplete") == "current-password"
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("alert").filter(has_text="both needed").wait_for()


@pytest.mark.slow
def test_a_session_that_ends_is_said_over_the_picture_and_the_way_back_is_one_key(
    page: Any, studio: Any, users: Path
) -> None:
    studio.roll()
    page.goto(studio.url)
    log_in(page, "vera")
    wait_entered(page, studio.url)
    wait_for(page, f"!({COVERED})")
    people = users.read_text()
    users.write_text(people.replace('name = "vera"', 'name = "gone"'))
    wait_for(page, "document.getElementById('cover-title').textContent.startsWith('LOGGED OUT')")
    assert page.evaluate(COVERED)
    wait_for(page, "document.getElementById('state-word').textContent === 'Logged out'")
    wait_for(page, "document.activeElement.id === 'again'")
    users.write_text(people)
    page.keyboard.press("Enter")
    page.wait_for_url("**/login")
    for _ in range(GUARD_S):
        if Guest(studio.url).log_in("vera") == 200:  # the users file was read again
            break
        page.wait_for_timeout(1500)
    log_in(page, "vera")
    wait_entered(page, studio.url)
    wait_for(page, f"!({COVERED})")
    assert page.wrong == []


def test_a_viewer_is_not_offered_what_they_may_not_do(page: Any, studio: Any) -> None:
    studio.roll()
    page.goto(studio.url)
    log_in(page, "vera")
    wait_entered(page, studio.url)
    wait_for(page, f"!({COVERED})")
    wait_for(page, "document.getElementById('who').textContent === 'vera, viewer'")
    for name in ("save", "freeze", "live", "record", "adjust-open"):
        assert page.locator(f"#{name}").is_hidden(), name
    for key in ("s", "p", "a"):
        page.keyboard.press(key)
    assert page.locator("#adjust").is_hidden()
    assert studio.shelf.pairs == []
    assert studio.freezer.frozen is None


@pytest.mark.slow
def test_a_page_that_is_open_to_everybody_says_so(page: Any, open_studio: Any) -> None:
    studio = open_studio(listen="0.0.0.0:0", users="", insecure=True)
    studio.roll()
    page.goto(studio.url)
    page.get_by_text("NOT SECURED: everybody on this network can watch").wait_for()
    wait_for(page, f"!({COVERED})")
    assert page.locator("#leave").is_hidden()
    page.keyboard.press("f")
    wait_for(page, "document.fullscreenElement !== null && document.body.classList.contains('idle')")
    box = page.locator("#access").bounding_box()
    assert box["height"] > 10
    assert page.evaluate(AT, [box["x"] + box["width"] / 2, box["y"] + 5]) == "access", "the bar lies over it"


def test_without_users_the_login_leads_on_to_the_picture(page: Any, open_studio: Any) -> None:
    studio = open_studio(users="")
    studio.roll()
    page.goto(f"{studio.url}login")
    log_in(page, "otto")
    wait_entered(page, studio.url)
    wait_for(page, f"!({COVERED})")
    assert "otto" not in page.inner_text("body"), "nobody is logged in where nobody has to be"
