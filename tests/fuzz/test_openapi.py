"""The API as it describes itself, called by schemathesis as each role: no answer that it does not describe, and none
that the role may not have.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any, get_args

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from edge.access.rights import ENDLESS, ROLES, Role, least_role, may
from tests.fuzz.api_unit import ApiUnit, Guarded, ProgramUnit
from tests.fuzz.harness import FUZZ_SCALE, FUZZ_SEED, Tally, fuzz, tallies, timed_case
from tests.fuzz.raw_requests import Loud, answer_of, request

NUM_OF_ROLE = 14_000
"""Requests as each of the seven at full size: 98,000 by the description, and as many raw bytes."""
WITHIN_S = 60.0
CHECKS: list[CheckFunction] = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    allow_header_conformance,
]
VISITORS = ["anonymous", *(f"{role} by {way}" for role in ROLES for way in ("cookie", "token"))]
IN_HASTE = ("viewer by token", "operator by cookie")
OF_ANYONE = {"/login", "/login.css", "/login.js", "/style.css", "/api/login"}


@pytest.fixture(scope="module", params=[ApiUnit, pytest.param(ProgramUnit, marks=pytest.mark.slow)])
def unit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNTIME_DIRECTORY", str(tmp_path_factory.mktemp("run")))
        unit: Guarded = request.param(tmp_path_factory.mktemp("unit"))
        unit.log_in()
        yield unit
        errors = unit.errors()
        unit.close()
    assert not errors, errors[-3000:]


@pytest.fixture(scope="module")
def loud() -> Iterator[Loud]:
    handler = Loud()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def role_of(visitor: str) -> Role | None:
    word = visitor.partition(" ")[0]
    return word if word in get_args(Role) else None  # type: ignore[return-value]


def shown_by(unit: Guarded, visitor: str) -> dict[str, str]:
    """Headers with what this visitor shows."""
    role = role_of(visitor)
    if role is None:
        return {}
    return unit.with_cookie(role) if visitor.endswith("cookie") else unit.with_token(role)


@pytest.mark.parametrize(
    "visitor", [one if one in IN_HASTE else pytest.param(one, marks=pytest.mark.slow) for one in VISITORS]
)
def test_every_operation_as_each_role(unit: Guarded, visitor: str, loud: Loud) -> None:
    described = unit.described()
    schema = schemathesis.openapi.from_dict(described)
    operations = [one.ok() for one in schema.get_all_operations()]
    assert len(operations) == sum(len(methods) for methods in described["paths"].values())
    tally = tallies.setdefault("OpenAPI", Tally())
    for operation in operations:
        for mode in GenerationMode:
            unit.be_live(mode is GenerationMode.POSITIVE)
            most = int(NUM_OF_ROLE * FUZZ_SCALE / len(operations) / len(GenerationMode))
            try_all(operation.as_strategy(mode), max(1, most), unit, visitor, loud, tally)


def try_all(strategy: Any, most: int, unit: Guarded, visitor: str, loud: Loud, tally: Tally) -> None:
    @settings(
        max_examples=most,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )
    @seed(FUZZ_SEED)
    @given(case=strategy)
    def tried(case: Case) -> None:
        with timed_case(tally):
            check(case, unit, visitor, tally.outcomes)
        assert not loud.heard, loud.heard

    tried()


def check(case: Case, unit: Guarded, visitor: str, outcomes: Counter[str]) -> None:
    role, route = role_of(visitor), case.operation.path
    if role is not None:  # what schemathesis makes up to show is left to him who has nothing of his own
        case.headers.pop("Authorization", None)
        case.cookies.clear()
    before = unit.num_changes
    is_endless = route in ENDLESS
    kwargs = case.as_transport_kwargs(base_url=unit.url)
    kwargs["headers"] = {**kwargs["headers"], **shown_by(unit, visitor)}
    response = requests.request(**kwargs, stream=is_endless, timeout=WITHIN_S, allow_redirects=False)
    told = f"{case.method} {route} as {visitor}: {response.status_code}"
    assert response.status_code < 500 or response.status_code == 503, told
    outcomes[f"{response.status_code // 100}xx"] += 1
    least = least_role(case.method, route)
    if response.status_code < 400:
        assert may(role, least), f"{told}, which takes {least}"
    if not may(role, "operator"):
        assert unit.num_changes == before, f"{told} changed something"
    if is_endless:
        described = case.operation.definition.raw["responses"]
        assert str(response.status_code) in described, told
        kind = response.headers["Content-Type"].partition(";")[0]
        assert kind in described[str(response.status_code)].get("content", ()), told
        response.close()
    else:
        case.validate_response(response, checks=CHECKS)
    if role is not None and response.status_code == 204 and route == "/api/logout":
        unit.log_in_again(role)


@fuzz("HTTP as a role", 98_000)
def test_raw_requests_as_each_role(draw: Random, outcomes: Counter[str], unit: Guarded, loud: Loud) -> None:
    visitor = draw.choice(VISITORS)
    role, before = role_of(visitor), unit.num_changes
    content = request(draw, [f"{name}: {value}" for name, value in shown_by(unit, visitor).items()])
    status, head = answer_of(unit.address, content)
    outcomes[f"{status // 100}xx" if status else "closed"] += 1
    assert status < 500 or status == 503, head[:500]
    assert not loud.heard, loud.heard
    if role is None and 200 <= status < 300:
        path = content.split(b"?", 1)[0].split(b" ")[1].decode("utf-8", "replace")
        assert path in OF_ANYONE, (content[:300], head[:300])
    if not may(role, "operator"):
        assert unit.num_changes == before, (visitor, content[:300])
    if role is not None and status == 204:
        unit.log_in_again(role)
