"""What a DICOMweb service may answer, and what becomes of the object then."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from edge.basics.errors import ConfigError
from edge.basics.hiding import without_secrets
from edge.config import PacsConfig
from edge.pacs.ways.stow import service_of
from tests.doubles.pacs_store import add_pair, session
from tests.doubles.waiting import wait_until


def failed(reason: int) -> bytes:
    return json.dumps({"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [reason]}}]}}).encode()


class Service:
    """Attributes: answers: status and body of each POST, the last one for ever; has: what a GET is answered."""

    def __init__(self, *answers: tuple[int, bytes], has: int = 404) -> None:
        self.answers, self.asked = list(answers), []
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.asked.append((dict(self.headers), body))
                answers = service.answers
                self._answer(*(answers.pop(0) if len(answers) > 1 else answers[0]))

            def do_GET(self) -> None:
                self._answer(has, b"{}")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Content-Type", "application/dicom+json")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/dicom-web"
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def service_with() -> Iterator[Callable[..., Service]]:
    made: list[Service] = []

    def make(*answers: tuple[int, bytes], **told: Any) -> Service:
        made.append(Service(*answers, **told))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize(
    ("answers", "has", "state", "said"),
    [
        ([(200, b"{}")], 404, "sent", ""),
        ([(409, failed(0x0111))], 404, "sent", ""),
        ([(409, failed(0x0110))], 200, "sent", ""),
        ([(409, failed(0x0110))], 404, "waiting", "0x0110"),
        ([(409, b"no JSON")], 404, "waiting", "0x0110"),
        ([(202, failed(0xA700)), (200, b"{}")], 404, "sent", ""),
        ([(409, failed(0xA900))], 404, "failed", "0xa900"),
        ([(409, failed(0xC122)), (200, b"{}")], 404, "sent", ""),
        ([(415, b"")], 404, "failed", "HTTP 415"),
        ([(503, b""), (500, b""), (200, b"{}")], 404, "sent", ""),
        ([(403, b"")], 404, "waiting", "may not store there"),
        ([(302, b"")], 404, "waiting", "HTTP 302"),
    ],
    ids=[
        "stored", "duplicate", "duplicate, untold", "failed", "untold", "full, then not", "not understood",
        "as a capture", "not taken", "busy, then not", "not allowed", "moved",
    ],
)  # fmt: skip
def test_an_answer_and_what_comes_of_it(
    unit_of: Callable[..., Any],
    service_with: Callable[..., Service],
    answers: list[tuple[int, bytes]],
    has: int,
    state: str,
    said: str,
) -> None:
    service = service_with(*answers, has=has)
    unit = unit_of(stow=service.url, host="")
    add_pair(unit.folder, 1, session(), enhanced=False)
    unit.start()
    wait_until(lambda: unit.counts() == {state: 1} and said in unit.told[-1][1] and unit.told[-1][0] != "starting")
    assert (unit.told[-1][0] == "ok") == (state == "sent")


def test_the_password_comes_from_a_file_and_is_seen_nowhere(
    unit_of: Callable[..., Any], service_with: Callable[..., Service], tmp_path: Path
) -> None:
    service = service_with((200, b"{}"))
    path = tmp_path / "password"
    path.write_text("geheimes-wort\n")
    path.chmod(0o600)
    unit = unit_of(stow=service.url, host="", user="unit", password_file=str(path))
    add_pair(unit.folder, 1, session(), enhanced=False)
    unit.start()
    wait_until(lambda: unit.counts() == {"sent": 1})
    headers, body = service.asked[0]
    assert headers["Authorization"].startswith("Basic ") and b"DICM" in body
    assert "geheimes" not in without_secrets("geheimes-wort " + headers["Authorization"])
    assert headers["Authorization"].split()[1] not in without_secrets(headers["Authorization"])
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="everybody may read it"):
        service_of(unit.config)


def test_a_token_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("abcdefgh12345678")
    path.chmod(0o640)
    made = service_of(PacsConfig(stow="https://pacs.example/dicom-web", token_file=str(path)))
    assert made.headers == {"Authorization": "Bearer abcdefgh12345678"} and "abcdefgh" not in repr(made)
