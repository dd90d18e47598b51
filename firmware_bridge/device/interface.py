"""A device that is run step by step, whatever it is written in: who it is, what it measures, what one step did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from firmware_bridge.wire.messages import Capability, ResetCause


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device says of itself in HELLO."""

    serial: str = "SIM-0001"
    num_leds: int = 4
    capabilities: int = int(Capability.HEATER | Capability.BUTTON | Capability.FRAME_SYNC | Capability.HUMIDITY)


@dataclass(slots=True)
class Flash:
    """What a device that can be paired keeps without power.

    Attributes:
        key: 32 bytes; None where it has none.
        starts: so far; counted before a start uses the number.
    """

    key: bytes | None = None
    starts: int = 0

    def next_boot_nonce(self) -> int:
        """A number that no start had before, with room above it for the sessions of this one."""
        self.starts += 1
        return self.starts << 16


@dataclass(frozen=True, slots=True)
class Sensors:
    """What the device measures; None for a sensor that is missing. Units as in STATUS."""

    window_centi_celsius: int | None = 3500
    board_centi_celsius: int | None = 4000
    humidity_permille: int | None = 600
    dew_margin_centi_celsius: int | None = 300
    supply_mv: int = 5000
    led_ma: int = 0
    driver_faults: int = 0


@dataclass(frozen=True, slots=True)
class Stepped:
    """What the device did in one step.

    Attributes:
        sent: bytes for the line.
        effects: commands carried out since the start, reads not counted.
    """

    sent: bytes
    led_permille: tuple[int, ...]
    heater_permille: int
    sync_delay_us: int
    faults: int
    light_state: int
    wants_restart: bool
    effects: int


class Device(Protocol):
    """A device that is run step by step; its clock is the caller's, in microseconds since its start."""

    def start(self, cause: ResetCause) -> None: ...

    def step(
        self, now_us: int, received: bytes, sensors: Sensors, *, pressed: bool = False, exposure_us: int | None = None
    ) -> Stepped: ...

    def close(self) -> None: ...
