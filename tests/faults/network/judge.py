"""What must hold of the pictures of a network camera, judged by the time codes in them. Pure: records in, words out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.network_camera.painting import DAMAGED_BEYOND
from tests.faults.watched.invariants import reversed_until

OLDEST_LIVE_MS = 500.0
TOLERATED_MS = 30.0


@dataclass
class NetworkJudge:
    """Takes the watcher's records in turn.

    Attributes:
        tolerated_ms: by which a LIVE picture may be older than 500 ms: what the camera takes from clock to socket.
        violations: (when, what).
        off_ms: of each picture with a time code: (when, true age less told age).
        live_ns: (arrived, taken) of LIVE pictures.
        states: (when, state).
    """

    tolerated_ms: float = TOLERATED_MS
    violations: list[tuple[int, str]] = field(default_factory=list)
    off_ms: list[tuple[int, float]] = field(default_factory=list)
    live_ns: list[tuple[int, int]] = field(default_factory=list)
    states: list[tuple[int, str]] = field(default_factory=list)
    oldest_live_ms: float = 0.0
    num_pictures: int = 0

    def take(self, record: dict[str, Any]) -> None:
        at_ns, state = record["at_ns"], record["state"]
        self.num_pictures += 1
        self.states.append((at_ns, state))
        known = [taken_ns for taken_ns in record["taken_ns"] if taken_ns is not None]
        if state == "unreadable":
            self.violations.append((at_ns, "no banner that can be read"))
        if not known:
            if state == "live":
                self.violations.append((at_ns, "LIVE without a time code that can be read"))
            return
        age_ms = record["sent_ms"] - min(known) / 1e6
        if not math.isnan(record["told_age_ms"]):
            self.off_ms.append((at_ns, age_ms - record["told_age_ms"]))
        if state == "live":
            self._judge_live(at_ns, record, age_ms, min(known), len(set(record["taken_ns"])) == 1)

    def _judge_live(self, at_ns: int, record: dict[str, Any], age_ms: float, taken_ns: int, is_of_one: bool) -> None:
        self.oldest_live_ms = max(self.oldest_live_ms, age_ms)
        if not is_of_one:
            self.violations.append((at_ns, "LIVE and of more than one moment"))
        elif record["difference"] is not None and record["difference"] > DAMAGED_BEYOND:
            self.violations.append((at_ns, f"LIVE and damaged by {record['difference']:.0f} levels"))
        elif age_ms > OLDEST_LIVE_MS + self.tolerated_ms:
            told = f"told {record['told_age_ms']:.0f} ms"
            self.violations.append((at_ns, f"LIVE at an age of {age_ms:.0f} ms, {told}"))
        else:
            self.live_ns.append((at_ns, taken_ns))

    def back_after(self, moment_ns: int) -> int | None:
        """When the first sound LIVE picture came that was taken after this moment; None where none did."""
        for arrived_ns, taken_ns in reversed_until(self.live_ns, moment_ns):
            if taken_ns >= moment_ns:
                return arrived_ns
        return None


def contradiction(health: dict[str, Any], states: list[tuple[int, str]], asked_ns: int, answered_ns: int) -> str:
    """How `/health` and the banner tell two stories; empty where they agree, or where the moment was in between."""
    near = {state for at_ns, state in states if asked_ns - 400e6 < at_ns < answered_ns + 400e6}
    if len(near) != 1:
        return ""
    state = near.pop()
    fits = {"live": ("live", "degraded"), "stale": ("stale",), "no-signal": ("no-signal",), "starting": ("starting",)}
    return "" if health["state"] in fits.get(state, ()) else f"the banner says {state}, /health {health['state']}"


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))] if values else math.nan
