"""The API as it describes itself, called by schemathesis as each role: no answer that it does not describe, and none
that the role may not have.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

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

from edge.access.rights import ENDLESS, least_role, may
from tests.fuzz.api_unit import ApiUnit, Guarded, ProgramUnit
from tests.fuzz.harness import FUZZ_SCALE, FUZZ_SEED, Tally, fuzz, tallies, timed_case
from tests.fuzz.raw_requests import Loud, answers_of, request
from tests.fuzz.visitors import VISITORS, Line, role_of, shown_by

NUM_OF_VISITOR = 14_000
"""Requests as each of the seven at full size: 98,000 by the description, and as many raw bytes."""
NUM_PARTS = 4
"""Each takes some of the operations, so that several processes share them."""
NUM_AT_ONCE = 40
CHECKS: list[CheckFunction] = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    allow_header_conformance,
]
IN_HASTE = ("viewer by token", "operator by cookie")
VISITING = [pytest.param(VISITORS, id="all", marks=[pytest.mark.slow])]
if FUZZ_SCALE < 0.1:
    VISITING.append(pytest.param(IN_HASTE, id="two"))
OF_ANYONE = {"/login", "/login.css", "/login.js", "/style.css", "/api/login"}
BUSY = (429, 503)
MOST_VOID = 0.2
"""Of all requests: so many may be sent away by the door, such as logins that come too often, or cut off."""


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


@pytest.mark.slow
@pytest.mark.parametrize("part", range(NUM_PARTS))
@pytest.mark.parametrize("visitors", VISITING)
def test_every_operation_as_each_role(unit: Guarded, visitors: tuple[str, ...], part: int, loud: Loud) -> None:
    described = unit.described()
    schema = schemathesis.openapi.from_dict(described)
    operations = [one.ok() for one in schema.get_all_operations()]
    assert len(operations) == sum(len(methods) for methods in described["paths"].values())
    most = int(NUM_OF_VISITOR * FUZZ_SCALE / len(operations) / len(GenerationMode))
    lines = {visitor: Line(unit.url, visitor) for visitor in visitors}
    for operation in operations[part::NUM_PARTS]:
        for mode in GenerationMode:
            unit.be_live(mode is GenerationMode.POSITIVE)
            try_all(operation.as_strategy(mode), max(1, most), unit, lines, loud)
    for line in lines.values():
        line.close()
    assert num_void(tallies["OpenAPI"].outcomes) <= MOST_VOID * tallies["OpenAPI"].cases


def try_all(strategy: Any, most: int, unit: Guarded, lines: dict[str, Line], loud: Loud) -> None:
    """Each case as each visitor: to make one up takes several times as long as to ask and judge."""
    judged: set[Any] = set()

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
        changes, asked = Changes(unit), requests_of(case, unit, lines)
        for harmless in (True, False):  # each half at once, first those who may change nothing
            half = [visitor for visitor in lines if may(role_of(visitor), "operator") != harmless]
            with timed_case(tallies.setdefault("OpenAPI", Tally()), len(half)):
                for visitor in half:
                    lines[visitor].ask(asked[visitor])
                answers = {visitor: lines[visitor].answer() for visitor in half}
            for visitor, response in answers.items():
                check(case, response, unit, visitor, judged)
                if case.operation.path in ENDLESS:
                    lines[visitor].close()
            if harmless:
                assert changes.none(), (f"{case.method} {case.operation.path} as one of {half} changed something", case)
        assert not loud.heard, loud.heard

    tried()


class Changes:
    """What the unit had changed when this began: no more may come of those who may change nothing."""

    def __init__(self, unit: Guarded) -> None:
        self._unit, self._before = unit, unit.num_changes

    def none(self) -> bool:
        return self._unit.num_changes == self._before


def requests_of(case: Case, unit: Guarded, visitors: Iterable[str]) -> dict[str, requests.PreparedRequest]:
    """What schemathesis makes up to show is left to him who has nothing of his own."""

    def prepared() -> requests.PreparedRequest:
        return requests.Request(**case.as_transport_kwargs(base_url=unit.url)).prepare()

    asked = {visitor: prepared() for visitor in visitors if role_of(visitor) is None}
    case.headers.pop("Authorization", None)
    case.cookies.clear()
    bare = prepared()
    for visitor in visitors:
        if role_of(visitor) is not None:
            asked[visitor] = bare.copy()
            asked[visitor].headers.update(shown_by(unit, visitor))
    return asked


def check(case: Case, response: requests.Response, unit: Guarded, visitor: str, judged: set[Any]) -> None:
    role, route = role_of(visitor), case.operation.path
    told = f"{case.method} {route} as {visitor}: {response.status_code}"
    assert response.status_code < 500 or response.status_code == 503, told
    tallies["OpenAPI"].outcomes[outcome_of(visitor, response.status_code)] += 1
    least = least_role(case.method, route)
    if response.status_code < 400:
        assert may(role, least), f"{told}, which takes {least}"
    if route in ENDLESS:
        described = case.operation.definition.raw["responses"]
        assert str(response.status_code) in described, told
        kind = response.headers["Content-Type"].partition(";")[0]
        assert kind in described[str(response.status_code)].get("content", ()), told
    else:
        heads = sorted((name, value) for name, value in response.headers.items() if name != "Date")
        answer = (case.operation.label, response.status_code, *heads, response.content)
        if answer not in judged:  # what the checks look at: the same answer again is judged the same
            case.validate_response(response, checks=CHECKS)
            judged.add(answer)
    if response.status_code == 204 and route == "/api/logout" and visitor.endswith("cookie") and role is not None:
        unit.log_in_again(role)


def outcome_of(visitor: str, status: int) -> str:
    """What is counted of an answer; 503 and 429 by themselves, since there the handler may not have been reached."""
    told = str(status) if status in BUSY else f"{status // 100}xx" if status else "closed"
    return f"{role_of(visitor) or 'nobody'} {told}"


def num_void(outcomes: Counter[str]) -> int:
    return sum(num for outcome, num in outcomes.items() if outcome.endswith((*map(str, BUSY), "closed")))


@pytest.mark.slow
@pytest.mark.parametrize("visitor", VISITORS)
@fuzz("HTTP as a role", NUM_OF_VISITOR, at_once=NUM_AT_ONCE)
def test_raw_requests_as_each_role(
    draw: Random, outcomes: Counter[str], unit: Guarded, visitor: str, loud: Loud
) -> None:
    role, changes = role_of(visitor), Changes(unit)
    draw = Random(f"{visitor} {draw.getrandbits(64)}")
    lines = [f"{name}: {value}" for name, value in shown_by(unit, visitor).items()]
    contents = [request(draw, lines, "{}:{}".format(*unit.address)) for _ in range(NUM_AT_ONCE)]
    answers = answers_of(unit.address, contents)
    for content, (status, head) in zip(contents, answers, strict=True):
        outcomes[outcome_of(visitor, status)] += 1
        assert status < 500 or status == 503, (content[:300], head[:500])
        if role is None and 200 <= status < 300:
            path = content.split(b"?", 1)[0].split(b" ")[1].decode("utf-8", "replace")
            assert path in OF_ANYONE, (content[:300], head[:300])
    assert not loud.heard, loud.heard
    assert may(role, "operator") or changes.none(), (visitor, contents, "changed something")
    assert num_void(outcomes) <= MOST_VOID * max(outcomes.total(), 1000)
    if role is not None and any(status == 204 for status, _ in answers) and visitor.endswith("cookie"):
        unit.log_in_again(role)
