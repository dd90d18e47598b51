"""How hot the unit is, and how much less it should therefore do.

    level 0   below warm
    level 1   warm: a rung that is less work
    level 2   hot: raw

A level is left 5 C below where it begins. The board's own protection is apart from this and stays as it is: an Orin
slows its clocks by itself near 99 C and switches off near 105 C (NVIDIA's guide), without saying so in the picture.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

from edge.config import HeatConfig
from edge.health.machine import Sysfs

log = logging.getLogger(__name__)

HYSTERESIS_CELSIUS = 5.0
BELIEVED_CELSIUS = (-40.0, 150.0)

HeatState = Literal["off", "ok", "degraded"]


class HeatWatch:
    """Follows the hottest zone.

    Args:
        on_level: called with the new level 0, 1 or 2 and the reason in words.
        on_state: called with the state and its reason ("" for ok): at the first tick, then at each change.
    """

    def __init__(
        self,
        config: HeatConfig,
        sysfs: Sysfs,
        on_level: Callable[[int, str], None],
        on_state: Callable[[HeatState, str], None] = lambda state, reason: None,
    ) -> None:
        self._config, self._sysfs = config, sysfs
        self._on_level, self._on_state = on_level, on_state
        self._level, self._reason = 0, ""
        self._state: tuple[HeatState, str] | None = None
        self._warned: set[str] = set()
        self._seen_any = False
        self._record: dict[str, Any] = {}

    @property
    def level(self) -> int:
        return self._level

    def set_config(self, config: HeatConfig) -> None:
        """Other thresholds, from the next tick on."""
        self._config = config

    def tick(self, now_ns: int) -> None:
        """Read all and follow; called about once a second, from one thread."""
        zones = self._believed(self._sysfs.temperatures_celsius())
        if zones:
            self._seen_any = True
            name, celsius = max(zones.items(), key=lambda zone: zone[1])
            self._follow(name, celsius)
        elif self._seen_any:  # how hot it is cannot be known: what was decided stays
            self._enter("degraded", "no temperature can be read any more")
        else:
            self._enter("off", "no temperature sensor")
        self._record = {"level": self._level, **self._sysfs.record(zones)}

    def record(self) -> dict[str, Any]:
        """What the last tick read: `edge.health.machine.Sysfs.record` and `level`. Cheap, from any thread."""
        return self._record

    def _follow(self, name: str, celsius: float) -> None:
        level = self._level_at(celsius)
        warm, hot = self._config.warm_celsius, self._config.hot_celsius
        reading = f"{name} at {celsius:.0f} C"
        if level != self._level:
            limit = f"{'hot' if level == 2 else 'warm'} from {hot if level == 2 else warm:g} C on"
            self._reason = f"{reading}, {limit}" if level else f"{reading}, cool again"
            self._level = level
            self._on_level(level, self._reason)
        self._enter("degraded" if level else "ok", self._reason if level else "")

    def _level_at(self, celsius: float) -> int:
        level = 0
        for number, limit in enumerate((self._config.warm_celsius, self._config.hot_celsius), 1):
            if celsius >= limit - (HYSTERESIS_CELSIUS if self._level >= number else 0.0):
                level = number
        return level

    def _enter(self, state: HeatState, reason: str) -> None:
        if (state, reason) != self._state:
            self._state = (state, reason)
            self._on_state(state, reason)

    def _believed(self, zones: dict[str, float | None]) -> dict[str, float]:
        kept = believed(zones, self._config.ignore_zones)
        wrong = [name for name in zones if name not in (*kept, *self._config.ignore_zones, *self._warned)]
        if wrong:  # once for each zone: some come and go with what is powered
            self._warned.update(wrong)
            descriptions = [
                f"{name} ({'cannot be read' if zones[name] is None else f'reads {zones[name]:g} C'})" for name in wrong
            ]
            log.warning("temperature sensors ignored: %s", ", ".join(descriptions))
        return kept


def believed(zones: Mapping[str, float | None], ignored: Collection[str]) -> dict[str, float]:
    """The zones that tell something of the processor's heat, those with a senseless value left out."""
    low, high = BELIEVED_CELSIUS
    readable = {name: celsius for name, celsius in zones.items() if celsius is not None and name not in ignored}
    return {name: celsius for name, celsius in readable.items() if low <= celsius <= high}
