"""A crowd at a real server: what it may have, what it leaves to others, and what it costs in log lines."""

from __future__ import annotations

import contextlib
import errno
import gzip
import http.client
import json
import logging
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from edge.web import audience as audience_module
from edge.web import connection as connection_module
from edge.web import guests as guests_module
from edge.web import server as server_module
from edge.web.api.pictures import NEW_A_SECOND, SAVED_AT_ONCE
from edge.web.limits import Limits
from edge.web.views import ViewEncoder
from tests.doubles.http_viewer import GUARD_S, Viewer, get, health_of, image_from_png, wait_for_frames
from tests.doubles.studio import Studio
from tests.doubles.waiting import wait_until

pytestmark = pytest.mark.slow

ELSEWHERE = "127.0.0.2"


@pytest.fixture
def crowd(studio: Studio) -> Iterator[Callable[..., list[socket.socket]]]:
    """Opens connections from one other address, each of which has sent these bytes."""
    opened: list[socket.socket] = []
    address = urlsplit(studio.url)

    def come(num: int, content: bytes) -> list[socket.socket]:
        come_now = []
        for _ in range(num):
            connection = socket.socket()
            opened.append(connection)
            come_now.append(connection)
            connection.settimeout(GUARD_S)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.bind((ELSEWHERE, 0))
            connection.connect((address.hostname, address.port))
            with contextlib.suppress(OSError):
                connection.sendall(content)
        return come_now

    yield come
    for connection in opened:
        connection.close()


def status_of(connection: socket.socket) -> int:
    """Of what it is answered with; 0 where it is closed without a word."""
    with contextlib.suppress(OSError):
        words = connection.recv(64).split()
        return int(words[1]) if len(words) > 1 else 0
    return 0


def asks(path: str, method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("content", "num_in"),
    [
        pytest.param(asks("/stream.mjpg?view=raw"), Limits().streams_of_one, id="streams"),
        pytest.param(asks("/events"), Limits().streams_of_one, id="events"),
    ],
)
def test_surplus_is_told_503_and_others_come_in(
    studio: Studio, watch: Any, crowd: Any, content: bytes, num_in: int
) -> None:
    studio.roll()
    first = watch("view=enhanced")
    found = [status_of(connection) for connection in crowd(120, content)]
    assert (found.count(200), found.count(503)) == (num_in, 120 - num_in)
    assert first.until(lambda part: part.state == "live")
    assert Viewer(studio.url).next(), "somebody from another address"


def test_of_many_dividers_two_are_made_and_the_other_views_for_all(studio: Studio, watch: Any) -> None:
    viewers = [watch(f"view=split&at={at}") for at in (0.1, 0.2)]
    response, body = get(studio.url, "/stream.mjpg?view=split&at=0.3")
    assert (response.status, b"0.1, 0.2" in body) == (503, True)
    assert [watch(f"view={view}").next().state for view in ("enhanced", "raw", "pair")] == ["starting"] * 3
    viewers[0].close()


@pytest.mark.parametrize("keeps_up", [True, False])
def test_other_views_wait_while_the_camera_gives_more_than_is_shown(
    monkeypatch: pytest.MonkeyPatch, keeps_up: bool
) -> None:
    monkeypatch.setattr(server_module, "SHARE_OF_OTHERS", 1e-3)
    monkeypatch.setattr(server_module, "MOST_REST_S", 100.0)
    studio = Studio()
    monkeypatch.setattr(studio.health, "keeps_up", lambda now_ns: keeps_up)
    first, other = Viewer(studio.url), Viewer(studio.url, "view=raw")
    seen: list[str] = []

    def look() -> None:
        with contextlib.suppress(OSError, EOFError, ValueError, AttributeError, http.client.HTTPException):
            while True:
                seen.append(other.next().state)

    looking = threading.Thread(target=look, daemon=True)
    try:
        studio.roll()
        first.next()
        looking.start()
        wait_until(lambda: seen)
        for _ in range(30):
            first.next()
        if keeps_up:
            wait_until(lambda: len(seen) > 10)
        assert keeps_up or len(seen) < 15, "half of what the first has, and much less where nothing else is done"
    finally:
        first.close()
        studio.close()
        looking.join(GUARD_S)


def test_silent_connections_keep_nobody_out(studio: Studio, crowd: Any, caplog: pytest.LogCaptureFixture) -> None:
    studio.roll()
    wait_for_frames(studio.url)
    connections = crowd(300, b"GET /he")
    assert health_of(studio.url)["state"] == "live"
    assert status_of(crowd(1, asks("/health"))[0]) == 200, "from their own address too"
    assert {status_of(connection) for connection in connections[:200]} == {503}
    assert len(caplog.records) <= 1, "one line a kind in ten seconds"


def test_who_says_nothing_is_closed(studio: Studio, crowd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    silent, asked = crowd(1, b"")[0], crowd(1, asks("/health"))[0]
    assert status_of(asked) == 200
    monkeypatch.setattr(guests_module, "SILENT_S", 0.5)
    monkeypatch.setattr(guests_module, "IDLE_S", 1.0)
    assert silent.recv(100) == b""
    while asked.recv(1 << 16):
        pass


def test_a_packed_body_is_never_opened_nor_read_for_long(
    studio: Studio, crowd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    monkeypatch.setattr(connection_module, "_LINGER_S", 1000.0)
    monkeypatch.setattr("aiohttp.http_parser.ZLibDecompressor", lambda *rest, **named: opened.append(rest))
    head = b"POST /api/live HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 80000000\r\n\r\n"
    connection = crowd(1, head + gzip.compress(bytes(1 << 20)))[0]
    assert status_of(connection) == 415
    with contextlib.suppress(OSError):  # what follows is not taken for long
        for _ in range(1000):
            connection.sendall(bytes(1 << 16))
        raise AssertionError("64 MB were taken")
    assert not opened


def test_a_head_without_an_end_is_cut(studio: Studio, crowd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guests_module, "SILENT_S", 1000.0)
    connection = crowd(1, b"GET / HTTP/1.1\r\n" + 40 * (b"X: " + b"y" * 2000 + b"\r\n"))[0]
    with contextlib.suppress(ConnectionError):
        assert connection.recv(100) == b""


def test_an_answered_pair_can_be_fetched_whatever_others_ask(studio: Studio, crowd: Any) -> None:
    studio.roll()
    wait_for_frames(studio.url)
    seq = get(studio.url, "/snapshot.png?view=enhanced")[0].headers["X-Seq"]
    crowd(30, asks("/snapshot.png?view=raw") * 3)
    for number in range(5):
        response, file = get(studio.url, f"/snapshot.png?view={('raw', 'enhanced')[number % 2]}&seq={seq}")
        assert (response.status, response.headers["X-Seq"]) == (200, seq)
        assert image_from_png(file).shape == (270, 480, 3)


def saved(studio: Studio) -> tuple[int, dict[str, Any]]:
    """What a save is answered with; on a busy machine the picture is not live each time, and it is asked again."""
    status, told = 409, dict[str, Any]()
    while status == 409:
        status, told = answer_to_save(studio)
    return status, told


def answer_to_save(studio: Studio) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(urlsplit(studio.url).netloc, timeout=GUARD_S)
    connection.request("POST", "/api/save")
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, json.loads(body) if answer.status == 202 else {}


def test_a_save_works_while_others_save_without_an_end(studio: Studio, crowd: Any) -> None:
    studio.roll()
    wait_for_frames(studio.url)
    begin_s = time.monotonic()
    crowd(30, asks("/api/save", "POST") * 5)
    for _ in range(10):
        status, told = saved(studio)
        assert status == 202
        response, _ = get(studio.url, f"/snapshot.png?view=raw&seq={told['seq']}")
        assert response.status == 200
    most = SAVED_AT_ONCE + NEW_A_SECOND * (time.monotonic() - begin_s) + 1
    assert len(studio.shelf.pairs) <= max(most, 12), "not one for each of 160"


def test_four_saves_in_a_row_are_four_pairs(studio: Studio) -> None:
    studio.roll()
    wait_for_frames(studio.url)
    seqs = []
    for number in range(4):
        seqs.append(saved(studio)[1]["seq"])
        wait_for_frames(studio.url, health_of(studio.url)["frames"] + number)
    assert [pair.raw.seq for pair in studio.shelf.pairs] == seqs


def test_without_descriptors_the_server_rests_says_one_line_and_goes_on(
    studio: Studio, watch: Any, crowd: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    studio.roll()
    first = watch("view=enhanced")
    real, num_failed, is_dry = socket.socket.accept, 0, True

    def accept(listener: socket.socket) -> Any:
        nonlocal num_failed
        if is_dry:
            num_failed += 1
            raise OSError(errno.EMFILE, "Too many open files")
        return real(listener)

    monkeypatch.setattr(socket.socket, "accept", accept)
    waiting = crowd(5, asks("/health"))
    wait_until(lambda: first.until(lambda part: part.state == "live") and num_failed >= 2)
    is_dry = False
    assert [status_of(connection) for connection in waiting] == [200] * 5
    assert num_failed < 10, "it does not try again and again"
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == [
        "web server: no connection can be accepted: Too many open files; trying again"
    ]


def test_connections_never_take_more_than_half_of_the_descriptors(studio: Studio) -> None:
    most = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 4096)
    assert studio.sink._limits.connections <= most // 2


def test_the_first_viewers_view_has_a_thread_of_its_own(
    studio: Studio, watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience_module, "STUCK_S", GUARD_S)  # a busy machine may hold up who reads
    made: set[tuple[str, str]] = set()
    encode = ViewEncoder.encoded

    def noted(self: Any, view: Any, *rest: Any) -> Any:
        made.add((view.name, threading.current_thread().name))
        return encode(self, view, *rest)

    monkeypatch.setattr(ViewEncoder, "encoded", noted)
    studio.roll()
    first = watch("view=raw&place=me")
    first.until(lambda part: part.state == "live")
    others = [watch(f"view={view}") for view in ("enhanced", "pair", "split")]
    for other in others:
        other.until(lambda part: part.state == "live")
    again = watch("view=pair&place=me")  # its own rank again, though the others came before this stream
    wait_until(lambda: again.next() and ("pair", "web-encoder") in made)
    made.clear()

    def others_are_made() -> bool:
        for viewer in (again, *others):
            viewer.next()
        return ("enhanced", "web-encoder-others") in made

    wait_until(others_are_made)
    assert {view for view, thread in made if thread == "web-encoder"} == {"pair"}
