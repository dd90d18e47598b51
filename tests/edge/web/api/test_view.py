"""Freeze, live and strength, as a page or a program asks for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.doubles.guarded import Guest
from tests.doubles.http_viewer import wait_for_frames
from tests.doubles.studio import Studio


def test_freezing_holds_the_picture_and_saves_nothing(studio: Any) -> None:
    studio.roll()
    wait_for_frames(studio.url, 1)
    guest = Guest(studio.url)
    status, body = 409, b""
    while status == 409:  # on a busy machine one may come too late to count as live
        status, _, body = guest.ask("POST", "/api/freeze")
    assert (status, json.loads(body)) == (200, {"frozen": True, "view": "enhanced", "strength": 1.0})
    held = studio.freezer.frozen
    assert held is not None
    assert studio.shelf.pairs == []
    assert guest.ask("POST", "/api/freeze")[0] == 200, "held already"
    assert studio.freezer.frozen is held
    assert json.loads(guest.ask("POST", "/api/live")[2])["frozen"] is False
    assert studio.freezer.frozen is None


@pytest.mark.parametrize(
    ("lag_ms", "why"), [(None, b"there is no picture yet"), (900, b"the picture is not live: ")], ids=["none", "old"]
)
def test_what_is_not_live_is_not_held(studio: Studio, lag_ms: int | None, why: bytes) -> None:
    if lag_ms is not None:
        studio.lag_ms = lag_ms
        studio.show()
    status, headers, body = Guest(studio.url).ask("POST", "/api/freeze")
    assert (status, headers["content-type"].partition(";")[0]) == (409, "text/plain")
    assert body.startswith(b"not held: " + why)
    assert studio.freezer.frozen is None


@pytest.mark.parametrize("value", ["", "2", "-0.1", "nan", "half"])
def test_a_strength_out_of_range_is_refused(studio: Studio, value: str) -> None:
    assert Guest(studio.url).ask("POST", f"/api/strength?value={value}")[0] == 400
    assert studio.freezer.strength() == 1.0


def test_a_strength_is_shown_to_everybody(studio: Studio) -> None:
    status, _, body = Guest(studio.url).ask("POST", "/api/strength?value=0.25")
    assert (status, json.loads(body)["strength"], studio.freezer.strength()) == (200, 0.25, 0.25)
