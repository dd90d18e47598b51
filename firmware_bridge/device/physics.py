"""The simulated camera head's surroundings: breath on a window that fogs when it is colder than the dew point.

A lumped model with one heat capacity each for window and board. Its constants are plausible, not measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from firmware_bridge.device.interface import Sensors, Stepped

ROOM_CELSIUS, ROOM_HUMIDITY = 23.0, 0.45
BREATH_CELSIUS, BREATH_HUMIDITY = 34.0, 0.97
BREATH_PERIOD_S = 4.0
WINDOW_J_PER_K, WINDOW_W_PER_K, HOUSING_W_PER_K = 1.2, 0.06, 0.03
HEATER_W = 1.5
BOARD_J_PER_K, BOARD_W_PER_K = 20.0, 0.12
LED_MA_EACH, LED_WINDOW_W, LED_BOARD_W, IDLE_BOARD_W = 300.0, 0.05, 0.5, 0.8
FOG_PER_K_S, CLEARING_PER_K_S = 0.06, 0.08


def dew_point_celsius(celsius: float, humidity: float) -> float:
    """Magnus formula with the coefficients of Alduchov and Eskridge (1996); within 0.1 C from -40 to 50 C.

    Args:
        humidity: relative, above 0 to 1.
    """
    a, b = 17.625, 243.04
    gamma = math.log(humidity) + a * celsius / (b + celsius)
    return b * gamma / (a - gamma)


@dataclass
class Surroundings:
    """Temperatures in C, humidity and fog from 0 to 1.

    Attributes:
        in_mouth: whether breath reaches the window.
        fog: how much of the light the window scatters.
        extra_window_celsius: added to what the sensor says, to provoke over-temperature.
    """

    in_mouth: bool = True
    window_celsius: float = ROOM_CELSIUS
    board_celsius: float = 30.0
    fog: float = 0.0
    supply_mv: int = 5000
    extra_window_celsius: float = 0.0
    time_s: float = 0.0
    led_ma: float = 0.0
    _air: tuple[float, float] = (ROOM_CELSIUS, ROOM_HUMIDITY)

    @property
    def dew_point_celsius(self) -> float:
        """Of the air at the window."""
        return dew_point_celsius(*self._air)

    def advance(self, seconds: float, outputs: Stepped) -> None:
        """Let so much time pass with the device's light and heater as they are."""
        light = sum(outputs.led_permille) / 1000
        heater_w = HEATER_W * outputs.heater_permille / 1000
        self.led_ma = LED_MA_EACH * light
        while seconds > 1e-9:
            step_s = min(seconds, 0.1)
            seconds -= step_s
            self.time_s += step_s
            exhaling = self.in_mouth and self.time_s % BREATH_PERIOD_S < BREATH_PERIOD_S / 2
            air = (BREATH_CELSIUS, BREATH_HUMIDITY) if exhaling else (ROOM_CELSIUS, ROOM_HUMIDITY)
            if self.in_mouth and not exhaling:
                air = (30.0, 0.85)  # drawn in over warm, wet tissue
            self._air = tuple(old + (new - old) * step_s / 0.5 for old, new in zip(self._air, air, strict=True))  # type: ignore[assignment]
            lost_w = WINDOW_W_PER_K * (self.window_celsius - self._air[0])
            lost_w += HOUSING_W_PER_K * (self.window_celsius - ROOM_CELSIUS)
            self.window_celsius += step_s * (heater_w + LED_WINDOW_W * light - lost_w) / WINDOW_J_PER_K
            board_w = IDLE_BOARD_W + LED_BOARD_W * light - BOARD_W_PER_K * (self.board_celsius - ROOM_CELSIUS)
            self.board_celsius += step_s * board_w / BOARD_J_PER_K
            margin = self.window_celsius - self.dew_point_celsius
            rate = -FOG_PER_K_S * margin if margin < 0 else -CLEARING_PER_K_S * margin
            self.fog = min(1.0, max(0.0, self.fog + step_s * rate))

    def sensors(self) -> Sensors:
        """What the device measures now."""
        window = self.window_celsius + self.extra_window_celsius
        return Sensors(
            round(100 * window),
            round(100 * self.board_celsius),
            round(1000 * self._air[1]),
            round(100 * (window - self.dew_point_celsius)),
            self.supply_mv,
            round(self.led_ma),
        )
