"""The camera's settings by HTTP, down to a driver."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from edge.access.audit import AuditLog
from edge.calibration.of_unit import UnitCorrection
from edge.frames.stages import Adjustment
from edge.health.record import Health
from edge.sources.holder import SourceHolder, SourceOrder
from edge.sources.open import SourceWish
from edge.sources.v4l2_controls import NUMBERS, adjust, adjustments_of
from edge.web.api import camera_controls as module
from edge.web.api.camera_controls import CameraControls
from tests.doubles.guarded import Guest, guarded_studio, write_users
from tests.doubles.http_viewer import GUARD_S
from tests.doubles.scripted_source import ScriptedSource
from tests.doubles.studio import Studio
from tests.doubles.v4l2_driver import Control, Driver, Drivers
from tests.doubles.waiting import wait_until


class Camera(ScriptedSource):
    """Frames by a script, settings of a driver."""

    def __init__(self, device: Path, drivers: Drivers) -> None:
        super().__init__(*range(1000))
        self.device, self.drivers = str(device), drivers
        self.found = {"exposure": 250.0}

    def adjustments(self) -> dict[str, Adjustment]:
        return adjustments_of(self.device, self.drivers)

    def adjust(self, values: Mapping[str, float]) -> None:
        self.found |= adjust(self.device, values, self.drivers)

    def about(self) -> dict[str, Any]:
        return {"controls": dict(self.found), "picture": None}


@pytest.fixture
def driver() -> Driver:
    exposure, gain = NUMBERS["exposure"], NUMBERS["gain"]
    return Driver("Camera", controls={exposure: Control(3, 2047, 1, 250, 250), gain: Control(0, 9, 1, 0, 0)})


class Unit:
    def __init__(self, folder: Path, source: Any, correction: UnitCorrection | None = None) -> None:
        self.opened: list[SourceWish] = []

        def opening(wish: SourceWish) -> Any:
            self.opened.append(wish)
            return source

        wish = SourceWish("camera:/dev/video0", controls={"gain": 1.0})
        self.health = Health()
        self.holder = SourceHolder(SourceOrder(wish, correction), opening, self.health, threading.Event())
        self.holder.read()
        self.controls = CameraControls(self.holder)
        audit = AuditLog(folder / "audit.jsonl", journal=folder / "none")
        self.studio = guarded_studio(write_users(folder / "users.toml"), audit, self._furnish)
        self.guest = Guest(self.studio.url)
        assert self.guest.log_in("otto") == 200

    def _furnish(self, studio: Studio) -> None:
        studio.sink.serve_too(self.controls.operations(), self.controls.state)


@pytest.fixture
def unit(tmp_path: Path, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Unit]:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    device = tmp_path / "video0"
    device.touch()
    calibrated = UnitCorrection("A-1", "1920x1080 demo", None, {"exposure": 250.0})
    unit = Unit(tmp_path, Camera(device, Drivers({device: driver})), calibrated)
    yield unit
    unit.studio.close()


def test_they_are_told_with_their_ranges(unit: Unit) -> None:
    status, _, body = unit.guest.ask("GET", "/api/camera-controls")
    assert status == 200
    assert json.loads(body) == {
        "exposure": {"low": 3, "high": 2047, "step": 1, "default": 250, "now": 250, "active": True},
        "gain": {"low": 0, "high": 9, "step": 1, "default": 0, "now": 0, "active": True},
    }
    assert json.loads(unit.guest.ask("GET", "/api/state")[2])["can"]["camera_controls"] is True


def test_a_change_reaches_the_driver_the_record_the_banner_and_the_next_opening(
    unit: Unit, driver: Driver, tmp_path: Path
) -> None:
    status, _, body = unit.guest.ask("POST", "/api/camera-controls", {"exposure": 120, "gain": 4})
    assert (status, json.loads(body)["exposure"]["now"]) == (200, 120)
    assert [control.now for control in driver.controls.values()] == [120, 4]
    entries = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    asked = [(one["who"], one["value"]) for one in entries if one["event"] == "asked-camera-controls"]
    assert asked == [("otto", "exposure=120 gain=4")]
    notices = unit.health.snapshot(0)["notices"]
    assert notices == ["camera not as calibrated: exposure is 120, calibrated at 250"]
    assert dict(unit.holder._order.wish.controls) == {"gain": 4.0, "exposure": 120.0}, "set when it is opened again"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"exposure": 1}, 409, b"exposure = 1: expected a number from 3 to 2047\n"),
        ({"gamma": 1}, 409, b"gamma: this camera has exposure, gain\n"),
        ({"focus": 1}, 400, b"body: no 'focus'; expected auto_exposure, "),
        ({}, 400, b"expected one or more of auto_exposure, "),
        ({"exposure": "120"}, 400, b"exposure: expected a number\n"),
    ],
)
def test_what_cannot_be_changes_nothing(
    unit: Unit, driver: Driver, body: dict[str, Any], status: int, message: bytes
) -> None:
    answered = unit.guest.ask("POST", "/api/camera-controls", body)
    assert (answered[0], answered[2][: len(message)]) == (status, message)
    assert [control.now for control in driver.controls.values()] == [250, 0]


def test_a_source_without_settings_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    unit = Unit(tmp_path, ScriptedSource(*range(100)))
    try:
        for method, body in (("GET", None), ("POST", {"exposure": 3})):
            answered = unit.guest.ask(method, "/api/camera-controls", body)
            assert (answered[0], answered[2]) == (409, b"this source has no settings, or is not there now\n")
        assert json.loads(unit.guest.ask("GET", "/api/state")[2])["can"]["camera_controls"] is False
    finally:
        unit.studio.close()


def test_a_driver_that_hangs_holds_nobody_and_is_asked_by_one_alone(
    unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WITHIN_S", 0.05)
    hung = threading.Event()
    monkeypatch.setattr(unit.holder, "adjustments", lambda: hung.wait(GUARD_S) and {})
    status, _, body = unit.guest.ask("GET", "/api/camera-controls")
    assert (status, body) == (409, b"the camera's driver does not answer; check its cable\n")
    status, headers, _ = unit.guest.ask("GET", "/api/camera-controls")
    assert (status, headers["retry-after"]) == (503, "1")
    hung.set()
    wait_until(lambda: unit.guest.ask("GET", "/api/camera-controls")[0] == 200)
