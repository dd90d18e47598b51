"""Pictures over a WebSocket: the newest as it is asked for, never a queue, and nothing said that is not understood."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from edge.web import connection as connection_module
from edge.web import state_strip
from edge.web.streams import websocket as websocket_module
from edge.web.streams.wishes import Allowance
from edge.web.views import View, ViewEncoder
from tests.doubles.http_viewer import get, health_of, is_near, wait_for_frames
from tests.doubles.studio import ENHANCED_RED, RAW_GREEN, Studio, flat
from tests.doubles.waiting import wait_until
from tests.doubles.ws_viewer import BINARY, CLOSE, PING, PONG, TEXT, Closed, Refused, WsViewer

Open = Callable[..., WsViewer]


def test_a_pair_comes_in_one_message_and_both_say_which_frame_they_are(studio: Studio, open_ws: Open) -> None:
    studio.roll()
    picture = open_ws().want("pair", place="ab12").until(lambda one: one.state == "live")
    enhanced, raw = picture.images
    assert is_near(enhanced[100:248], ENHANCED_RED) and is_near(raw[100:248], RAW_GREEN)
    assert [state_strip.read(image) for image in (enhanced, raw)] == [
        state_strip.Stripe(picture.seq, "live", "enhanced"),
        state_strip.Stripe(picture.seq, "live", "raw"),
    ]


def test_the_header_says_what_the_picture_is(studio: Studio, open_ws: Open) -> None:
    studio.lag_ms = 100
    studio.roll()
    picture = open_ws().want("enhanced").until(lambda one: one.state == "live")
    header = picture.header
    assert set(header) == {
        "seq", "age_ms", "sent_ms", "mode", "state", "profile", "view", "width", "height", "enhanced_bytes",
        "num_dropped",
    }  # fmt: skip
    assert (header["mode"], header["profile"], header["view"]) == ("enhanced", "live", "enhanced")
    assert (header["width"], header["height"]) == picture.images[0].shape[1::-1]
    assert 100 <= header["age_ms"] <= 500
    assert header["sent_ms"] <= time.monotonic() * 1000


def test_the_first_comes_unasked_and_the_next_when_it_is_asked_for(studio: Studio, open_ws: Open) -> None:
    studio.roll()
    viewer = open_ws().want("raw")
    first = viewer.read()
    viewer.socket.settimeout(0.6)
    with pytest.raises(TimeoutError):
        viewer.frame()
    assert health_of(studio.url)["viewers"] == 1
    assert first.header["num_dropped"] == 0


def test_who_asks_late_gets_the_newest_and_is_told_what_it_missed(studio: Studio, open_ws: Open) -> None:
    studio.roll()
    viewer = open_ws().want("raw")
    viewer.until(lambda one: one.state == "live")
    before = viewer.read()
    wait_until(lambda: studio.seq > before.seq + 12)
    newest = studio.seq
    studio.wait_taken()
    viewer.ask()
    late = viewer.read()
    assert late.seq >= newest - 3, "about twelve pairs came meanwhile"
    assert late.header["num_dropped"] - before.header["num_dropped"] == late.seq - before.seq - 1


def test_nothing_is_encoded_for_who_does_not_ask(studio: Studio, open_ws: Open, monkeypatch: Any) -> None:
    made: list[View] = []
    encode = ViewEncoder.encoded

    def noted(self: ViewEncoder, view: View, *rest: Any) -> Any:
        made.append(view)
        return encode(self, view, *rest)

    monkeypatch.setattr(ViewEncoder, "encoded", noted)
    studio.roll()
    viewer = open_ws().want("raw")

    def num_made_of_one() -> int:
        viewer.read()
        come(3)  # what was begun before that is done
        num = len(made)
        made.clear()
        come(10)
        assert len(made) == 0, "ten pairs came"
        viewer.ask()
        return num

    def come(num: int) -> None:
        wait_for_frames(studio.url, health_of(studio.url)["frames"] + num)

    num_made_of_one()
    found: list[int] = []
    while not found or found[-1] > 2:  # and another where a pair came meanwhile; more while the server stands still
        found.append(num_made_of_one())
        assert found[-1] >= 1 and len(found) < 100


def test_another_want_shows_another_view_from_the_same_place(studio: Studio, open_ws: Open) -> None:
    studio.roll()
    viewer = open_ws().want("raw", width=480)
    viewer.until(lambda one: one.state == "live")
    viewer.want("enhanced", width=640)
    shown = viewer.until(lambda one: one.header["view"] == "enhanced" and one.state == "live")
    assert is_near(shown.images[0][100:248], ENHANCED_RED)
    assert health_of(studio.url)["viewers"] == 1


def test_a_picture_that_is_not_live_comes_each_half_second(studio: Studio, open_ws: Open) -> None:
    viewer = open_ws().want("pair")
    assert viewer.next().header["seq"] is None
    came_s = [time.monotonic()]
    for _ in range(5):
        assert viewer.next().state == "starting"
        came_s.append(time.monotonic())
    soonest_s = min(later - one for one, later in pairwise(came_s))
    assert soonest_s < 0.8, "the page covers what is older; a busy machine holds up some, not all"


def test_a_freeze_is_shown_at_once(studio: Studio, open_ws: Open) -> None:
    studio.roll()
    viewer = open_ws().want("enhanced")
    viewer.until(lambda one: one.state == "live")
    held = studio.freeze()
    assert viewer.until(lambda one: one.state == "frozen", 20).seq == held.raw.seq


def test_the_place_is_taken_over_from_a_connection_that_hangs(studio: Studio, open_ws: Open) -> None:
    studio.roll()
    hanging = open_ws().want("raw", place="me")
    hanging.read()
    open_ws().want("raw", place="me").next()
    with pytest.raises(Closed):
        hanging.read()
    assert health_of(studio.url)["viewers"] == 1


def test_more_than_may_are_told_to_try_again(studio: Studio, open_ws: Open) -> None:
    studio.roll()
    for _ in range(8):
        open_ws().want("raw").next()
    with pytest.raises(Closed) as closed:
        open_ws().want("raw").read()
    assert (closed.value.code, "try again" in closed.value.reason) == (1013, True)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "websocket"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Sec-WebSocket-Version": "9"}, 426),
        ({"Upgrade": "h2c"}, 426),
    ],
)
def test_another_sites_page_and_what_is_no_websocket_are_refused(
    studio: Studio, open_ws: Open, headers: dict[str, str], status: int
) -> None:
    with pytest.raises(Refused) as refused:
        open_ws(headers=headers)
    assert refused.value.status == status
    assert refused.value.text.count("\n") == 1


def test_a_plain_get_is_told_what_is_expected(studio: Studio) -> None:
    response, body = get(studio.url, "/stream.ws")
    assert (response.status, body) == (426, b"expected a WebSocket (RFC 6455), version 13\n")


def test_nothing_is_compressed(studio: Studio, open_ws: Open) -> None:
    viewer = open_ws(headers={"Sec-WebSocket-Extensions": "permessage-deflate"})
    assert "sec-websocket-extensions" not in viewer.headers


def _text(content: bytes) -> Callable[[WsViewer], None]:
    return lambda viewer: viewer.send(TEXT, content)


def _flood(viewer: WsViewer) -> None:
    viewer.want("raw")
    for _ in range(1000):
        viewer.send(TEXT, b'{"next": 1}')


def _pings(viewer: WsViewer) -> None:
    for _ in range(1000):
        viewer.send(PING, b"x")


def _endless(viewer: WsViewer) -> None:
    viewer.send(TEXT, b"{", is_last=False)
    for _ in range(10000):
        viewer.send(0, b" " * 1000, is_last=False)


HOSTILE = {
    "no JSON": (_text(b"{"), 1008),
    "a list": (_text(b"[]"), 1008),
    "nested": (_text(b"[" * 1024), 1008),
    "neither": (_text(b"{}"), 1008),
    "both": (_text(b'{"want": "raw", "next": 1}'), 1008),
    "next first": (_text(b'{"next": 1}'), 1008),
    "no number": (_text(b'{"next": true}'), 1008),
    "a large number": (_text(b'{"next": ' + b"9" * 1000 + b"}"), 1008),
    "another view": (_text(b'{"want": "split"}'), 1008),
    "a list for a view": (_text(b'{"want": ["raw"]}'), 1008),
    "no width": (_text(b'{"want": "raw", "width": 0}'), 1008),
    "half a width": (_text(b'{"want": "raw", "width": 1.5}'), 1008),
    "no number for a width": (_text(b'{"want": "raw", "width": NaN}'), 1008),
    "a place with a path": (_text(b'{"want": "raw", "place": "../x"}'), 1008),
    "a long place": (_text(b'{"want": "raw", "place": "' + b"a" * 65 + b'"}'), 1008),
    "a number for a place": (_text(b'{"want": "raw", "place": 1}'), 1008),
    "binary": (lambda viewer: viewer.send(BINARY, b"\x00\x01"), 1003),
    "not UTF-8": (_text(b"\xff\xfe"), 1007),
    "too large": (_text(b" " * 1025), 1009),
    "huge": (lambda viewer: viewer.socket.sendall(b"\x81\xff" + b"\x7f" + b"\xff" * 7 + bytes(4)), 1009),
    "without an end": (_endless, 1009),
    "reserved bits": (lambda viewer: viewer.socket.sendall(b"\xf1\x80\x00\x00\x00\x00"), 1002),
    "an unknown kind": (lambda viewer: viewer.send(5, b"x"), 1002),
    "more often than it may": (_flood, 1008),
    "pings without an end": (_pings, 1008),
}


ENDLESS = ("more often than it may", "without an end", "pings without an end")
"""What is still being sent when the connection is cut: the kernel may take the reason back."""


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_not_understood_ends_with_its_code_and_without_a_log_line(
    studio: Studio, open_ws: Open, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    send, code = HOSTILE[name]
    studio.roll()
    good = open_ws().want("raw")
    good.until(lambda one: one.state == "live")
    bad = open_ws()
    with contextlib.suppress(ConnectionError):  # cut while it was still sending
        send(bad)
    with pytest.raises(Closed) as closed:
        for _ in range(100):
            bad.read()
    assert closed.value.code in ((code, 0) if name in ENDLESS else (code,))
    assert len(closed.value.reason) <= 120
    assert good.until(lambda one: one.state == "live")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_the_largest_message_and_a_ping_are_taken(studio: Studio, open_ws: Open) -> None:
    studio.roll()
    viewer = open_ws()
    viewer.send(TEXT, b'{"want": "raw"}' + b" " * (1024 - 15))
    viewer.send(PING, b"there?")
    kinds = [viewer.frame() for _ in range(2)]
    assert (PONG, b"there?") in kinds


def test_who_asks_for_nothing_is_sent_away(studio: Studio, open_ws: Open, monkeypatch: Any) -> None:
    studio.roll()
    viewer = open_ws().want("raw")
    viewer.read()
    monkeypatch.setattr(websocket_module, "ASK_WITHIN_S", 0.3)
    with pytest.raises(Closed) as closed:
        open_ws().read()
    assert (closed.value.code, "no want" in closed.value.reason) == (1008, True)
    viewer.ask()
    with pytest.raises(Closed) as closed:
        for _ in range(2):
            viewer.read()
    assert (closed.value.code, "no next" in closed.value.reason) == (1008, True)


def test_who_reads_for_an_hour_is_not_taken_for_a_flood(studio: Studio, open_ws: Open, monkeypatch: Any) -> None:
    """What it sends is counted from message to message, not together."""
    monkeypatch.setattr(connection_module, "MAX_UNREAD_BYTES", 200)
    studio.roll()
    viewer = open_ws().want("raw")
    for _ in range(30):
        viewer.next()


def test_a_viewer_says_goodbye_and_its_seat_is_free(studio: Studio, open_ws: Open) -> None:
    studio.roll()
    viewer = open_ws().want("raw")
    viewer.read()
    viewer.send(CLOSE, b"\x03\xe8")
    with pytest.raises(Closed) as closed:
        viewer.read()
    assert closed.value.code == 1000
    wait_until(lambda: health_of(studio.url)["viewers"] == 0)


def test_the_allowance_fills_again() -> None:
    clock = [0.0]
    allowance = Allowance(lambda: clock[0])
    assert [allowance.take() for _ in range(31)] == [True] * 30 + [False]
    clock[0] = 0.1
    assert [allowance.take() for _ in range(4)] == [True] * 3 + [False]


def test_a_small_viewer_gets_a_small_picture(studio: Studio, open_ws: Open) -> None:
    frame = np.ascontiguousarray(np.repeat(np.repeat(flat(RAW_GREEN), 4, 0), 4, 1))
    studio.roll(frame, frame)
    viewer = open_ws()
    for width, size in ((300, (480, 270)), (961, (1280, 720)), (1920, (1920, 1080)), (5000, (1920, 1080))):
        viewer.want("pair", width=width)
        shown = viewer.until(lambda one, w=size[0]: one.state == "live" and one.header["width"] == w)
        for image in shown.images:
            assert image.shape == (size[1], size[0], 3)
            stripe = state_strip.read(image)
            assert stripe is not None and stripe.seq == shown.seq
