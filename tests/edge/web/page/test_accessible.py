"""axe-core finds nothing serious: on the page, in every sheet and dialog, under the cover, and at the door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.doubles.axe import axe_source
from tests.doubles.browsing import wait_for, wait_for_text, wait_until
from tests.doubles.fake_records import scheduled
from tests.doubles.fake_unit import FakeUnit

pytestmark = pytest.mark.slow

FIND = """async () => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const { violations } = await axe.run(document, { runOnly: tags });
    return violations.filter((one) => ["serious", "critical"].includes(one.impact))
        .map((one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
}"""

IS_STILL = """document.getAnimations().every((one) => one.playState !== "running"
    || one.effect.getComputedTiming().endTime === Infinity)"""

CUT_RING = """() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const out = parseFloat(style.outlineOffset) + parseFloat(style.outlineWidth) - 1;
    const ring = element.getBoundingClientRect();
    for (let around = element.parentElement; around; around = around.parentElement) {
        if (getComputedStyle(around).overflowX === "visible") continue;
        const room = around.getBoundingClientRect();
        const cut = [room.left - ring.left, room.top - ring.top, ring.right - room.right, ring.bottom - room.bottom];
        if (Math.max(...cut) + out > 0) return `${element.id || element.className} in ${around.className}`;
    }
    return "";
}"""


@pytest.fixture
def page(open_page: Callable[..., Any], unit: FakeUnit) -> Any:
    unit.keep_pair("throat-0", {"id": "s1", "label": "4711"})
    unit.keep_pair("throat-1")
    patient = {"id": "4711", "birth_date": "19700501", "sex": "F", "is_emergency": False}
    unit.state["session"] = {"id": "s1", "label": "Müller, Anna", "since": "", "patient": patient}
    unit.state["can"]["worklist"] = True
    unit.worklist = [scheduled("Müller, Anna", key="k", id="1"), scheduled("(no name)", id="2", reason="no name")]
    return open_page(bypass_csp=True)


def findings(page: Any) -> list[str]:
    page.evaluate(axe_source())
    page.wait_for_timeout(400)
    wait_for(page, IS_STILL)  # what appears has its full colour
    return list(page.evaluate(FIND))


def test_the_live_page_and_its_views(page: Any) -> None:
    assert findings(page) == []
    page.keyboard.press("3")
    assert findings(page) == []


def test_the_ring_around_what_has_the_focus_is_nowhere_cut_off(page: Any) -> None:
    seen, cut = set(), set()
    for _ in range(25):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.id")
        seen.add(name)
        if name not in ("", "divider"):
            cut.add(page.evaluate(CUT_RING))
    assert {"pt-choose", "pt-close", "state", "freeze"} <= seen
    assert cut - {""} == set()


@pytest.mark.parametrize("key", ["a", "u", "t", "?"], ids=["adjust", "unit", "patient", "keys"])
def test_each_sheet_and_dialog(page: Any, key: str) -> None:
    page.keyboard.press(key)
    wait_for(page, "document.querySelector('dialog[open]') !== null")
    assert findings(page) == []


def test_what_was_saved_and_the_question_before_it_is_deleted(page: Any) -> None:
    page.keyboard.press("g")
    wait_for(page, "document.querySelector('.saved[aria-selected=true]') !== null")
    assert findings(page) == []
    page.keyboard.press("Delete")
    wait_for(page, "document.getElementById('erase-sure').open")
    assert findings(page) == []


def test_a_held_picture_with_its_profiles_looked_at_closely(page: Any, unit: FakeUnit) -> None:
    unit.freeze()
    wait_for(page, "!document.getElementById('tray').hidden")
    page.locator("#references [data-profile=miinet]").click()
    wait_until(page, lambda: unit.asked("POST", "/api/reference"))
    unit.reference_record["running"] = {"profile": "miinet", "done": 0.4, "left_s": 9}
    wait_for_text(page, "references", "40%")
    page.keyboard.press("8")
    wait_for(page, "!document.getElementById('zoom').hidden")
    assert findings(page) == []


def test_loud_states(page: Any, unit: FakeUnit) -> None:
    unit.state |= {"state": "degraded", "reason": "slow", "insecure": True, "expires_in_s": 60}
    unit.state["recording"] = {"since": "", "seconds": 4, "views": ["raw"], "bytes": 1}
    wait_for_text(page, "access", "NOT SECURED")
    wait_for_text(page, "ending-words", "a minute")
    assert findings(page) == []
    page.locator("#stay").click()
    assert findings(page) == []


def test_the_cover(page: Any, unit: FakeUnit) -> None:
    unit.is_logged_in = False
    unit.cut_sockets()
    wait_for_text(page, "cover-title", "LOGGED OUT")
    assert findings(page) == []


def test_the_door(page: Any, unit: FakeUnit) -> None:
    page.goto(f"{unit.url}login")
    wait_for(page, "document.getElementById('enter') !== null")
    assert findings(page) == []
