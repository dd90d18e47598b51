"""`python -m edge.web.api.page`: the table of the API in docs/reference.md, made of what a unit serves as OpenAPI."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from edge.basics.errors import InputOutputError
from edge.basics.markdown import replace_section, table

PAGE = Path(__file__).parents[3] / "docs" / "reference.md"
SECTION = "api"
MADE_BY = "<!-- Made by `python -m edge.web.api.page` from what the unit serves; do not edit. -->"
STARTS_WITHIN_S = 120.0
_OF_ALL = {"200", "204", "400", "401", "403", "405", "408", "411", "413", "415", "417", "421", "503"}


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=STARTS_WITHIN_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(STARTS_WITHIN_S)
        self.sock.connect(str(self._path))


def api_table(document: Mapping[str, Any]) -> str:
    """Every operation in Markdown, one a row."""
    head = ("call", "role", "what", "answers")
    return f"{MADE_BY}\n\n{table(head, [*_rows(document)])}"


def served_document() -> dict[str, Any]:
    """What a unit serves that shows the demo: the real program, started for it.

    Raises:
        InputOutputError: it does not start.
    """
    with tempfile.TemporaryDirectory() as folder:
        address = Path(folder) / "web.sock"
        (Path(folder) / "edge.toml").write_text(f'[save]\nfolder = "{folder}"\n', encoding="utf-8")
        arguments = ["--live", "--source", "demo:", "--listen", f"unix:{address}", "--config", f"{folder}/edge.toml"]
        unit = subprocess.Popen([sys.executable, "-m", "edge.cli", *arguments], stderr=subprocess.PIPE)
        try:
            return asked_of(address, unit, "/openapi.json")
        finally:
            unit.terminate()
            unit.communicate()


def asked_of(address: Path, unit: subprocess.Popen[bytes], path: str) -> dict[str, Any]:
    """What a unit that is starting answers at its socket, as soon as it does.

    Raises:
        InputOutputError: it ended, or does not start.
    """
    end_s = time.monotonic() + STARTS_WITHIN_S
    while unit.poll() is None and time.monotonic() < end_s:
        connection = _UnixConnection(address)
        try:
            connection.request("GET", path)
            found: dict[str, Any] = json.loads(connection.getresponse().read())
            return found
        except (FileNotFoundError, ConnectionRefusedError):
            time.sleep(0.1)
        finally:
            connection.close()
    raise InputOutputError(f"the unit did not serve {path} within {STARTS_WITHIN_S:.0f} s")


def _rows(document: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            yield f"`{method.upper()} {path}`", one["x-least-role"], _what(one), _answers(one["responses"])


def _what(one: Mapping[str, Any]) -> str:
    told = [one["summary"]]
    told += [f"`{parameter['name']}`: {parameter['description']}." for parameter in one["parameters"]]
    for kind, content in one.get("requestBody", {}).get("content", {}).items():
        names = ", ".join(f"`{name}`" for name in content["schema"].get("properties", {}))
        told.append(f"Body: {names or kind}.")
    return " ".join(told).replace("|", "\\|")


def _answers(responses: Mapping[str, Any]) -> str:
    """Those that say more than "well" and are its own: what any operation may answer stands above the table."""
    own = {status: one for status, one in responses.items() if status not in _OF_ALL}
    return "; ".join(f"{status} {one['description']}" for status, one in own.items()).replace("|", "\\|")


def main() -> None:
    replace_section(PAGE, SECTION, api_table(served_document()))


if __name__ == "__main__":
    main()
