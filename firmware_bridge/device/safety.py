"""The safety rules of the Python device, as in c/edge_device.c: what light and heater may give, and the faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware_bridge.wire.limits import MAX_LEDS
from firmware_bridge.wire.messages import PARAM_DEFAULT, Fault, LightState, Param, ResetCause, Status

if TYPE_CHECKING:
    from firmware_bridge.device.interface import Sensors

WINDOW_LIMIT_CENTI_CELSIUS = 4100
BOARD_LIMIT_CENTI_CELSIUS = 8500
SUPPLY_LOW_MV = 4500
DIM_AFTER_US = 2_000_000
DARK_AFTER_US = 10_000_000
DIM_PERMILLE = 100


class Safety:
    """What was asked, what is measured, and what follows from both."""

    def __init__(self, cause: ResetCause) -> None:
        self._cause = cause
        self._sensors: Sensors | None = None
        self.params = dict(PARAM_DEFAULT)
        self.asked_led_permille = [0] * MAX_LEDS
        self.asked_heater_permille = 0
        self.heartbeat_us = 0
        self.latched_hot = False
        self.faults = 0
        self.led_permille: tuple[int, ...] = (0,) * MAX_LEDS
        self.heater_permille = 0
        self.light_state = LightState.DARK

    def judge(self, sensors: Sensors) -> int:
        """The fault bits that hold with these measurements."""
        self._sensors = sensors
        window, board = sensors.window_centi_celsius, sensors.board_centi_celsius
        faults = Fault(sensors.driver_faults)
        hot_window = window is not None and window >= WINDOW_LIMIT_CENTI_CELSIUS
        hot_board = board is not None and board >= BOARD_LIMIT_CENTI_CELSIUS
        self.latched_hot |= hot_window or hot_board
        if self.latched_hot:
            faults |= Fault.OVER_TEMPERATURE
        if window is None or board is None:
            faults |= Fault.SENSOR
        if sensors.supply_mv < SUPPLY_LOW_MV:
            faults |= Fault.SUPPLY_LOW
        if self._cause == ResetCause.WATCHDOG:
            faults |= Fault.WATCHDOG
        self.faults = int(faults)
        return self.faults

    def decide(self, now_us: int, *, alive: bool) -> None:
        """Work out what light and heater give now.

        Args:
            alive: a host has opened a session and no restart is under way.
        """
        silent_us = now_us - self.heartbeat_us
        most, self.light_state = self.params[Param.LED_LIMIT_PERMILLE], LightState.NORMAL
        if not alive or silent_us >= DARK_AFTER_US:
            most, self.light_state = 0, LightState.DARK
        elif self.latched_hot or silent_us >= DIM_AFTER_US:
            most, self.light_state = min(most, DIM_PERMILLE), LightState.DIMMED
        self.led_permille = tuple(min(asked, most) for asked in self.asked_led_permille)
        window_known = self._sensors is not None and self._sensors.window_centi_celsius is not None
        heater_allowed = alive and silent_us < DIM_AFTER_US and not self.latched_hot and window_known
        limit = self.params[Param.HEATER_LIMIT_PERMILLE]
        self.heater_permille = min(self.asked_heater_permille, limit) if heater_allowed else 0

    def status(self, now_us: int) -> Status:
        """The answer to HEARTBEAT."""
        sensors = self._sensors
        return Status(
            now_us,
            sensors.led_ma if sensors else 0,
            self.led_permille,
            self.heater_permille,
            sensors.window_centi_celsius if sensors else None,
            sensors.board_centi_celsius if sensors else None,
            sensors.humidity_permille if sensors else None,
            sensors.dew_margin_centi_celsius if sensors else None,
            sensors.supply_mv if sensors else 0,
            self.faults,
            self._cause,
            self.light_state,
        )
