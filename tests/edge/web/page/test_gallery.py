"""What was saved: looked at pair by pair, played, fetched, deleted after a question, by patient session."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.browsing import wait_for, wait_for_colour, wait_for_text, wait_live, wait_until
from tests.doubles.fake_unit import FakeUnit

SAVED = "saved-picture"
CHOSEN = "document.querySelector('.saved[aria-selected=true]')?.dataset.name"


@pytest.fixture
def gallery(page: Any, unit: FakeUnit) -> Any:
    """Open, with two pairs of a patient and one of nobody; the newest is shown."""
    for number in range(2):
        unit.keep_pair(f"throat-{number}", {"id": "s1", "label": "4711"})
    unit.keep_pair("throat-9")
    page.keyboard.press("g")
    wait_for(page, f"{CHOSEN} === 'throat-9'")
    wait_for_colour(page, "enhanced", canvas=SAVED)
    return page


@pytest.mark.slow
def test_a_pair_is_looked_at_as_the_live_picture_is(gallery: Any) -> None:
    gallery.keyboard.down(" ")
    wait_for(gallery, "document.activeElement.id === 'film'")
    gallery.keyboard.up(" ")
    for key, left, right in (
        ("2", "raw", "raw"),
        ("3", "raw", "enhanced"),
        ("4", "raw", "enhanced"),
        ("1", "enhanced", "enhanced"),
    ):
        gallery.keyboard.press(key)
        wait_for_colour(gallery, left, x=0.2, canvas=SAVED)
        wait_for_colour(gallery, right, x=0.8, canvas=SAVED)
    box = gallery.locator("#saved-stage .frame").bounding_box()
    gallery.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    gallery.mouse.down()
    wait_for_colour(gallery, "raw", canvas=SAVED)
    gallery.mouse.up()
    wait_for_colour(gallery, "enhanced", canvas=SAVED)
    gallery.keyboard.press("8")
    wait_for(gallery, "document.getElementById('saved-stage').classList.contains('zoomed')")
    gallery.keyboard.press("0")
    wait_for(gallery, "!document.getElementById('saved-stage').classList.contains('zoomed')")


def test_one_walks_by_arrows_and_sees_which_patient_it_is(gallery: Any) -> None:
    gallery.keyboard.press("ArrowDown")
    wait_for(gallery, f"{CHOSEN} === 'throat-1'")
    wait_for_text(gallery, "caption", "4711")
    gallery.keyboard.press("End")
    wait_for(gallery, f"{CHOSEN} === 'throat-0'")
    gallery.locator("#gallery-of").select_option("s1")
    wait_for(gallery, "document.querySelectorAll('.saved').length === 2")


def test_both_halves_can_be_fetched(gallery: Any) -> None:
    for half in ("raw", "enhanced"):
        with gallery.expect_download() as fetched:
            gallery.locator(f"#get-{half}").click()
        assert fetched.value.suggested_filename == f"throat-9-{half}.png"


def test_nothing_is_deleted_without_a_question(gallery: Any, unit: FakeUnit) -> None:
    gallery.keyboard.press("Delete")
    wait_for(gallery, "document.getElementById('erase-sure').open")
    assert gallery.evaluate("document.activeElement.id") == "erase-not", "the harmless one has the focus"
    gallery.keyboard.press("Enter")
    wait_for(gallery, "!document.getElementById('erase-sure').open")
    assert unit.calls == []
    gallery.locator("#erase").click()
    gallery.locator("#erase-yes").click()
    wait_until(gallery, lambda: unit.asked("DELETE", "/api/saved/throat-9") == [{"confirm": "throat-9"}])
    wait_for(gallery, f"{CHOSEN} === 'throat-1'")
    wait_for(gallery, "document.querySelectorAll('.saved').length === 2")


@pytest.mark.slow
def test_a_viewer_is_not_shown_what_was_saved(page: Any, unit: FakeUnit) -> None:
    unit.state["role"] = "viewer"
    unit.keep_pair("throat-1")
    page.reload()
    wait_live(page)
    page.keyboard.press("g")
    assert page.locator("#gallery-open").is_hidden()
    assert not page.evaluate("document.getElementById('gallery').open")


@pytest.mark.slow
def test_many_are_fetched_as_one_walks(page: Any, unit: FakeUnit) -> None:
    for number in range(75):
        unit.keep_pair(f"throat-{number:02}")
    page.keyboard.press("g")
    wait_for(page, "document.querySelectorAll('.saved').length === 60")
    page.keyboard.press("End")
    wait_for(page, "document.querySelectorAll('.saved').length === 75")


@pytest.mark.slow
def test_words_of_one_pair_never_stand_under_the_picture_of_another(gallery: Any, unit: FakeUnit) -> None:
    unit.files["throat-1-enhanced.png"] = b"damaged"
    gallery.keyboard.press("ArrowDown")
    wait_for_text(gallery, "caption", "4711")
    assert gallery.locator("#saved-picture").is_hidden()
    wait_for_text(gallery, "toast", "Not shown")
    assert gallery.locator("#saved-picture").is_hidden()
    gallery.keyboard.press("ArrowDown")
    wait_for_colour(gallery, "enhanced", canvas=SAVED)
    wait_for(gallery, f"document.getElementById('{SAVED}').dataset.name === 'throat-0'")
    assert gallery.locator("#saved-picture").is_visible()


@pytest.mark.slow
def test_detail_that_was_synthesised_is_told_whatever_is_installed_now(gallery: Any, unit: FakeUnit) -> None:
    unit.keep_pair("throat-a")
    unit.items[0] |= {"profile": "gone", "synthesised": True}
    unit.tell("saved", {"names": ["throat-a"]})
    wait_for(gallery, "document.querySelectorAll('.saved').length === 4")
    gallery.keyboard.press("Home")
    wait_for_text(gallery, "caption", "gone · synthesised detail")


@pytest.mark.slow
def test_a_raw_picture_alone_is_never_taken_for_an_enhanced_one(gallery: Any, unit: FakeUnit) -> None:
    unit.keep_pair("throat-a")
    del unit.items[0]["files"]["enhanced"]
    unit.items[0] |= {"views": ["raw"], "profile": "live"}
    unit.tell("saved", {"names": ["throat-a"]})
    wait_for(gallery, "document.querySelectorAll('.saved').length === 4")
    gallery.keyboard.press("Home")
    wait_for_colour(gallery, "raw", canvas=SAVED)
    wait_for_text(gallery, "caption", "raw alone")
    assert "live" not in gallery.locator("#caption").inner_text()


@pytest.mark.slow
def test_what_is_looked_at_stays_when_others_save_and_delete(page: Any, unit: FakeUnit) -> None:
    for number in range(75):
        unit.keep_pair(f"throat-{number:02}")
    page.keyboard.press("g")
    wait_for(page, "document.querySelectorAll('.saved').length === 60")
    page.keyboard.press("End")
    wait_for(page, "document.querySelectorAll('.saved').length === 75")
    page.keyboard.press("End")
    wait_for(page, f"{CHOSEN} === 'throat-00'")
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    wait_for(page, f"{CHOSEN} === 'throat-03'")
    unit.keep_pair("throat-75")
    unit.tell("saved", {"names": ["throat-75"]})
    wait_for(page, "document.querySelector('.saved').dataset.name === 'throat-75'")
    wait_for(page, f"document.querySelectorAll('.saved').length > 60 && {CHOSEN} === 'throat-03'")
    unit.items = [one for one in unit.items if one["name"] != "throat-03"]
    unit.tell("removed", {"name": "throat-03"})
    wait_for(page, f"{CHOSEN} === 'throat-02'")


@pytest.mark.slow
def test_an_empty_store_says_so(page: Any) -> None:
    page.keyboard.press("g")
    wait_for_text(page, "gallery-nothing", "Nothing is saved yet")
    page.keyboard.press("Escape")
    wait_for(page, "!document.getElementById('gallery').open")


@pytest.mark.slow
def test_a_recording_plays_raw_or_enhanced_from_the_same_moment(page: Any, unit: FakeUnit, tmp_path: Path) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed (apt-get install ffmpeg)")
    clip = tmp_path / "clip.mp4"
    source = ["-f", "lavfi", "-i", "testsrc=duration=2:size=480x270:rate=25", "-pix_fmt", "yuv420p"]
    subprocess.run(["ffmpeg", "-v", "error", *source, str(clip)], check=True)
    unit.keep_recording("clip", clip.read_bytes(), clip.read_bytes())
    page.keyboard.press("g")
    wait_for(page, "document.getElementById('saved-video').readyState >= 2")
    assert page.evaluate("document.getElementById('saved-video').videoWidth") == 480
    page.evaluate("document.getElementById('saved-video').currentTime = 1.2")
    page.keyboard.press("2")
    wait_for(page, "document.getElementById('saved-video').src.endsWith('clip-raw.mp4')")
    wait_for(page, "Math.abs(document.getElementById('saved-video').currentTime - 1.2) < 0.1")
    page.evaluate("document.getElementById('saved-video').play()")
    wait_for(page, "document.getElementById('saved-video').currentTime > 1.4")
