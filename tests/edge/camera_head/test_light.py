"""The ring light as a person sets it, on a simulated head over a real pseudo terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.basics.errors import ConfigError, DeviceMissing
from edge.camera_head.head import CameraHead
from edge.config import BridgeConfig
from edge.health.news import Board
from edge.health.record import Health
from edge.saving.freeze import Freeze
from firmware_bridge.device.device import PythonDevice
from firmware_bridge.device.interface import Identity
from firmware_bridge.device.simulator import Simulator
from firmware_bridge.wire.messages import Capability
from tests.doubles.patient_line import patient_line  # noqa: F401 - a fixture
from tests.doubles.studio import Shelf
from tests.doubles.waiting import GUARD_S, wait_until


def connected(path: Path, **settings: object) -> CameraHead:
    board = Board()
    health = Health(board)
    config = BridgeConfig(port=str(path), **settings)  # type: ignore[arg-type]
    head = CameraHead(config, health, Freeze(health, board, Shelf()))
    head.start()
    wait_until(lambda: "supply_v" in head.describe())
    return head


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    with Simulator(PythonDevice(Identity(num_leds=2)), tmp_path / "head", seed=1) as simulator:
        yield simulator


@pytest.fixture
def connect(simulator: Simulator) -> Iterator[Callable[..., CameraHead]]:
    heads: list[CameraHead] = []

    def make(**settings: object) -> CameraHead:
        heads.append(connected(simulator.path, **settings))
        return heads[-1]

    yield make
    for head in heads:
        head.close()


@pytest.mark.parametrize(
    ("configured", "levels"),
    [((), (400, 400)), ((500, 250), (400, 200)), ((300,), (400, 0)), ((0, 0), (400, 400))],
)
def test_the_channels_keep_the_proportion_that_is_configured(
    connect: Callable[..., CameraHead], simulator: Simulator, configured: tuple[int, ...], levels: tuple[int, int]
) -> None:
    head = connect(led_permille=configured)
    head.light.set_percent(40).result(GUARD_S)
    wait_until(lambda: simulator.outputs.led_permille[:2] == levels)  # a head that heard nothing for 2 s dims it
    assert head.light.percent() == 40


def test_it_is_told_before_anybody_has_set_it(connect: Callable[..., CameraHead]) -> None:
    light = connect(led_permille=(500, 250)).light
    wait_until(lambda: light.percent() == 50)


def test_it_is_set_again_when_the_head_is_back(connect: Callable[..., CameraHead], simulator: Simulator) -> None:
    head = connect(led_permille=(500, 500))
    head.light.set_percent(20).result(GUARD_S)
    simulator.unplug()
    wait_until(lambda: head.light.percent() is None)
    simulator.plug()
    wait_until(lambda: head.describe().get("led_permille") == [200, 200])


@pytest.mark.parametrize("percent", [-1, 60.1, 100])
def test_more_than_the_limit_is_refused(
    connect: Callable[..., CameraHead], simulator: Simulator, percent: float
) -> None:
    head = connect(led_limit_permille=600, led_permille=(100, 100))
    wait_until(lambda: simulator.outputs.led_permille[:2] == (100, 100))
    with pytest.raises(ConfigError, match=r"expected a number from 0 to 60, by bridge\.led_limit_permille"):
        head.light.set_percent(percent)
    assert simulator.outputs.led_permille[:2] == (100, 100)


def test_a_head_that_is_gone_is_told(connect: Callable[..., CameraHead], simulator: Simulator) -> None:
    head = connect()
    simulator.unplug()
    wait_until(lambda: head.light.percent() is None)
    with pytest.raises(DeviceMissing, match="camera head not connected"):
        head.light.set_percent(10)


def test_a_head_that_does_not_answer_is_told_and_nothing_is_remembered(
    connect: Callable[..., CameraHead],
    simulator: Simulator,
    patient_line: Callable[[], None],  # noqa: F811
) -> None:
    head = connect()
    patient_line()
    simulator.switches.hang = True
    with pytest.raises(DeviceMissing, match="camera head: "):
        head.light.set_percent(10).result(GUARD_S)
    assert head.light.levels_permille(2) == ()


def test_a_head_that_is_paired_with_another_unit_does_not_obey(tmp_path: Path) -> None:
    device = PythonDevice(Identity("A-1", 2, int(Identity().capabilities | Capability.PAIRING)))
    device._pairing.flash.key = bytes(range(32))
    with Simulator(device, tmp_path / "head") as simulator:
        head = connected(tmp_path / "head", keys=str(tmp_path / "keys"))
        try:
            with pytest.raises(DeviceMissing, match="paired with another unit; hold its button"):
                head.light.set_percent(10)
        finally:
            head.close()
        assert simulator.outputs.led_permille[:2] == (0, 0)
