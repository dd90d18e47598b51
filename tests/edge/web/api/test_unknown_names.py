"""Names and addresses that the API does not have: a line that names them, with the nearest that it has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from edge.web.api.operation import Answer, Operation, Parameter
from edge.web.api.schemas import NUMBER, TEXT, record
from tests.doubles.guarded import Guest
from tests.doubles.studio import Studio


async def done(request: web.Request) -> web.Response:
    return web.Response(text="done\n")


NUM = Parameter("num", NUMBER, "how many")
BODY = record({"percent": NUMBER, "lamp": record({"colour": TEXT})}, optional=["lamp"])
TRIAL = Operation("POST", "/api/light", done, "A trial.", {200: Answer("well")}, (NUM,), BODY)
RIGHT = {"percent": 40, "lamp": {"colour": "white"}}


@pytest.fixture(scope="module")
def guest() -> Iterator[Guest]:
    studio = Studio(furnish=lambda studio: studio.sink.serve_too((TRIAL,)))
    yield Guest(studio.url)
    studio.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "line"),
    [
        ("POST", "/api/light?num=3", RIGHT, 200, "done"),
        ("POST", "/api/light", {"percnt": 40}, 400, "body: no 'percnt'; did you mean 'percent'?"),
        ("POST", "/api/light", {"zz": 40}, 400, "body: no 'zz'; expected percent, lamp"),
        ("POST", "/api/light", {"lamp": {"color": ""}}, 400, "body, in lamp: no 'color'; did you mean 'colour'?"),
        ("POST", "/api/light?nmu=5", RIGHT, 400, "query: no 'nmu'; did you mean 'num'?"),
        ("POST", "/api/light?x=5", RIGHT, 400, "query: no 'x'; expected num"),
        ("GET", "/snapshot.png?veiw=raw", None, 400, "query: no 'veiw'; did you mean 'view'?"),
        ("GET", "/stream.mjpg?viev=raw", None, 400, "query: no 'viev'; did you mean 'view'?"),
        ("GET", "/api/state?a%0Ab=1", None, 400, r"query: no 'a\nb'; expected none"),
        ("GET", "/api/ligth", None, 404, "'/api/ligth': no such address; did you mean '/api/light'?"),
        ("GET", "/qqq%0Aq", None, 404, r"'/qqq\nq': no such address; /openapi.json tells what there is"),
        ("DELETE", "/api/light", None, 405, "'/api/light': no DELETE here; expected POST"),
        ("POST", "/api/state", None, 405, "'/api/state': no POST here; expected GET or HEAD"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_the_nearest(
    guest: Guest, method: str, path: str, body: Any, status: int, line: str
) -> None:
    found, headers, told = guest.ask(method, path, body)
    assert (found, told.decode()) == (status, f"{line}\n")
    assert headers["content-type"].partition(";")[0] == "text/plain"


def test_no_operation_takes_a_word_that_it_does_not_describe(guest: Guest) -> None:
    paths = json.loads(guest.ask("GET", "/openapi.json")[2])["paths"]
    for path, methods in paths.items():
        for method in methods:
            status, _, told = guest.ask(method.upper(), f"{path.replace('{', '').replace('}', '')}?of-no-operation=1")
            assert (status, told[:27]) == (400, b"query: no 'of-no-operation'"), f"{method} {path}"


def test_a_body_that_takes_any_name_cannot_be_described() -> None:
    with pytest.raises(ValueError, match="no others"):
        Operation("POST", "/x", done, "Words.", {200: Answer("well")}, body={"type": "object", "properties": {}})
