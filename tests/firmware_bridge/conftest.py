"""A host's session and a device joined by a line, in a time of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from firmware_bridge.device.faulty_line import LineFaults
from firmware_bridge.device.interface import Device, Identity
from tests.doubles.line_bench import BOTH_DEVICES, Bench, made_device


@pytest.fixture(params=BOTH_DEVICES)
def device_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make_bench(device_kind: str) -> Iterator[Callable[..., Bench]]:
    devices: list[Device] = []

    def make(faults: LineFaults = LineFaults(), seed: int = 1, identity: Identity = Identity()) -> Bench:  # noqa: B008
        devices.append(made_device(device_kind, identity))
        return Bench(devices[-1], faults, seed)

    yield make
    for device in devices:
        device.close()  # raises where a sanitizer stopped the device in C


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """Open, on a perfect line."""
    bench = make_bench()
    bench.open()
    return bench
