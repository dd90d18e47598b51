"""Under which name, and from whose page, the unit answers; and what each answer says of that."""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from edge.config import WebConfig
from edge.health.news import Board
from edge.health.record import Health
from edge.saving.freeze import Freeze
from edge.web.answers import HARDENING
from edge.web.origins import Names
from edge.web.server import WebSink
from tests.doubles.http_viewer import GUARD_S
from tests.doubles.studio import Shelf, Studio


@pytest.fixture(scope="module")
def unit() -> Iterator[Studio]:
    studio = Studio()
    studio.show()
    yield studio
    studio.close()


def raw(unit: Studio, content: bytes) -> tuple[int, dict[str, str]]:
    """Status and headers, names in small letters, of what these bytes are answered with."""
    address = urlsplit(unit.url)
    with socket.create_connection((address.hostname, address.port), GUARD_S) as connection:
        connection.sendall(content)
        head = b""
        while b"\r\n\r\n" not in head and (more := connection.recv(1 << 16)):
            head += more
    lines = head.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    return int(lines[0].split()[1]), {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}


def asked(unit: Studio, method: str, path: str, *headers: str, version: str = "1.1") -> tuple[int, dict[str, str]]:
    own = () if any(header.startswith("Host:") for header in headers) else (f"Host: {urlsplit(unit.url).netloc}",)
    return raw(unit, "\r\n".join((f"{method} {path} HTTP/{version}", *own, *headers, "", "")).encode())


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:9", 200),
        ("127.0.0.5", 200),
        ("localhost:8080", 200),
        ("LocalHost.", 200),
        ("[::1]:80", 200),
        (socket.gethostname(), 200),
        (f"{socket.gethostname().partition('.')[0]}.local", 200),
        ("evil.example", 421),
        ("evil.example:80", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("evil@localhost", 421),
        ("10.9.8.7", 421),
        ("[2001:db8::1]", 421),
        ("", 421),
        ("localhost, evil.example", 421),
        ("2130706433", 421),
    ],
)
@pytest.mark.parametrize("path", ["/health", "/stream.mjpg", "/events", "/nothing"])
def test_a_foreign_name_is_misdirected(unit: Studio, host: str, status: int, path: str) -> None:
    found, _ = asked(unit, "HEAD", path, f"Host: {host}")
    assert found == (404 if status == 200 and path == "/nothing" else status)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\n\r\n", 421),
        (b"GET http://localhost/health HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        (b"GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        (b"GET //evil.example/health HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\n\r\n", 400),
        (b"GET /health HTTP/1.0\r\n\r\n", 200),
    ],
)
def test_the_other_ways_to_say_a_name(unit: Studio, content: bytes, status: int) -> None:
    assert raw(unit, content)[0] == status


def test_a_configured_name_is_the_units(unit: Studio) -> None:
    names = Names(("Camera.Example.", "10.1.2.3"))
    assert names.has("camera.example:443", "") and names.has("10.1.2.3", "192.168.0.2")
    assert not names.has("example", "") and not names.has("10.1.2.4", "192.168.0.2")
    assert names.has("192.168.0.2:8080", "::ffff:192.168.0.2"), "an address of the machine's own"


OWN = "Origin: http://{}"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((), 200),
        ((OWN,), 200),
        (("Sec-Fetch-Site: same-origin",), 200),
        (("Sec-Fetch-Site: none",), 200),
        ((OWN, "Sec-Fetch-Site: same-origin"), 200),
        (("Referer: http://{}/",), 200),
        (("Origin: http://evil.example",), 403),
        (("Origin: http://evil.example", "Sec-Fetch-Site: same-origin"), 403),
        (("Origin: http://evil.example", "Sec-Fetch-Site: none"), 403),
        (("Origin: null",), 403),
        (("Origin: http://localhost:1",), 403),
        (("Origin:",), 403),
        (("Sec-Fetch-Site: cross-site",), 403),
        (("Sec-Fetch-Site: same-site",), 403),
        (("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"), 403),
        (("Referer: http://evil.example/page",), 403),
        (("Referer: http://[",), 403),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/live"), ("GET", "/health"), ("HEAD", "/events"), ("HEAD", "/stream.mjpg")]
)
def test_another_sites_page_gets_nothing(
    unit: Studio, method: str, path: str, headers: tuple[str, ...], status: int
) -> None:
    host = urlsplit(unit.url).netloc
    assert asked(unit, method, path, *(header.format(host) for header in headers))[0] == status


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"), 200),
        ("/", ("Referer: http://portal.example/",), 200),
        ("/", ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"), 403),
        ("/app.js", ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"), 403),
        ("/", ("Origin: http://evil.example",), 403),
    ],
)
def test_a_link_may_lead_to_the_page_and_to_nothing_else(
    unit: Studio, path: str, headers: tuple[str, ...], status: int
) -> None:
    assert asked(unit, "GET", path, *headers)[0] == status


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_form_changes_nothing(unit: Studio, kind: str) -> None:
    unit.freezer.set_strength(1.0)
    length = "Content-Length: 0"
    assert asked(unit, "POST", "/api/strength?value=0.2", f"Content-Type: {kind}", length)[0] == 415
    assert unit.freezer.strength() == 1.0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (("Content-Encoding: gzip", "Content-Length: 20"), 415),
        (("Content-Encoding: br", "Content-Length: 0"), 415),
        (("Transfer-Encoding: chunked",), 411),
        (("Content-Length: 100000",), 413),
    ],
)
def test_a_body_that_nobody_can_measure_is_refused(unit: Studio, headers: tuple[str, ...], status: int) -> None:
    assert asked(unit, "POST", "/api/live", *headers)[0] == status


@pytest.mark.parametrize(
    "content",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"HEAD /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /snapshot.png HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /style.css HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-1\r\n\r\n",
        b"GET /style.css HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: *\r\n\r\n",
        b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"DELETE /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"POST /api/live HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n",
        b"GET /stream.mjpg?view=x HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nExpect: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"G\0T / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * 9000 + b"\r\n\r\n",
        b"GET /" + b"y" * 5000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_every_answer_is_hardened(unit: Studio, content: bytes) -> None:
    _, headers = raw(unit, content)
    assert headers["server"] == "edge-enhance", "and no version"
    for name, value in HARDENING.items():
        assert headers[name.lower()] == value
    assert headers["cache-control"] in ("no-store", "no-cache")


def test_a_viewer_behind_a_known_proxy_is_counted_by_its_own_address() -> None:
    board = Board()
    health = Health(board)
    config = WebConfig("127.0.0.1:0", proxies=("127.0.0.1",), streams_per_address=1)
    sink = WebSink(config, health, board, Freeze(health, board, Shelf()))
    sink.start()
    connections: list[http.client.HTTPConnection] = []

    def watch(forwarded: str) -> int:
        connections.append(http.client.HTTPConnection(urlsplit(sink.url).netloc, timeout=GUARD_S))
        connections[-1].request("GET", "/stream.mjpg", headers={"X-Forwarded-For": forwarded})
        return connections[-1].getresponse().status

    with contextlib.closing(sink):
        found = [watch(who) for who in ("10.0.0.1", "10.0.0.2", "10.0.0.9, 10.0.0.1", "10.0.0.3, 127.0.0.1")]
        assert found == [200, 200, 503, 200]
        for connection in connections:
            connection.close()
