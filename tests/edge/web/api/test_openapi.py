"""The description of the API: valid, whole, and what is really served."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from aiohttp import web

from edge.access.rights import RIGHTS, least_role
from edge.web.api.openapi import document, refuse_doubles
from edge.web.api.operation import Answer, Operation, Parameter
from edge.web.routes import LOGIN_FILES, PAGE_FILES
from tests.doubles.guarded import Guest
from tests.doubles.studio import Studio

FINE = {200: Answer("well")}


async def handler(request: web.Request) -> web.Response:
    return web.Response()


@pytest.fixture
def served(studio: Studio) -> dict[str, Any]:
    status, headers, body = Guest(studio.url).ask("GET", "/openapi.json")
    assert (status, headers["content-type"].partition(";")[0]) == (200, "application/json")
    found: dict[str, Any] = json.loads(body)
    return found


def test_it_is_valid_openapi(served: dict[str, Any]) -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator  # takes seconds: it compiles 38 grammars of addresses

    OpenAPIV31SpecValidator(served).validate()  # type: ignore[arg-type]
    assert served["openapi"].startswith("3.1.")


def test_its_addresses_go_where_a_proxy_puts_them(served: dict[str, Any]) -> None:
    (server,) = served["servers"]
    assert urljoin("https://ward.example/camera/openapi.json", server["url"]) == "https://ward.example/camera/"
    assert all(path.startswith("/") for path in served["paths"])


def test_everything_that_is_served_is_described_but_the_files_of_the_page(
    studio: Studio, served: dict[str, Any]
) -> None:
    described = {(method.upper(), path) for path, methods in served["paths"].items() for method in methods}
    guest = Guest(studio.url)
    for method, path in RIGHTS:
        is_file = path in {**PAGE_FILES, **LOGIN_FILES}
        if method != "*" and (method, path) not in described and not is_file:
            assert guest.status(method, path) == 404, f"{method} {path} is served without a description"
    assert ("GET", "/stream.mjpg") in described


def test_each_says_the_least_role_and_how_to_show_it(served: dict[str, Any]) -> None:
    for path, methods in served["paths"].items():
        for method, one in methods.items():
            least = least_role(method.upper(), path)
            assert one["x-least-role"] == least
            assert bool(one["security"]) == (least != "anyone")
            assert ("401" in one["responses"]) == (least != "anyone" or path == "/api/login")
            assert {"400", "403", "413", "415", "421", "503"} <= set(one["responses"])
            assert "Retry-After" in one["responses"]["503"]["headers"]
    assert served["paths"]["/api/login"]["post"]["responses"]["401"]["description"] == "name or password is wrong"


def test_the_cookie_is_named_as_this_browser_has_it(studio: Studio, served: dict[str, Any]) -> None:
    cookie = served["components"]["securitySchemes"]["session"]["name"]
    assert cookie == f"edge-session-{urlsplit(studio.url).port}"


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"summary": ""}, id="no summary"),
        pytest.param({"summary": "Words"}, id="no sentence"),
        pytest.param({"answers": {}}, id="no answer"),
        pytest.param({"answers": {404: Answer("none")}}, id="no good answer"),
        pytest.param({"answers": {200: Answer("")}}, id="an answer without words"),
        pytest.param({"answers": {200: Answer("record", "application/json")}}, id="JSON without a schema"),
        pytest.param({"path": "/api/saved/{file}"}, id="a part of the path that is not told"),
        pytest.param({"parameters": (Parameter("file", {}, "which", "path"),)}, id="a part that it has not"),
        pytest.param({"parameters": (Parameter("file", {}, ""),)}, id="a parameter without words"),
    ],
)
def test_what_is_not_described_cannot_be_made(wrong: dict[str, Any]) -> None:
    whole: dict[str, Any] = {"method": "GET", "path": "/health", "summary": "A sentence.", "answers": FINE}
    Operation(handler=handler, **whole)
    with pytest.raises(ValueError, match="expected"):
        Operation(handler=handler, **{**whole, **wrong})


def test_an_operation_without_a_right_is_not_served() -> None:
    with pytest.raises(ValueError, match=r"GET /api/new: has no row in edge/access/rights\.py"):
        document([Operation("GET", "/api/new", handler, "New.", FINE)], "1")


def test_no_operation_is_served_twice() -> None:
    one = Operation("GET", "/health", handler, "How it is.", FINE)
    with pytest.raises(ValueError, match="there twice"):
        refuse_doubles([one, one])
