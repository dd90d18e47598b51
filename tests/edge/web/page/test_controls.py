"""Every control: what it asks of the unit, and what it then shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.doubles.browsing import wait_for, wait_for_colour, wait_for_text, wait_until
from tests.doubles.fake_records import ADVICE
from tests.doubles.fake_unit import FakeUnit

IS_FROZEN = "document.getElementById('picture').dataset.state === 'frozen'"
IS_LIVE = "document.getElementById('picture').dataset.state === 'live'"


def wait_asked(page: Any, unit: FakeUnit, method: str, path: str, what: object) -> None:
    wait_until(page, lambda: unit.asked(method, path)[-1:] == [what])


def turn(page: Any, name: str, value: str) -> None:
    page.locator(f"#{name}").fill(value)


def test_freeze_and_live_are_one_place_and_two_keys(page: Any, unit: FakeUnit) -> None:
    page.locator("#freeze").click()
    wait_for(page, IS_FROZEN)
    wait_for_text(page, "state-word", "Frozen")
    page.locator("#freeze").wait_for(state="hidden")
    wait_for_colour(page, "enhanced")
    page.keyboard.down(" ")
    wait_for_colour(page, "raw")
    page.keyboard.up(" ")
    page.locator("#live").click()
    wait_for(page, IS_LIVE)
    page.keyboard.press("p")
    wait_for(page, IS_FROZEN)
    page.keyboard.press("p")
    wait_for(page, IS_LIVE)
    assert unit.asked("POST", "/api/save") == [], "a freeze saves nothing"


@pytest.mark.slow
def test_installed_live_profiles_are_offered_and_no_others(page: Any, unit: FakeUnit) -> None:
    page.keyboard.press("a")
    offered = page.locator("#profiles input")
    wait_until(page, lambda: offered.evaluate_all("all => all.map((one) => one.value)") == ["live", "live-isr"])
    wait_for(page, "document.querySelector('#profiles input[value=live]').checked")
    page.get_by_text("draws detail that the camera did not see", exact=True).first.click()
    wait_asked(page, unit, "POST", "/api/profile", {"name": "live-isr"})
    wait_for_text(page, "quiet", "live-isr")


@pytest.mark.slow
def test_a_profile_that_is_refused_is_said_and_the_one_that_runs_stays_chosen(page: Any, unit: FakeUnit) -> None:
    page.route("**/api/profile?*", lambda route: route.fulfill(status=409, body="live-isr: too little memory\n"))
    page.keyboard.press("a")
    page.locator("#profiles input[value=live-isr] + span").click()
    wait_for_text(page, "toast", "Profile not changed: live-isr: too little memory")
    wait_for(page, "document.querySelector('#profiles input[value=live]').checked")


@pytest.mark.slow
def test_strength_light_and_camera_are_sliders(page: Any, unit: FakeUnit) -> None:
    page.keyboard.press("a")
    wait_for_text(page, "light-value", "70%")
    turn(page, "strength", "40")
    wait_asked(page, unit, "POST", "/api/strength", {"value": "0.4"})
    turn(page, "light", "25")
    wait_asked(page, unit, "POST", "/api/light", {"percent": 25})
    wait_for(page, "document.getElementById('camera-exposure') !== null")
    assert page.locator("#camera-exposure").input_value() == "120"
    turn(page, "camera-exposure", "200")
    wait_asked(page, unit, "POST", "/api/camera-controls", {"exposure": 200})
    turn(page, "camera-gain", "2.5")
    wait_asked(page, unit, "POST", "/api/camera-controls", {"gain": 2.5})
    wait_for(page, "document.getElementById('light').max === '95'")  # as bright as the head may be
    unit.state["light_percent"] = 90
    wait_for_text(page, "light-value", "90%")
    assert page.locator("#light").input_value() == "90"


@pytest.mark.slow
def test_a_camera_control_without_effect_cannot_be_turned(page: Any, unit: FakeUnit) -> None:
    unit.controls["exposure"]["active"] = False
    page.keyboard.press("a")
    wait_for(page, "document.getElementById('camera-exposure')?.disabled === true")
    assert page.locator("#camera-gain").is_enabled()


@pytest.mark.slow
def test_what_the_unit_has_not_is_not_shown(page: Any, unit: FakeUnit) -> None:
    unit.state["can"] |= {"light": False, "camera_controls": False, "profile": False, "recording": False}
    page.keyboard.press("a")
    for name in ("light", "camera", "profiles", "record-views", "record", "keep"):
        wait_for(page, f"document.getElementById('{name}').closest('[hidden]') !== null")
    assert page.locator("#strength").is_visible()


@pytest.mark.slow
def test_a_recording_runs_until_it_is_stopped(page: Any, unit: FakeUnit) -> None:
    page.keyboard.press("r")
    wait_asked(page, unit, "POST", "/api/recording/start", {"views": ["raw", "enhanced"], "before": False})
    wait_for(page, "!document.getElementById('recording').hidden")
    unit.state["recording"]["seconds"] = 73
    wait_for_text(page, "recorded", "1:13")
    assert page.locator("#record").get_attribute("aria-pressed") == "true"
    page.locator("#record").click()
    wait_until(page, lambda: unit.asked("POST", "/api/recording/stop"))
    wait_for(page, "document.getElementById('recording').hidden")


@pytest.mark.slow
def test_what_is_recorded_is_chosen_and_remembered(page: Any, unit: FakeUnit) -> None:
    page.keyboard.press("a")
    page.locator("#record-views").get_by_text("Enhanced").click()
    page.locator("#record-before").check()
    page.keyboard.press("r")
    wait_asked(page, unit, "POST", "/api/recording/start", {"views": ["enhanced"], "before": True})
    page.reload()
    wait_for(page, "document.getElementById('record-before').checked")
    assert page.locator("#record-views input[value=enhanced]").is_checked()


def test_a_late_word_of_what_was_asked_before_moves_no_slider_back(page: Any, unit: FakeUnit) -> None:
    page.keyboard.press("a")
    slider = page.locator("#strength")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    wait_asked(page, unit, "POST", "/api/strength", {"value": "0.95"})
    page.keyboard.press("ArrowLeft")
    wait_asked(page, unit, "POST", "/api/strength", {"value": "0.9"})
    unit.tell("state", {"frozen": False, "view": "raw", "strength": 0.95})
    wait_for_colour(page, "raw")
    page.keyboard.press("ArrowLeft")
    assert slider.input_value() == "85"
    wait_asked(page, unit, "POST", "/api/strength", {"value": "0.85"})
    unit.tell("state", {"frozen": False, "view": "raw", "strength": 0.85})
    unit.tell("state", {"frozen": False, "view": "raw", "strength": 0.25})
    wait_for_text(page, "strength-value", "25%")


@pytest.mark.slow
def test_a_key_acts_as_soon_as_the_page_says_live(open_page: Callable[..., Any], unit: FakeUnit) -> None:
    unit.openapi_s = 3
    page = open_page()
    page.keyboard.press("b")
    wait_for_text(page, "toast", "What you just saw is saved")


@pytest.mark.slow
def test_what_can_be_done_is_asked_until_it_is_told(open_page: Callable[..., Any], unit: FakeUnit) -> None:
    unit.openapi_fails = 2
    page = open_page()
    page.locator("#freeze").click()
    wait_for(page, IS_FROZEN)
    assert unit.openapi_fails == 0


@pytest.mark.slow
def test_what_was_just_seen_is_kept(page: Any, unit: FakeUnit) -> None:
    page.keyboard.press("b")
    wait_until(page, lambda: unit.asked("POST", "/api/recording/keep"))
    wait_for_text(page, "toast", "What you just saw is saved")
    page.locator("#keep").click()
    wait_until(page, lambda: len(unit.asked("POST", "/api/recording/keep")) == 2)


@pytest.mark.slow
def test_the_pair_is_saved_on_the_unit_and_copied(page: Any, unit: FakeUnit) -> None:
    files: list[str] = []
    page.on("download", lambda file: files.append(file.suggested_filename))
    page.keyboard.press("s")
    wait_for_text(page, "toast", "Copied to this device")
    wait_until(page, lambda: len(files) == 2)
    assert {name.rpartition("-")[2] for name in files} == {"raw.png", "enhanced.png"}
    unit.tell("not-saved", {"reason": "the disk is full"})
    wait_for_text(page, "toast", "Not saved: the disk is full")


def test_a_patient_session_is_opened_shown_and_ended(page: Any, unit: FakeUnit) -> None:
    page.keyboard.press("t")
    page.keyboard.type("4711 left")
    page.keyboard.press("Enter")
    wait_asked(page, unit, "POST", "/api/session", {"label": "4711 left", "instead_of": ""})
    wait_for_text(page, "pt-name", "4711 left")
    page.locator("#pt-choose").click()
    page.locator("#patient-close").click()
    wait_asked(page, unit, "DELETE", "/api/session", {"only": "s1"})
    wait_for_text(page, "patient", "No patient")
    assert page.locator("#pt").is_hidden(), "without a worklist nothing takes room from the picture"


def test_the_key_for_what_was_just_seen_says_why_it_keeps_nothing(page: Any, unit: FakeUnit) -> None:
    unit.state["can"]["before_roll"] = False
    wait_for(page, "document.getElementById('keep').hidden")
    page.keyboard.press("b")
    wait_for_text(page, "toast", "[recording] before_s = 0")
    assert unit.asked("POST", "/api/recording/keep") == []


# ---- the held picture by other profiles


@pytest.mark.slow
def test_a_held_picture_is_made_by_a_reference_profile(page: Any, unit: FakeUnit) -> None:
    assert page.locator("#tray").is_hidden()
    unit.freeze()
    chip = page.locator("#references [data-profile=miinet]")
    chip.click()
    wait_asked(page, unit, "POST", "/api/reference", {"profile": "miinet"})
    unit.reference_record["running"] = {"profile": "miinet", "done": 0.4, "left_s": 9}
    wait_for_text(page, "references", "40%, 9 s")
    seq = unit.state["frozen"]["seq"]
    unit.reference_record |= {"running": None, "done": [{"profile": "miinet", "seq": seq, "synthesised": True}]}
    wait_asked(page, unit, "POST", "/api/reference/show", {"profile": "miinet"})
    wait_for_colour(page, "reference")
    wait_for_text(page, "mark", "miinet · synthesised detail")
    assert chip.get_attribute("aria-pressed") == "true"
    page.keyboard.press("4")
    wait_for_colour(page, "raw", x=0.25)
    page.locator("#beside").select_option("miinet")
    wait_for_colour(page, "reference", x=0.25)
    wait_for_text(page, "mark", "left: miinet")
    page.locator("#references [data-profile='']").click()
    wait_for_colour(page, "enhanced", x=0.75)


@pytest.mark.slow
def test_a_reference_is_given_up_and_a_failed_one_is_said(page: Any, unit: FakeUnit) -> None:
    unit.freeze()
    chip = page.locator("#references [data-profile=cyclegan]")
    chip.click()
    wait_for_text(page, "references", "0%, 12 s")
    chip.click()
    wait_until(page, lambda: unit.asked("DELETE", "/api/reference"))
    wait_for(page, "!document.getElementById('references').textContent.includes('0%')")
    chip.click()
    wait_until(page, lambda: len(unit.asked("POST", "/api/reference")) == 2)
    unit.reference_record |= {"running": None, "failed": [{"profile": "cyclegan", "reason": "out of memory"}]}
    wait_for_text(page, "toast", "cyclegan: out of memory")
    unit.freeze(False)
    wait_for(page, "document.getElementById('tray').hidden")


# ---- who may what


def test_a_viewer_is_offered_nothing_that_changes_anything(page: Any, unit: FakeUnit) -> None:
    unit.has_users = True
    unit.state["role"] = "viewer"
    page.reload()
    wait_for_text(page, "who", "otto, viewer")
    for name in ("gallery-open", "freeze", "live", "save", "record", "keep", "adjust-open", "patient"):
        assert page.locator(f"#{name}").is_hidden(), name
    for key in "psrbatg":
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert unit.calls == []
    page.keyboard.press("3")
    wait_for_colour(page, "raw", x=0.2)


@pytest.mark.slow
def test_a_login_that_ends_soon_is_told_and_one_can_stay(page: Any, unit: FakeUnit) -> None:
    unit.has_users = True
    page.reload()
    wait_for_text(page, "who", "otto")
    assert page.locator("#ending").is_hidden()
    unit.state["expires_in_s"] = 100
    wait_for_text(page, "ending-words", "Login ends in 2 minutes")
    page.locator("#stay").click()
    page.keyboard.type("a long password")
    page.keyboard.press("Enter")
    wait_asked(page, unit, "POST", "/api/login", {"name": "otto", "password": "a long password"})
    wait_for(page, "document.getElementById('ending').hidden")
    wait_for(page, IS_LIVE)


@pytest.mark.slow
def test_a_login_that_has_ended_is_said_over_the_picture(page: Any, unit: FakeUnit) -> None:
    page.keyboard.press("g")
    wait_for(page, "document.getElementById('gallery').open")
    unit.is_logged_in = False
    unit.cut_sockets()
    wait_for_text(page, "cover-title", "LOGGED OUT \u2013 picture is not live")
    wait_for(page, "document.activeElement.id === 'again'")
    wait_for(page, "!document.getElementById('gallery').open")  # nothing lies over it
    unit.is_logged_in = True
    wait_for(page, "document.getElementById('cover').hidden")


@pytest.mark.slow
def test_a_unit_that_is_open_to_everybody_says_so_always(page: Any, unit: FakeUnit) -> None:
    assert page.locator("#access").text_content() == ""
    unit.state["insecure"] = True
    wait_for_text(page, "access", "NOT SECURED")
    assert page.locator("#access").is_visible()


# ---- what is to be known of a profile


@pytest.mark.slow
def test_the_cards_say_what_each_profile_is_for_and_draws(page: Any, unit: FakeUnit) -> None:
    unit.state["profile"] = "live-isr"
    wait_for_text(page, "quiet", "live-isr")
    page.keyboard.press("a")
    page.locator("#about-profiles").click()
    wait_for(page, "document.getElementById('about').open")
    cards = page.locator("#cards section")
    assert [card.get_attribute("data-profile") for card in cards.all()] == ["live", "live-isr", "miinet"]
    assert "runs now" in cards.nth(1).inner_text() and "runs now" not in cards.nth(0).inner_text()
    assert "draws detail that the camera did not see" in cards.nth(1).inner_text()
    assert "draws detail" not in cards.nth(0).inner_text()
    told = cards.nth(2).inner_text()
    for words in (ADVICE, "what miinet is for", "real fog, dew", "CC BY 4.0", "21.65 (20.90 to 22.31) dB", "0.083"):
        assert words in told


@pytest.mark.slow
def test_a_profile_for_comparison_alone_says_so_where_its_picture_is_shown(page: Any, unit: FakeUnit) -> None:
    unit.freeze()
    wait_for(page, "!document.getElementById('tray').hidden")
    assert page.locator("#tray-advice").is_hidden()
    assert ADVICE in (page.locator("#references [data-profile=miinet]").get_attribute("title") or "")
    unit.reference_record |= {"done": [{"profile": "miinet", "seq": 1, "synthesised": True}], "shown": "miinet"}
    wait_for_text(page, "tray-advice", ADVICE)
    page.locator("#about-held").click()
    wait_for(page, "document.getElementById('about').open")


@pytest.mark.slow
def test_a_unit_that_tells_no_cards_offers_none(open_page: Any, unit: FakeUnit) -> None:
    unit.routes = {path: methods for path, methods in unit.routes.items() if not path.endswith("/card")}
    page = open_page()
    page.keyboard.press("u")
    assert page.locator("#about-running").is_hidden()
