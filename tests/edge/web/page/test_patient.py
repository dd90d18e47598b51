"""Whose pictures these are, on the page: picked from the worklist, told large, and closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.doubles.browsing import wait_for, wait_for_text, wait_until
from tests.doubles.fake_records import scheduled
from tests.doubles.fake_unit import FakeUnit

ANNA = scheduled("Müller, Anna", key="k1", id="4711", birth_date="19700501", sex="F", accession_number="A1")
NAMESAKE = scheduled("Müller, Anna", key="k2", id="4802", birth_date="20040112", sex="F", accession_number="A2")
TAROU = scheduled("Yamada, Tarou / 山田, 太郎", key="k3", id="P3", birth_date="19811224", sex="M")
NOBODY = scheduled("(no name)", id="P4", reason="no name")


@pytest.fixture
def page(open_page: Callable[..., Any], unit: FakeUnit) -> Any:
    unit.state["can"]["worklist"] = True
    unit.worklist = [ANNA, NAMESAKE, TAROU, NOBODY]
    return open_page()


def rows(page: Any) -> list[str]:
    return list(page.locator("#worklist-rows b").all_inner_texts())


@pytest.mark.slow
def test_a_patient_is_searched_picked_shown_and_closed(page: Any, unit: FakeUnit) -> None:
    unit.pacs = {"waiting": 0, "failed": 0}
    wait_for_text(page, "pt-name", "No patient")
    page.keyboard.press("t")
    wait_for_text(page, "worklist-said", "4 scheduled")
    page.keyboard.type("muller 4802")
    wait_for_text(page, "worklist-said", "1 of 4 scheduled")
    assert rows(page) == ["Müller, Anna"]
    page.keyboard.press("Enter")
    wait_until(page, lambda: unit.asked("POST", "/api/session") == [{"worklist": "k2", "instead_of": ""}])
    wait_for_text(page, "pt-name", "Müller, Anna")
    assert page.locator("#pt-about").inner_text() == "born 2004-01-12 · 4802 · F"
    unit.keep_pair("throat-1", {"id": "s1", "label": "Müller, Anna"})
    unit.tell("saved", {"name": "throat-1"})
    wait_for_text(page, "pt-saved", "1 saved, sent to the PACS when closed")
    page.locator("#pt-close").click()
    wait_for_text(page, "toast", "Closed: 1 saved, on the way to the PACS")
    wait_for_text(page, "pt-name", "No patient")
    unit.pacs = {"waiting": 2, "failed": 1}
    wait_for_text(page, "pt-saved", "2 on the way to the PACS, 1 not sent")
    unit.pacs = {
        "waiting": 1,
        "failed": 0,
        "session": {"id": "s1", "waiting": 1, "sent": 0, "committed": 3, "failed": 0},
    }
    wait_for_text(page, "pt-saved", "1 on the way to the PACS, last session: 1 waiting, 3 kept")


@pytest.mark.slow
def test_keys_walk_and_namesakes_and_who_cannot_be_chosen_say_so(page: Any, unit: FakeUnit) -> None:
    page.keyboard.press("t")
    wait_for_text(page, "worklist-said", "4 scheduled")
    assert page.locator("#worklist-rows small").all_inner_texts() == [
        "Another has the same name", "Another has the same name", "Cannot be chosen: no name"
    ]  # fmt: skip
    page.locator("#worklist-rows button").nth(3).click(force=True)
    page.locator("#worklist-find").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    wait_until(page, lambda: unit.asked("POST", "/api/session") == [{"worklist": "k2", "instead_of": ""}])


def test_an_emergency_is_one_touch(page: Any, unit: FakeUnit) -> None:
    page.locator("#pt-emergency").click()
    wait_until(page, lambda: unit.asked("POST", "/api/session") == [{"emergency": True, "instead_of": ""}])
    wait_for_text(page, "pt-name", "EMERGENCY")
    assert page.locator("#pt-emergency").is_hidden()
    wait_for(page, "document.getElementById('pt').classList.contains('emergency')")


@pytest.mark.slow
def test_a_worklist_that_fails_says_why_and_a_label_does_without(page: Any, unit: FakeUnit) -> None:
    unit.worklist_fails = "worklist ris:104: nobody listens there"
    page.keyboard.press("t")
    wait_for_text(page, "worklist-said", "nobody listens there. A label and Emergency do without it.")
    unit.worklist_fails = ""
    page.locator("#worklist-again").click()
    wait_for_text(page, "worklist-said", "4 scheduled")
    page.locator("#patient-label").fill("4711")
    page.keyboard.press("Enter")
    wait_for_text(page, "pt-name", "4711")
    wait_for_text(page, "pt-saved", "0 saved, kept on the unit")


@pytest.mark.slow
def test_what_another_page_chose_is_said_in_the_dialog(page: Any, unit: FakeUnit) -> None:
    page.route("**/api/session", lambda route: route.fulfill(status=409, body="another session was opened\n"))
    page.keyboard.press("t")
    wait_for_text(page, "worklist-said", "4 scheduled")
    page.locator("#worklist-rows button").first.click()
    wait_for_text(page, "toast", "Session not opened: another session was opened")
    assert page.locator("#patient-dialog #toast").is_visible()


def test_a_name_is_never_cut_and_a_lost_answer_takes_it_not_away(open_page: Callable[..., Any], unit: FakeUnit) -> None:
    name = " ".join(["Wolfeschlegelsteinhausenbergerdorff"] * 5)
    patient = {"id": "1", "birth_date": "19700501", "sex": "F", "is_emergency": False}
    unit.state["session"] = {"id": "s1", "label": name, "since": "", "patient": patient}
    page = open_page(600, 900)
    wait_for_text(page, "pt-name", name)
    assert page.evaluate("""() => {
        const [name, room] = [document.getElementById("pt-name"), document.getElementById("pt")];
        const [inner, outer] = [name.getBoundingClientRect(), room.getBoundingClientRect()];
        return inner.bottom <= outer.bottom && inner.right <= outer.right && room.scrollWidth <= room.clientWidth;
    }""")
    page.route("**/api/state", lambda route: route.abort())
    wait_for_text(page, "state-word", "State unknown")
    assert page.locator("#pt-name").inner_text() == name


@pytest.mark.slow
def test_a_viewer_sees_no_patient(open_page: Callable[..., Any], unit: FakeUnit) -> None:
    unit.state |= {"role": "viewer", "session": {"id": "s1", "label": "", "since": "", "patient": None}}
    page = open_page()
    wait_for_text(page, "patient", "A patient session is open")
    assert page.locator("#pt").is_hidden() and page.locator("#patient").is_disabled()
