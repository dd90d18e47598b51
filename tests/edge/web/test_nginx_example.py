"""docs/examples/nginx.conf as it stands, before a unit: TLS, the login, the prefix, the WebSocket."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, WSServerHandshakeError

from edge.config import WebConfig
from tests.doubles.http_viewer import GUARD_S
from tests.doubles.nginx import PASSWORD, USER, example_before, needs_nginx
from tests.doubles.studio import Studio
from tests.doubles.ws_viewer import Shown, shown

pytestmark = needs_nginx

NAME = "camera.hospital.example"
LOGIN = {"Authorization": "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}
WRONG = {"Authorization": "Basic " + base64.b64encode(f"{USER}:guessed".encode()).decode()}


@pytest.fixture
def unit() -> Iterator[Studio]:
    unit = Studio(WebConfig(listen="127.0.0.1:0", names=(NAME,), proxies=("127.0.0.1",)))
    yield unit
    unit.close()


@pytest.fixture
def page(unit: Studio) -> Iterator[str]:
    """The page's address through the example."""
    with (
        tempfile.TemporaryDirectory() as folder,  # where nginx's workers, another user here, can go
        example_before(urlsplit(unit.url).netloc, Path(folder)) as url,
    ):
        yield url


def _tls() -> ssl.SSLContext:
    found = ssl.create_default_context()
    found.check_hostname, found.verify_mode = False, ssl.CERT_NONE
    return found


def _ask(page: str, method: str, path: str, headers: dict[str, str]) -> tuple[int, http.client.HTTPMessage, bytes]:
    """An answer to who calls the unit by its name; one without an end is read for a moment."""
    address = urlsplit(page)
    connection = http.client.HTTPSConnection(address.netloc, timeout=GUARD_S, context=_tls())
    connection.request(method, path, headers={"Host": NAME, **headers})
    answer = connection.getresponse()
    content = answer.read() if answer.length is not None else answer.read1()
    connection.close()
    return answer.status, answer.headers, content


@pytest.mark.parametrize("headers", [{}, WRONG], ids=["no password", "a wrong one"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/camera/"), ("GET", "/camera/stream.mjpg"), ("GET", "/camera/stream.ws"), ("POST", "/camera/api/save")],
)
def test_nobody_comes_in_without_the_password(
    unit: Studio, page: str, method: str, path: str, headers: dict[str, str]
) -> None:
    unit.show()
    assert _ask(page, method, path, headers)[0] == 401
    assert unit.shelf.pairs == []


def test_with_the_password_the_page_does_what_it_does_without_a_proxy(unit: Studio, page: str) -> None:
    unit.show()
    browser = {**LOGIN, "Origin": f"https://{NAME}", "Sec-Fetch-Site": "same-origin"}
    assert b"<title>" in _ask(page, "GET", "/camera/", LOGIN)[2]
    assert json.loads(_ask(page, "GET", "/camera/health", LOGIN)[2])["frames"] == 1
    assert _ask(page, "POST", "/camera/api/strength?value=0.5", browser)[0] == 200
    assert unit.freezer.strength() == 0.5


def test_another_sites_page_may_do_nothing_with_the_password_of_a_browser(unit: Studio, page: str) -> None:
    unit.show()
    foreign = {**LOGIN, "Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    assert _ask(page, "POST", "/camera/api/strength?value=0.5", foreign)[0] == 403
    assert unit.freezer.strength() == 1.0


def test_the_prefix_without_its_slash_leads_to_the_page(page: str) -> None:
    status, headers, _ = _ask(page, "GET", "/camera", {})
    assert (status, urlsplit(headers["Location"]).path) == (301, "/camera/")


async def _pair_over_websocket(page: str, login: dict[str, str]) -> Shown:
    headers = {"Host": NAME, "Origin": f"https://{NAME}", **login}
    async with (
        ClientSession() as session,
        session.ws_connect(f"{page}stream.ws", ssl=_tls(), headers=headers, max_msg_size=0) as opened,
    ):
        await opened.send_json({"want": "pair", "width": 640})
        await opened.send_json({"next": None})
        return shown(await opened.receive_bytes(timeout=GUARD_S))


def test_the_websocket_goes_through_with_the_login_and_not_without(unit: Studio, page: str) -> None:
    unit.roll()
    assert len(asyncio.run(_pair_over_websocket(page, LOGIN)).jpegs) == 2
    with pytest.raises(WSServerHandshakeError) as refused:
        asyncio.run(_pair_over_websocket(page, {}))
    assert refused.value.status == 401
