"""What the page shows is true, or covered: silence, lateness, a unit that goes and comes, what stands in the pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from edge.pictures.image import Image
from edge.web.state_strip import read as read_strip
from tests.doubles.browsing import data, screenshot, wait_for, wait_for_colour, wait_for_text, wait_live, wait_until
from tests.doubles.fake_unit import FakeUnit

COVERED = "!document.getElementById('cover').hidden"
MOVES_ON = "seq => Number(document.getElementById('picture').dataset.seq) > seq + 3"


def goes_on(page: Any) -> None:
    wait_for(page, MOVES_ON, int(data(page, "seq") or 0))


def test_the_strip_and_the_banner_are_on_the_screen_as_the_unit_drew_them(
    open_page: Callable[..., Any], unit: FakeUnit
) -> None:
    unit.raw, unit.enhanced = (cv2.resize(image, (1280, 720)) for image in (unit.raw, unit.enhanced))
    page = open_page(1280, 900)
    wait_for(page, "document.getElementById('picture').width === 1280")
    wait_for_text(page, "transport", "1280\u00d7720")
    seq = int(data(page, "seq") or 0)
    looks: list[Image] = []
    # read from a screenshot, pixel by pixel; one that was late on a busy machine is covered
    wait_until(page, lambda: looks.append(screenshot(page, "#picture")) or read_strip(looks[-1]))
    seen, strip = looks[-1], read_strip(looks[-1])
    assert strip is not None
    assert (strip.state, strip.mode) == ("live", "enhanced")
    assert strip.seq >= seq
    pill = seen[16:43, 16:150]
    assert np.abs(pill.astype(int) - (64, 214, 128)).sum(axis=2).min() < 60, "its green dot"
    page.keyboard.press("2")
    wait_for_colour(page, "raw")
    wait_until(page, lambda: (read_strip(screenshot(page, "#picture")) or strip).mode == "raw")


def test_a_unit_that_falls_silent_is_covered_until_it_speaks_again(page: Any, unit: FakeUnit) -> None:
    unit.is_silent = True
    wait_for(page, COVERED)
    wait_for_text(page, "cover-title", "NO CONNECTION")
    unit.is_silent = False
    wait_live(page)
    goes_on(page)


@pytest.mark.slow
def test_a_unit_that_is_killed_is_covered_and_comes_back_by_itself(page: Any, unit: FakeUnit) -> None:
    unit.close()
    wait_for_text(page, "cover-title", "NO CONNECTION \u2013 picture is not live")
    wait_for_text(page, "state-word", "No connection")
    again = FakeUnit(unit.port)
    try:
        wait_live(page)
        wait_for_text(page, "state-word", "Live")
        wait_for(page, "!document.getElementById('freeze').hidden")
    finally:
        again.close()


@pytest.mark.slow
def test_a_network_that_is_cut_is_covered_and_comes_back_by_itself(page: Any, unit: FakeUnit) -> None:
    session = page.context.new_cdp_session(page)
    cut = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", cut)
    unit.cut_sockets()
    wait_for_text(page, "cover-title", "NO CONNECTION")
    session.send(
        "Network.emulateNetworkConditions", {**cut, "offline": False, "downloadThroughput": -1, "uploadThroughput": -1}
    )
    wait_live(page)
    goes_on(page)


@pytest.mark.slow
def test_old_pictures_are_covered_and_said_to_be_stale(page: Any, unit: FakeUnit) -> None:
    unit.lag_ms = 900
    wait_for_text(page, "cover-title", "STALE \u2013 picture is not live")
    wait_for_text(page, "state-word", "Stale")  # the unit is live; what is seen here is not
    wait_until(page, lambda: unit.wishes[-1]["width"] <= 640)
    unit.lag_ms = 0
    wait_live(page)
    wait_for_text(page, "state-word", "Live")
    wait_until(page, lambda: unit.wishes[-1]["width"] > 1200)


@pytest.mark.slow
def test_a_connection_that_is_dropped_is_opened_again_unseen(page: Any, unit: FakeUnit) -> None:
    unit.cut_sockets()
    goes_on(page)
    wait_for(page, "document.getElementById('picture').dataset.state === 'live'")


@pytest.mark.slow
def test_where_there_is_no_socket_the_picture_comes_as_mjpeg(open_page: Callable[..., Any], unit: FakeUnit) -> None:
    unit.has_socket = False
    page = open_page()
    wait_for_text(page, "transport", "MJPEG")
    for key, colour in (("2", "raw"), ("1", "enhanced")):
        page.keyboard.press(key)
        wait_for_colour(page, colour)
    page.keyboard.press("4")
    wait_for_colour(page, "raw", x=0.25)
    wait_for_colour(page, "enhanced", x=0.75)
    goes_on(page)


@pytest.mark.slow
def test_two_viewers_look_each_in_their_own_way(open_page: Callable[..., Any], unit: FakeUnit) -> None:
    one, other = open_page(), open_page(900, 600)
    one.keyboard.press("2")
    wait_for_colour(one, "raw")
    wait_for_colour(other, "enhanced")
    one.keyboard.press("p")
    for page in (one, other):
        wait_for(page, "document.getElementById('picture').dataset.state === 'frozen'")
        page.locator("#live").wait_for(state="visible")
    assert data(one, "seq") == data(other, "seq")
    other.keyboard.press("l")
    for page in (one, other):
        wait_for(page, "document.getElementById('picture').dataset.state === 'live'")
        goes_on(page)


@pytest.mark.slow
def test_the_line_is_quiet_while_all_is_well_and_loud_where_not(page: Any, unit: FakeUnit) -> None:
    wait_for_text(page, "quiet", "25/s · live")
    assert page.locator("#reason").text_content() == ""
    unit.state |= {"state": "degraded", "reason": "the engine is slow", "notices": ["the disk is full"]}
    wait_for_text(page, "state-word", "Not as usual")
    wait_for_text(page, "reason", "the engine is slow; the disk is full")


def test_detail_that_a_profile_made_is_said_in_words(page: Any, unit: FakeUnit) -> None:
    assert page.locator("#mark").is_hidden()
    unit.state["profile"] = "live-isr"
    wait_for_text(page, "mark", "synthesised detail")
    assert page.locator("#mark").is_visible()
    wait_for_text(page, "quiet", "live-isr · synthesised detail")
    page.keyboard.press("2")
    wait_for(page, "document.getElementById('mark').hidden")


@pytest.mark.slow
def test_a_unit_that_knows_nothing_newer_shows_what_it_can(open_page: Callable[..., Any], unit: FakeUnit) -> None:
    unit.routes = {}
    unit.has_socket = False
    page = open_page()
    wait_for_text(page, "state-word", "Live")
    for name in ("freeze", "record", "keep", "patient", "gallery-open", "tray"):
        assert page.locator(f"#{name}").is_hidden(), name
    page.keyboard.press("a")
    assert page.locator("#strength").is_visible()
    for name in ("light", "camera", "profiles", "record-views"):
        assert page.locator(f"#{name}").is_hidden(), name
    for key in "prbgt":
        page.keyboard.press(key)
    goes_on(page)


def test_behind_a_proxy_under_another_path_all_goes_on(open_page: Callable[..., Any], unit: FakeUnit) -> None:
    page = open_page(url=f"{unit.url}units/7/")
    wait_for_text(page, "transport", "WebSocket")
    wait_for_text(page, "state-word", "Live")
    page.keyboard.press("p")
    wait_for(page, "document.getElementById('picture').dataset.state === 'frozen'")
