"""The camera head in the runtime: a simulated head on a real pseudo terminal, the real health record and control."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.basics.errors import ConfigError, DeviceMissing
from edge.camera_head import head as head_module
from edge.camera_head.head import CameraHead, check_head
from edge.config import BridgeConfig
from edge.config_file import load_config
from edge.frames.frame import Frame, FramePair
from edge.health import state as state_module
from edge.health.news import Board
from edge.health.record import Health
from edge.saving.freeze import Freeze
from firmware_bridge.device import device as device_module
from firmware_bridge.device.device import PythonDevice
from firmware_bridge.device.interface import Identity
from firmware_bridge.device.simulator import Simulator, Switches
from firmware_bridge.host.keys import write_key
from firmware_bridge.wire.messages import Button, ButtonAction, Capability, LightState
from tests.doubles.patient_line import patient_line  # noqa: F401 - a fixture
from tests.doubles.studio import Shelf
from tests.doubles.waiting import GUARD_S, wait_until

IMAGE = np.zeros((4, 4, 3), np.uint8)


class Unit:
    def __init__(self, path: Path, **settings: object) -> None:
        board = Board()
        self.health = Health(board)
        shelf = Shelf()
        self.saved = shelf.pairs
        self.freeze = Freeze(self.health, board, shelf)
        self.head = CameraHead(BridgeConfig(port=str(path), **settings), self.health, self.freeze)
        self.head.start()
        self.seq = 0

    def show(self) -> None:
        self.seq += 1
        raw = Frame(IMAGE, self.seq, time.monotonic_ns())
        pair = FramePair(raw, raw.enhanced(IMAGE, "live", {}))
        self.health.captured(raw)
        self.health.published(pair, time.monotonic_ns())
        self.freeze.publish(pair)
        self.head.publish(pair)

    @property
    def notices(self) -> tuple[str, ...]:
        return self.health.verdict(time.monotonic_ns()).notices

    @property
    def record(self) -> dict:
        return self.health.snapshot(time.monotonic_ns())["bridge"]


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    device = PythonDevice(Identity(num_leds=2))
    with Simulator(device, tmp_path / "head", switches=Switches(fps=50), seed=1) as simulator:
        yield simulator


@pytest.fixture
def make_unit(simulator: Simulator) -> Iterator[Callable[..., Unit]]:
    units: list[Unit] = []

    def make(**settings: object) -> Unit:
        units.append(Unit(simulator.path, **settings))
        wait_until(lambda: units[-1].record["state"] == "connected")
        return units[-1]

    yield make
    for unit in units:
        unit.head.close()


def test_the_head_is_brought_into_the_configured_state_and_told_in_health(make_unit, simulator):
    unit = make_unit(led_permille=(700, 300), led_limit_permille=600, sync_delay_us=250)
    wait_until(lambda: unit.record.get("led_permille") == [600, 300])
    assert simulator.outputs.sync_delay_us == 250
    record = unit.record
    assert (record["serial"], record["num_leds"], record["reconnects"]) == ("SIM-0001", 2, 0)
    assert record["faults"] == []
    assert record["light_state"] == LightState.NORMAL
    assert 20 < record["window_celsius"] < 45
    assert unit.notices == ()


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture stays live and a short press short, however long the machine takes over them."""
    monkeypatch.setattr(state_module, "STALE_AFTER_MS", GUARD_S * 1e3)
    monkeypatch.setattr(head_module, "LATE_PRESS_NS", GUARD_S * 10**9)
    monkeypatch.setattr(device_module, "LONG_PRESS_US", GUARD_S * 10**6)


@pytest.mark.usefixtures("unhurried")
def test_a_press_freezes_and_saves_and_the_next_goes_back_to_live(make_unit, simulator):
    unit = make_unit()
    unit.show()
    simulator.press(0.1)
    wait_until(lambda: unit.saved)
    assert unit.freeze.frozen is unit.saved[0]
    simulator.press(0.1)
    wait_until(lambda: unit.freeze.frozen is None)
    assert len(unit.saved) == 1


def test_a_long_press_turns_the_view_about(make_unit, simulator):
    unit = make_unit()
    unit.show()
    simulator.press(1.0)
    wait_until(lambda: unit.freeze.view().view == "raw")
    assert unit.saved == []


def test_a_press_that_comes_seconds_late_does_nothing(make_unit, monkeypatch):
    monkeypatch.setattr(state_module, "STALE_AFTER_MS", GUARD_S * 1e3)  # the picture is live meanwhile
    unit = make_unit()
    unit.show()
    wait_until(lambda: unit.record["frame_sync"]["uncertainty_ms"] is not None)
    old_us = -3_000_000
    now_ns = time.monotonic_ns()
    device_now_us = (now_ns - unit.head._bridge.host_ns(0)) // 1000
    for action in (ButtonAction.PRESS, ButtonAction.RELEASE):
        unit.head._on_button(Button(action, device_now_us + old_us), now_ns)
    assert unit.freeze.frozen is None
    for action in (ButtonAction.PRESS, ButtonAction.RELEASE):
        unit.head._on_button(Button(action, device_now_us), now_ns)
    assert unit.freeze.frozen is not None


@pytest.mark.slow
def test_the_heater_follows_the_dew_point(make_unit, simulator):
    make_unit()
    around = simulator.switches.surroundings
    around.window_celsius = 24.0
    wait_until(lambda: simulator.outputs.heater_permille == 800)
    around.window_celsius = 39.0
    wait_until(lambda: simulator.outputs.heater_permille == 0)


def test_the_heater_can_be_left_off(make_unit, simulator):
    unit = make_unit(heater="off")
    wait_until(lambda: unit.record.get("line", {}).get("requests", 0) > 6)
    assert simulator.outputs.heater_permille == 0


def test_a_fault_is_in_the_banner_and_in_health(make_unit, simulator):
    unit = make_unit()
    simulator.switches.surroundings.extra_window_celsius = 30.0
    wait_until(lambda: unit.notices == ("camera head: over temperature",))
    assert unit.record["faults"] == ["OVER_TEMPERATURE"]


def test_a_lost_head_is_marked_and_set_up_again_when_it_is_back(make_unit, simulator):
    unit = make_unit(led_permille=(500, 500))
    wait_until(lambda: unit.record.get("led_permille") == [500, 500])
    simulator.unplug()
    wait_until(lambda: unit.notices == ("camera head not connected",))
    record = unit.record
    assert record["state"] == "lost"
    assert record["reason"]
    assert "led_permille" not in record, "no old value is told as the present one"
    simulator.plug()
    wait_until(lambda: unit.record.get("led_permille") == [500, 500])
    assert unit.record["reconnects"] == 1
    wait_until(lambda: unit.notices == ())


def test_exposures_are_matched_to_frames(make_unit):
    unit = make_unit()
    wait_until(lambda: unit.record["frame_sync"]["uncertainty_ms"] is not None)

    def is_matched() -> bool:
        unit.show()
        return unit.record["frame_sync"]["matched"] > 15

    wait_until(is_matched)
    sync = unit.record["frame_sync"]
    assert 0 <= sync["offset_ms"] < 250
    assert sync["jitter_ms"] >= 0


def test_a_channel_that_does_not_exist_is_told_where_it_matters(make_unit, simulator):
    unit = make_unit(led_permille=(100, 200, 300))
    message = "bridge.led_permille = [100, 200, 300]: this camera head has 2 light channels, expected at most 2 values"
    wait_until(lambda: unit.notices == (message,))
    wait_until(lambda: unit.record.get("led_permille") == [100, 200])
    assert unit.record["reason"] == message
    unit.head.close()
    with pytest.raises(ConfigError) as caught:
        check_head(BridgeConfig(port=str(simulator.path), led_permille=(100, 200, 300)))
    assert str(caught.value) == message


def test_video_is_not_held_up_by_a_head_that_hangs(make_unit, simulator, patient_line):  # noqa: F811
    unit = make_unit()
    patient_line()
    simulator.switches.hang = True
    took_s = []
    for _ in range(200):
        begin_s = time.monotonic()
        unit.show()
        unit.health.snapshot(time.monotonic_ns())
        took_s.append(time.monotonic() - begin_s)
    assert min(took_s) < 0.1, "a wait for the line would hold each of them up, a busy machine some"
    wait_until(lambda: unit.record["state"] == "lost")


def test_a_missing_head_is_no_error_at_the_start(tmp_path):
    unit = Unit(tmp_path / "none")
    try:
        wait_until(lambda: "no such port" in unit.record["reason"])
        assert unit.notices == ("camera head not connected",)
    finally:
        unit.head.close()


def test_check_tells_what_is_on_the_port(simulator, tmp_path):
    assert check_head(BridgeConfig()) == "not configured"
    message = check_head(BridgeConfig(port=str(simulator.path)))
    assert message.startswith("SIM-0001, firmware 1.0.0, 2 lights, protocol 1.0 on ")
    with pytest.raises(DeviceMissing, match=r"bridge\.port = '.*none': .*no such port"):
        check_head(BridgeConfig(port=str(tmp_path / "none")))
    simulator.switches.surroundings.extra_window_celsius = 30.0
    wait_until(lambda: simulator.outputs.faults)
    with pytest.raises(DeviceMissing, match="fault: over temperature"):
        check_head(BridgeConfig(port=str(simulator.path)))


@pytest.mark.parametrize(
    "text, message",
    [
        pytest.param("led_permille = [500, 1200]", "bridge.led_permille[1] = 1200: expected a whole", id="range"),
        pytest.param(
            "led_permille = 500",
            "led_permille = 500: expected a list of at most 4, each a whole",
            id="no list",
        ),
        pytest.param("led_permille = [1, 2, 3, 4, 5]", "expected a list of at most 4", id="more than any head has"),
        pytest.param("heater = 'on'", "expected one of auto, off", id="heater"),
        pytest.param("baud = 9600", "expected a whole number from 115200 to 1000000", id="baud"),
        pytest.param("prot = 'auto'", "did you mean 'port'?", id="key"),
    ],
)
def test_bad_settings_are_refused_with_their_path(tmp_path, text, message):
    path = tmp_path / "edge.toml"
    path.write_text(f"[bridge]\n{text}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert message in str(caught.value)


def test_lists_are_printed_as_toml_that_reads_back(tmp_path):
    path = tmp_path / "edge.toml"
    path.write_text('[bridge]\nport = "auto"\nled_permille = [500, 600]\n')
    first = load_config(path, {})
    path.write_text("\n".join(first.lines()))
    assert load_config(path, {}).config == first.config
    assert first.config.bridge.led_permille == (500, 600)


@pytest.mark.slow
@pytest.mark.parametrize("keys_of", ["the unit", "another"])
def test_a_paired_head_obeys_the_unit_that_has_its_key(tmp_path, keys_of, caplog):
    key = bytes(range(32))
    device = PythonDevice(Identity("A-1", 2, int(Identity().capabilities | Capability.PAIRING)))
    device._pairing.flash.key = key
    folder = tmp_path / "keys"
    if keys_of == "the unit":
        write_key(folder, "A-1", key)
    with Simulator(device, tmp_path / "head") as simulator:
        unit = Unit(tmp_path / "head", led_permille=(300, 400), keys=str(folder))
        try:
            if keys_of == "the unit":
                wait_until(lambda: simulator.outputs and simulator.outputs.led_permille[:2] == (300, 400))
                assert unit.record["pairing"] == "paired"
                assert unit.health.part("bridge").state == "ok"
            else:
                wait_until(lambda: unit.health.part("bridge").state == "degraded")
                assert "paired with another unit" in unit.health.part("bridge").reason
                assert simulator.outputs.led_permille[:2] == (0, 0)
                wait_until(lambda: unit.record.get("supply_v") == 5.0)  # it still tells how it is
                wait_until(lambda: unit.record["line"]["requests"] > 8)
                assert "refuses" not in caplog.text, "and is not asked in vain, twice a second"
        finally:
            unit.head.close()
