"""The page behind nginx, with the location of docs/examples/nginx.conf and with nginx's defaults."""

from __future__ import annotations

import asyncio
import http.client
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import numpy as np
import pytest
from aiohttp import ClientSession, web

from edge.access.audit import AuditLog
from edge.web.api.operation import Answer, Operation
from tests.doubles.guarded import PASSWORDS, Guest, guarded_studio, write_users
from tests.doubles.http_viewer import GUARD_S, Viewer
from tests.doubles.nginx import location_of_example, needs_nginx, nginx_with
from tests.doubles.studio import Studio
from tests.doubles.ws_viewer import Refused, WsViewer

pytestmark = needs_nginx

DEFAULTS = "location /camera/ { proxy_pass http://127.0.0.1:8080/; }"


@pytest.fixture(params=["defaults", "recipe"])
def proxied(request: pytest.FixtureRequest, studio: Any, tmp_path: Path) -> Iterator[str]:
    """The page's address through nginx."""
    location = DEFAULTS if request.param == "defaults" else location_of_example()
    with nginx_with(location.replace("127.0.0.1:8080", urlsplit(studio.url).netloc), tmp_path) as url:
        yield url


def test_the_first_event_comes_at_once(proxied: str) -> None:
    address = urlsplit(proxied)
    connection = http.client.HTTPConnection(
        address.netloc, timeout=GUARD_S
    )  # a buffer that must fill would never do it
    connection.request("GET", f"{address.path}events")
    response = connection.getresponse()
    assert response.readline() == b"event: state\n"
    assert "frozen" in json.loads(response.readline().removeprefix(b"data: "))
    connection.close()


@pytest.mark.slow
def test_a_viewer_that_reads_slowly_is_shown_no_old_pictures(studio: Any, proxied: str) -> None:
    """nginx's buffers of its own would hold seconds of a stream."""
    noise = np.random.default_rng(1).integers(0, 256, (540, 960, 3), dtype=np.uint8)
    studio.roll(noise, noise)
    viewer = Viewer(proxied, "view=enhanced")
    try:
        viewer.until(lambda part: part.state == "live")
        time.sleep(4.0)  # nobody reads: what piles up on the way is old when it is read
        for _ in range(30):
            newest = studio.seq
            part = viewer.next()
            if part.state == "live" and newest - part.seq <= 12:
                return
        raise AssertionError(f"the viewer is {newest - part.seq} pictures behind")
    finally:
        viewer.close()


def test_a_websocket_goes_through_with_the_recipe_alone(
    request: pytest.FixtureRequest, studio: Any, proxied: str
) -> None:
    """nginx by default names another Host than the browser's Origin, and does not hand an upgrade on."""
    studio.roll()
    origin = {"Origin": f"http://{urlsplit(proxied).netloc}"}
    if request.node.callspec.params["proxied"] == "defaults":
        with pytest.raises(Refused) as refused:
            WsViewer(proxied, origin)
        assert refused.value.status == 403
        return
    viewer = WsViewer(proxied, origin)
    try:
        pictures = [viewer.want("pair").until(lambda one: one.state == "live") for _ in range(3)]
        assert [len(picture.jpegs) for picture in pictures] == [2, 2, 2]
    finally:
        viewer.close()


@pytest.mark.slow
def test_a_websocket_that_is_read_slowly_is_shown_no_old_pictures(
    request: pytest.FixtureRequest, studio: Any, proxied: str
) -> None:
    if request.node.callspec.params["proxied"] == "defaults":
        pytest.skip("nginx by default lets no WebSocket through")
    noise = np.random.default_rng(1).integers(0, 256, (540, 960, 3), dtype=np.uint8)
    studio.roll(noise, noise)
    viewer = WsViewer(proxied, buffer=4096)
    try:
        viewer.want("enhanced").until(lambda one: one.state == "live")
        for _ in range(3):
            late = viewer.read()
            time.sleep(1.0)
            newest = studio.seq
            studio.wait_taken()
            viewer.ask(late.seq)
            assert viewer.next().seq >= newest - 5, "made when it was asked for, about 25 pairs after the last"
    finally:
        viewer.close()


def test_the_units_own_page_may_do_what_it_does_without_a_proxy(
    request: pytest.FixtureRequest, studio: Any, proxied: str
) -> None:
    """Over plain HTTP a browser sends its Origin alone, and nginx by default another Host than the browser's."""
    studio.show()
    address = urlsplit(proxied)
    connection = http.client.HTTPConnection(address.netloc, timeout=GUARD_S)
    connection.request("POST", f"{address.path}api/strength?value=0.5", headers={"Origin": f"http://{address.netloc}"})
    status = connection.getresponse().status
    connection.close()
    is_recipe = request.node.callspec.params["proxied"] == "recipe"
    assert (status, studio.freezer.strength()) == ((200, 0.5) if is_recipe else (403, 1.0))


def test_the_description_leads_to_what_is_served_below_the_prefix(studio: Any, proxied: str) -> None:
    """As a program reads it: the server's address is relative to the description's own."""
    studio.show()
    described = json.loads(Guest(proxied).ask("GET", "/camera/openapi.json")[2])
    (server,) = described["servers"]
    root = urlsplit(urljoin(f"{proxied}openapi.json", server["url"])).path.rstrip("/")
    for path in ("/api/state", "/health", "/metrics", "/api/who", "/snapshot.png"):
        assert path in described["paths"]
        assert Guest(proxied).ask("GET", root + path)[0] == 200, path
    assert root == "/camera"


def test_a_login_of_the_recipe_holds_below_the_prefix(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    guarded = guarded_studio(write_users(tmp_path / "users.toml"), proxies=("127.0.0.1",))
    location = location_of_example().replace("127.0.0.1:8080", urlsplit(guarded.url).netloc)
    try:
        with nginx_with(location, tmp_path) as url:
            guest = Guest(url)
            origin = {"Origin": url.removesuffix("/camera/")}
            body = {"name": "otto", "password": PASSWORDS["otto"]}
            assert guest.ask("POST", "/camera/api/login", body, origin)[0] == 200
            assert json.loads(guest.ask("GET", "/camera/api/state")[2])["role"] == "operator"
            assert guest.ask("POST", "/camera/api/live", headers=origin)[0] == 200
            assert guest.ask("POST", "/camera/api/logout", headers=origin)[0] == 204
            assert guest.ask("GET", "/camera/api/state")[0] == 401
    finally:
        guarded.close()


def test_the_recipe_lets_a_web_socket_through(tmp_path: Path) -> None:
    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(f"heard {message.data}")
        return socket

    async def spoken(url: str) -> str:
        async with ClientSession() as session, session.ws_connect(f"{url}guidance") as opened:
            await opened.send_str("a word")
            return str(await opened.receive_str(timeout=GUARD_S))

    answers = {101: Answer("a WebSocket", "")}
    operation = Operation("GET", "/guidance", echo, "Says what it hears.", answers)
    studio = Studio(furnish=lambda studio: studio.sink.serve_too([operation]))
    location = location_of_example().replace("127.0.0.1:8080", urlsplit(studio.url).netloc)
    try:
        with nginx_with(location, tmp_path) as url:
            assert asyncio.run(spoken(url)) == "heard a word"
    finally:
        studio.close()


def test_a_login_behind_nginx_at_a_unix_socket_knows_where_it_comes_from(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    users = write_users(tmp_path / "users.toml")
    audit = AuditLog(tmp_path / "audit" / "audit.jsonl", journal=tmp_path / "none")
    with tempfile.TemporaryDirectory() as folder:  # where nginx's workers, another user here, can go
        Path(folder).chmod(0o755)
        path = Path(folder) / "web.sock"
        guarded = guarded_studio(users, audit, listen=f"unix:{path}")
        path.chmod(0o666)
        location = f"""location /camera/ {{
            proxy_pass http://unix:{path}:/;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme; }}"""
        with nginx_with(location, tmp_path) as url:
            guest = Guest(url)
            body = {"name": "vera", "password": PASSWORDS["vera"]}
            assert guest.ask("POST", "/camera/api/login", body, {"X-Forwarded-For": "6.6.6.6"})[0] == 200
            assert guest.ask("GET", "/camera/health")[0] == 200
            status, headers, _ = Guest(url).ask("GET", "/camera/")
            assert (status, headers["location"]) == (303, "login"), "relative, so that it stays below /camera/"
        guarded.close()
    first = json.loads((tmp_path / "audit" / "audit.jsonl").read_text().splitlines()[0])
    assert (first["event"], first["address"]) == ("login", "127.0.0.1")
