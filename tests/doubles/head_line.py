"""A head and the line to it in a time of their own, for what `edge-bridge conform` asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from firmware_bridge.device.interface import Device, Sensors, Stepped
from firmware_bridge.wire.messages import ResetCause

BOOT_S, STEP_S, FRAME_S = 0.05, 0.005, 1 / 30


class HeadLine:
    """See `firmware_bridge.conform.line.Line`.

    Args:
        sensors: what the head measures at a time of the line's clock.
        pressed: whether its button is held then.
        latency_s: what an answer takes longer.

    Attributes:
        most: the highest light level, heater level and number of restarts so far.
        outputs: the head's last step.
    """

    def __init__(
        self,
        device: Device,
        *,
        sensors: Callable[[float], Sensors] = lambda now_s: Sensors(),
        pressed: Callable[[float], bool] = lambda now_s: False,
        latency_s: float = 0.0,
        has_exposures: bool = True,
    ) -> None:
        self._device, self._sensors, self._pressed = device, sensors, pressed
        self._latency_s, self._has_exposures = latency_s, has_exposures
        self._now_s = self._booted_s = 1000.0
        self._next_exposure_s = self._now_s
        self._down = b""
        self._up: list[tuple[float, bytes]] = []
        self.outputs: Stepped | None = None
        self.most_light = self.most_heat = self.num_restarts = 0

    def now_s(self) -> float:
        return self._now_s

    def write(self, data: bytes) -> None:
        self._down += data
        self._step()

    def read(self, until_s: float) -> bytes:
        while True:
            arrived = b"".join(data for due_s, data in self._up if due_s <= self._now_s)
            self._up = [(due_s, data) for due_s, data in self._up if due_s > self._now_s]
            if arrived or self._now_s >= until_s:
                return arrived
            self._now_s = min(until_s, self._now_s + STEP_S)
            self._step()

    def reopen(self) -> None:
        """It never went away."""

    def close(self) -> None:
        self._device.close()

    def _step(self) -> None:
        received, self._down = self._down, b""
        if self._now_s < self._booted_s:
            return
        exposure_us = None
        if self._has_exposures and self._now_s >= self._next_exposure_s:
            self._next_exposure_s = self._now_s + FRAME_S
            exposure_us = self._device_us()
        sensors = self._sensors(self._now_s)
        if self.outputs is not None:
            sensors = replace(sensors, led_ma=sum(self.outputs.led_permille) // 4)
        now_us = self._device_us()
        pressed = self._pressed(self._now_s)
        self.outputs = self._device.step(now_us, received, sensors, pressed=pressed, exposure_us=exposure_us)
        self.most_light = max(self.most_light, *self.outputs.led_permille)
        self.most_heat = max(self.most_heat, self.outputs.heater_permille)
        if self.outputs.sent:
            self._up.append((self._now_s + self._latency_s, self.outputs.sent))
        if self.outputs.wants_restart:
            self.num_restarts += 1
            self._device.start(ResetCause.COMMAND)
            self._booted_s = self._now_s + BOOT_S
            self.outputs = None

    def _device_us(self) -> int:
        return round((self._now_s - self._booted_s) * 1e6)
