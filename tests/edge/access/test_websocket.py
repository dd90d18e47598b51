"""A WebSocket is a look like any other: none without a login, and its end with the right to it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.guarded import Guest
from tests.doubles.ws_viewer import Closed, Refused, WsViewer


def cookies(guest: Guest) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in guest.cookies.items())}


@pytest.mark.parametrize("headers", [{}, {"Cookie": "edge-session=forged"}, {"Authorization": "Bearer edgetoken_x"}])
def test_nobody_looks_without_a_login(studio: Any, guest: Guest, headers: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        WsViewer(studio.url, headers)
    assert refused.value.status == 401


def test_a_foreign_page_does_not_look_through_the_browser_of_one_who_may(studio: Any, guest: Guest) -> None:
    assert guest.log_in("vera") == 200
    with pytest.raises(Refused) as refused:
        WsViewer(studio.url, {**cookies(guest), "Origin": "http://evil.example"})
    assert refused.value.status == 403


@pytest.mark.parametrize("is_waiting", [False, True], ids=["it asks", "a picture is on its way"])
def test_it_is_cut_with_the_session_and_both_ends_of_the_look_are_recorded(
    studio: Any, guest: Guest, audited: Any, is_waiting: bool
) -> None:
    studio.roll()
    assert guest.log_in("vera") == 200
    viewer = WsViewer(studio.url, cookies(guest)).want("raw")
    viewer.until(lambda one: one.state == "live")
    if is_waiting:
        viewer.read()
    assert guest.ask("POST", "/api/logout")[0] == 204
    with pytest.raises((Closed, ConnectionError)):
        for _ in range(200):
            if is_waiting:
                viewer.read()
            else:
                viewer.next()
    viewer.close()
    with pytest.raises(Refused):
        WsViewer(studio.url, cookies(guest))
    studio.close()
    assert [one["event"] for one in audited()] == ["login", "look-begin", "session-ended", "look-end"]
