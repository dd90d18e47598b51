"""The tables of docs/reference.md that `python -m edge.reference_page` makes."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.basics.errors import EXIT_CODES
from edge.basics.markdown import with_section
from edge.health.fields import FIELDS, absent, undescribed
from edge.reference_page import PAGE, SECTIONS, main, section
from edge.web.api.page import asked_of
from tests.doubles.waiting import GUARD_S
from tests.paths import REPOSITORY

PACKAGES = ("edge", "export", "calib", "firmware_bridge", "trainer")


@pytest.mark.parametrize("name", SECTIONS)
def test_the_page_has_the_table_that_the_command_makes(name: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_section(page, name, section(name)) == page, "run: python -m edge.reference_page"


def test_the_command_renews_its_sections_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "".join(f"above\n<!-- begin: {name} -->\n(nothing yet)\n<!-- end: {name} -->\n" for name in SECTIONS)
    )
    monkeypatch.setattr("edge.reference_page.PAGE", page)
    main()
    text = page.read_text()
    assert text.count("above\n") == len(SECTIONS) and "(nothing yet)" not in text
    assert all(section(name) in text for name in SECTIONS)


def _exit_codes_in_code() -> set[int]:
    """Every `exit_code = NUMBER` of an error."""
    found: set[int] = set()
    for path in (path for name in PACKAGES for path in (REPOSITORY / name).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "exit_code":
                found.add(ast.literal_eval(node.value))
    return found


def test_every_exit_code_of_an_error_has_its_row() -> None:
    assert {1, 2, 69, 74, 78} <= _exit_codes_in_code() <= EXIT_CODES.keys()


@pytest.fixture(scope="module")
def health(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Of a real unit with a camera head, coded video and seconds kept before, after a reload."""
    folder = tmp_path_factory.mktemp("unit")
    head, address, config = folder / "head", folder / "web.sock", folder / "edge.toml"
    config.write_text(
        f'[bridge]\nport = "{head}"\n[web]\nlisten = "unix:{address}"\n[save]\nfolder = "{folder}"\n'
        '[recording]\nbefore_s = 1\n[video]\nrtsp = "127.0.0.1:0"\n'
    )
    commands = [
        ["firmware_bridge.cli", "simulate", str(head)],
        ["edge.cli", "--live", "--source", "demo:", "--config", str(config)],
    ]
    running = [subprocess.Popen([sys.executable, "-m", *one], stdin=subprocess.DEVNULL) for one in commands]
    try:
        yield _settled(address, running[1])
    finally:
        for one in running:
            one.terminate()
            one.wait(GUARD_S)


def _settled(address: Path, unit: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The record once the head has answered, the unit has read its configuration again, and every part tells."""
    asked_of(address, unit, "/health")
    is_reloading, end = False, time.monotonic() + GUARD_S
    while time.monotonic() < end:
        record = asked_of(address, unit, "/health")
        is_head_told = "led_permille" in record["bridge"]
        if record["reload"] is not None and record["frames"] and is_head_told and not absent(record):
            return record
        if record["frames"] and not is_reloading:
            unit.send_signal(signal.SIGHUP)
            is_reloading = True
        time.sleep(0.1)
    return record


def test_every_field_that_a_unit_tells_is_described(health: dict[str, Any]) -> None:
    assert undescribed(health) == []


def test_every_field_that_is_described_is_told(health: dict[str, Any]) -> None:
    assert absent(health) == []
    told = {one.path for one in FIELDS if one.path.startswith("bridge.") and not one.path.endswith("*")}
    assert {path.removeprefix("bridge.").partition(".")[0] for path in told} <= health["bridge"].keys()


def _keys_of_about(path: str) -> set[str]:
    """What `about` of a file returns, by the dict that stands there."""
    tree = ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))
    (about,) = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "about")
    records = [
        node.value for node in ast.walk(about) if isinstance(node, ast.Return) and isinstance(node.value, ast.Dict)
    ]
    return {ast.literal_eval(key) for record in records for key in record.keys if key is not None}


@pytest.mark.parametrize(
    ("part", "paths", "more"),
    [
        ("display", ["edge/display/sink.py"], set()),
        (
            "camera",
            ["edge/sources/camera.py", "edge/sources/network/source.py", "edge/sources/gstreamer/source.py"],
            {"not_as_calibrated"},
        ),
    ],
    ids=["screen", "camera"],
)
def test_what_only_hardware_tells_is_described_too(part: str, paths: list[str], more: set[str]) -> None:
    described = {one.path.split(".")[1] for one in FIELDS if one.path.startswith(f"{part}.")}
    assert described == more.union(*(_keys_of_about(path) for path in paths))


@pytest.mark.parametrize(
    ("record", "paths"),
    [
        ({"state": "live"}, []),
        ({"mood": "fine"}, ["mood"]),
        ({"stage_ms": {"dehaze": {"p50": 1}}}, []),
        ({"ladder": {"rung": "raw", "step": 3}}, ["ladder.step"]),
        ({"unit_state": {"temperatures_celsius": {"zone.a.b": 40}}}, []),
        ({"reload": {"count": 1, "at": "", "ok": True, "reason": ""}}, []),
        ({"bridge": None}, []),
    ],
)
def test_a_field_that_nobody_described_is_found(record: dict[str, Any], paths: list[str]) -> None:
    assert undescribed(record) == paths


def test_a_field_that_is_gone_is_found() -> None:
    assert "ladder.rung" in absent({"ladder": {}})
    assert "parts.*.reason" in absent({"parts": {"engine": {"state": "ok", "since_s": 1}}})
