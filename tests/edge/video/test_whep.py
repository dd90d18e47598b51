"""The endpoint for WebRTC: offers in, answers out, each stream its viewer's alone."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from edge.access.people import People
from edge.config import WebConfig
from tests.doubles.guarded import Guest, with_token, write_users
from tests.doubles.scripted_video import ScriptedVideo
from tests.doubles.video_unit import VideoStudio
from tests.doubles.waiting import GUARD_S
from tests.edge.video.test_sdp import OFFER

SDP = {"Content-Type": "application/sdp"}


class Bench:
    """A studio whose video process is scripted."""

    def __init__(self, config: WebConfig | None = None, **child: Any) -> None:
        self.children: list[ScriptedVideo] = []
        self.studio = VideoStudio(config=config, make_child=partial(self._make, child))
        self.studio.roll()

    def _make(self, child: dict[str, Any], num_bytes: int, on_message: Any) -> ScriptedVideo:
        self.children.append(ScriptedVideo(num_bytes, on_message, **child))
        return self.children[-1]

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str, dict[str, str]]:
        connection = http.client.HTTPConnection(urlsplit(self.studio.url).netloc, timeout=GUARD_S)
        connection.request(method, f"/{path}", body, headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text, dict(answer.headers)

    def offer(self, query: str = "", offer: str = OFFER, headers: dict[str, str] | None = None) -> Any:
        return self.ask("POST", f"api/webrtc{query}", offer, {**SDP, **(headers or {})})


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.studio.close()


def wait_until(holds: Callable[[], object]) -> None:
    until_s = time.monotonic() + GUARD_S
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.02)


def test_an_offer_is_answered_and_its_location_ends_it(bench: Bench) -> None:
    status, answer, headers = bench.offer("?view=pair")
    assert (status, answer, headers["Content-Type"]) == (201, "v=0\r\nan answer\r\n", "application/sdp")
    offer = next(told for told in bench.children[0].told if told["kind"] == "offer")
    assert (offer["view"], offer["payload"], offer["profile"]) == ("pair", 108, "42e01f")
    assert offer["address"] == "127.0.0.1", "the unit is reached where the page was"
    assert "candidate" not in offer["sdp"]
    before_ms = time.monotonic_ns() / 1e6
    told = json.loads(bench.ask("GET", headers["Location"])[1])
    assert before_ms <= told["now_ms"] <= time.monotonic_ns() / 1e6
    assert (told["view"], told["connected"]) == ("pair", True)
    assert bench.studio.parts.num_viewers() == 1
    assert bench.ask("DELETE", headers["Location"])[0] == 200
    wait_until(lambda: bench.children[0].told[-1] == {"kind": "stop", "view": "pair"})
    assert {"kind": "end", "peer": offer["peer"]} in bench.children[0].told
    assert bench.ask("DELETE", headers["Location"])[0] == 404
    assert bench.studio.parts.num_viewers() == 0


def test_an_offer_may_come_in_pieces(bench: Bench) -> None:
    host = urlsplit(bench.studio.url).netloc
    head = f"POST /api/webrtc HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/sdp\r\n"
    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port)), timeout=GUARD_S) as viewer:
        viewer.sendall(f"{head}Content-Length: {len(OFFER.encode())}\r\n\r\n{OFFER[:200]}".encode())
        time.sleep(0.2)  # as on a network, where a browser's offer takes several packets
        viewer.sendall(OFFER[200:].encode())
        assert viewer.recv(1 << 12).split()[1] == b"201"


@pytest.mark.parametrize(
    ("query", "offer", "headers", "status"),
    [
        pytest.param("", "v=0\r\n", {}, 400, id="no video"),
        pytest.param("?view=split", OFFER, {}, 400, id="no such view"),
        pytest.param("", OFFER, {"Content-Type": "application/json"}, 415, id="not SDP"),
        pytest.param("", OFFER, {"Content-Type": "text/plain"}, 415, id="what any site's form may send"),
        pytest.param("", "v=0\r\n" + "a=x\r\n" * 4_000, {}, 413, id="huge"),
        pytest.param("", OFFER, {"Origin": "http://elsewhere.example"}, 403, id="another site's page"),
    ],
)
def test_refused(bench: Bench, query: str, offer: str, headers: dict[str, str], status: int) -> None:
    got, text, _ = bench.offer(query, offer, headers)
    assert got == status
    assert text.count("\n") == 1
    assert bench.studio.parts.num_viewers() == 0


def test_trickling_candidates_is_not_offered(bench: Bench) -> None:
    location = bench.offer()[2]["Location"]
    assert bench.ask("PATCH", location, "a=candidate:x", SDP)[0] == 405


def test_where_the_parts_are_missing_the_page_is_not_offered_it() -> None:
    bench = Bench(lacks=("webrtcbin",))
    try:
        assert json.loads(bench.ask("GET", "api/state")[1])["can"]["webrtc"] is False
        status, text, _ = bench.offer()
        assert status == 503
        assert "GStreamer has no webrtcbin" in text
    finally:
        bench.studio.close()


def test_the_page_is_offered_it_once_the_parts_are_known(bench: Bench) -> None:
    wait_until(lambda: json.loads(bench.ask("GET", "api/state")[1])["can"]["webrtc"])


def test_every_viewer_takes_a_seat_and_gives_it_back() -> None:
    bench = Bench(WebConfig(listen="127.0.0.1:0", streams=2))
    try:
        locations = [bench.offer()[2]["Location"] for _ in range(2)]
        assert bench.offer()[0] == 503
        bench.ask("DELETE", locations[0])
        wait_until(lambda: bench.offer()[0] == 201)
    finally:
        bench.studio.close()


def test_a_viewer_that_has_gone_gives_its_seat_back(bench: Bench) -> None:
    location = bench.offer()[2]["Location"]
    peer = next(told["peer"] for told in bench.children[0].told if told["kind"] == "offer")
    bench.children[0].say({"kind": "ended", "peer": peer, "why": "it was not heard of any more"})
    wait_until(lambda: bench.ask("GET", location)[0] == 404)


def test_a_login_that_ends_takes_its_stream_along(tmp_path: Path) -> None:
    bench = Bench(WebConfig(listen="127.0.0.1:0", users=str(write_users(tmp_path / "users.toml"))))
    try:
        assert bench.offer()[0] == 401
        vera, otto = Guest(bench.studio.url), Guest(bench.studio.url)
        assert (vera.log_in("vera"), otto.log_in("otto")) == (200, 200)
        connection = vera.open("POST", "/api/webrtc", OFFER, SDP)
        answer = connection.getresponse()
        location = answer.headers["Location"]
        assert answer.status == 201
        assert otto.status("GET", f"/{location}") == 404, "another's is nobody's"
        assert otto.status("DELETE", f"/{location}") == 404
        assert bench.studio.parts.num_viewers() == 1
        vera.status("POST", "/api/logout")
        wait_until(lambda: bench.studio.parts.num_viewers() == 0)
        wait_until(lambda: "end" in bench.children[0].kinds())
    finally:
        bench.studio.close()


def test_a_token_that_is_taken_away_takes_its_stream_along(tmp_path: Path) -> None:
    users = write_users(tmp_path / "users.toml")
    text = with_token(users, "viewer", datetime.now(timezone.utc))
    bench = Bench(WebConfig(listen="127.0.0.1:0", users=str(users)))
    try:
        assert bench.offer(headers={"Authorization": f"Bearer {text}"})[0] == 201
        write_users(users, People({}, {}))
        wait_until(lambda: bench.studio.parts.num_viewers() == 0)
    finally:
        bench.studio.close()
