"""A host's session and a device joined by a line, in a time of their own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from firmware_bridge.device.c_device import SANITIZERS, CDevice, compiler
from firmware_bridge.device.device import PythonDevice
from firmware_bridge.device.faulty_line import FaultyLine, LineFaults
from firmware_bridge.device.interface import Device, Identity, Sensors, Stepped
from firmware_bridge.host.session import Session
from firmware_bridge.wire.layout import Message
from firmware_bridge.wire.messages import ResetCause

MS_NS = 1_000_000
NEEDS_COMPILER = pytest.mark.skipif(compiler() is None, reason="no C compiler: apt-get install gcc")
BOTH_DEVICES = ["python", pytest.param("c", marks=NEEDS_COMPILER)]


def made_device(kind: str, identity: Identity = Identity()) -> Device:  # noqa: B008  frozen
    """A device; the one in C is built with the address and undefined behaviour sanitizers."""
    return PythonDevice(identity) if kind == "python" else CDevice(identity, SANITIZERS)


class Bench:
    """Steps host and device through simulated time and keeps what was seen.

    Attributes:
        effects: sync delay after each command that the device carried out, in order; -1 stands for another command.
        events: what the session handed on.
    """

    def __init__(self, device: Device, faults: LineFaults = LineFaults(), seed: int = 1) -> None:  # noqa: B008  frozen
        self.device = device
        self.down, self.up = FaultyLine(faults, seed), FaultyLine(faults, seed + 1)
        self.now_ns = 10**12
        self.booted_ns = self.now_ns
        self.sensors = Sensors()
        self.pressed = False
        self.host_alive = True
        self.hung = False
        self.exposures_us: list[int] = []
        self.effects: list[int] = []
        self.events: list[Message] = []
        self.seen: Stepped | None = None
        self.session = Session(self.now_ns, self._on_event)

    def _on_event(self, event: Message, now_ns: int) -> None:
        self.events.append(event)

    @property
    def device_us(self) -> int:
        return (self.now_ns - self.booted_ns) // 1000

    @property
    def outputs(self) -> Stepped:
        assert self.seen is not None
        return self.seen

    def reopen(self, **options: Any) -> None:
        """Another session on the same line, as after a failure."""
        self.session = Session(self.now_ns, self._on_event, **options)

    def reboot(self, cause: ResetCause = ResetCause.POWER_ON) -> None:
        self.device.start(cause)
        self.booted_ns = self.now_ns
        self.seen = None

    def step(self) -> None:
        """Let both sides work once at the present time."""
        if self.host_alive:
            self.session.receive(self.up.take(self.now_ns), self.now_ns)
            self.session.poll(self.now_ns)
            self.down.put(self.session.take_output(), self.now_ns)
        received = self.down.take(self.now_ns)
        if self.hung:
            return
        exposure_us = self.exposures_us.pop(0) if self.exposures_us else None
        before = 0 if self.seen is None else self.seen.effects
        self.seen = self.device.step(
            self.device_us, received, self.sensors, pressed=self.pressed, exposure_us=exposure_us
        )
        assert self.seen.effects - before <= 1, "one request at a time"
        if self.seen.effects > before:
            self.effects.append(self.seen.sync_delay_us)
        self.up.put(self.seen.sent, self.now_ns)
        if self.seen.wants_restart:
            self.reboot(ResetCause.COMMAND)

    def run(self, ms: float, step_ms: float = 5) -> None:
        end_ns = self.now_ns + round(ms * MS_NS)
        while self.now_ns < end_ns:
            self.step()
            self.now_ns = min(end_ns, self.now_ns + round(step_ms * MS_NS))
        self.step()

    def until(self, done: Callable[[], bool], most_ms: float = 60_000, step_ms: float = 5) -> None:
        end_ns = self.now_ns + round(most_ms * MS_NS)
        self.step()
        while not done():
            assert self.now_ns < end_ns, "what was waited for did not come"
            self.now_ns += round(step_ms * MS_NS)
            self.step()

    def open(self) -> None:
        self.until(lambda: self.session.identity is not None or self.session.failure is not None)
        assert self.session.failure is None

    def ask(self, message: Message, step_ms: float = 5) -> Future[Message]:
        """Send a request and wait for what comes of it."""
        future = self.session.submit(message)
        self.until(future.done, step_ms=step_ms)
        return future
