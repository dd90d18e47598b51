"""What must always hold of the pictures, judged from what the watcher saw. Pure: records in, words out."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

OLDEST_LIVE_MS = 500.0
TRANSPORT_MS = 30.0
"""From the sender's last look at a picture's age to its last byte in the watcher; what was really seen is reported."""
STOOD_MS = 1500.0
"""A LIVE picture is replaced by one that says STALE by this age: 500 ms, a tick of 100 ms, and encoding every view that
a flood of viewers asks for. The page covers a picture by itself at 500 ms; this is what a plain viewer sees."""
BACK_WITHIN_S = 2.0


@dataclass
class Judge:
    """Takes the watcher's records in turn.

    Attributes:
        violations: (when, what).
        oldest_live_ms: the greatest age at which a LIVE picture came.
        slack_ms: what the transport took, of each picture.
        stood: (when, ms): ages that LIVE pictures had reached on a screen when the next picture came.
        live_ns: when LIVE pictures came, with the moment that they were taken.
    """

    violations: list[tuple[int, str]] = field(default_factory=list)
    oldest_live_ms: float = 0.0
    slack_ms: list[float] = field(default_factory=list)
    stood: list[tuple[int, float]] = field(default_factory=list)
    live_ns: list[tuple[int, int]] = field(default_factory=list)
    enhanced_ns: list[int] = field(default_factory=list)
    num_pictures: int = 0
    num_skipped: int = 0
    states: list[tuple[int, str, str]] = field(default_factory=list)
    _live_since_ns: int | None = None

    def take(self, record: dict[str, Any]) -> None:
        if record["event"] != "picture":
            self._live_since_ns = None  # without a stream there is nothing on a screen
            return
        self.num_pictures += 1
        self.num_skipped += record["skipped"]
        at_ns = record["last_ns"]
        self.slack_ms.append(at_ns / 1e6 - record["sent_ms"])
        halves = {name: record[name] for name in ("enhanced", "raw")}
        for name, half in halves.items():
            if half is None:
                self._violated(at_ns, f"{name} half cannot be decoded")
            else:
                self._judge_half(at_ns, name, half)
        enhanced, raw = halves["enhanced"], halves["raw"]
        if enhanced is None or raw is None:
            return
        self._note_stood(at_ns, enhanced)
        self.states.append((at_ns, enhanced["state"], enhanced["mode"]))
        if enhanced["state"] != raw["state"]:
            self._violated(at_ns, f"one half says {enhanced['state']}, the other {raw['state']}")
        if enhanced["seq"] != raw["seq"] and enhanced["state"] == "live":
            self._violated(at_ns, f"the halves are of two moments: {enhanced['seq']} and {raw['seq']}")

    def _note_stood(self, at_ns: int, half: dict[str, Any]) -> None:
        if self._live_since_ns is not None:
            self.stood.append((at_ns, (at_ns - self._live_since_ns) / 1e6))
        is_live = half["state"] == "live" and half["age_ms"] is not None
        self._live_since_ns = at_ns - int(half["age_ms"] * 1e6) if is_live else None

    def _judge_half(self, at_ns: int, name: str, half: dict[str, Any]) -> None:
        state, mode, pixels, age_ms = half["state"], half["mode"], half["pixels"], half["age_ms"]
        if state == "unreadable":
            self._violated(at_ns, f"{name} half has no banner that can be read")
        if state == "live" and age_ms is None:
            self._violated(at_ns, f"{name} half is LIVE and has no readable time code")
        if state == "live" and age_ms is not None:
            self.oldest_live_ms = max(self.oldest_live_ms, age_ms)
            if age_ms > OLDEST_LIVE_MS + TRANSPORT_MS:
                self._violated(at_ns, f"{name} half is LIVE at an age of {age_ms:.0f} ms")
            else:
                self.live_ns.append((at_ns, at_ns - int(age_ms * 1e6)))
                if mode == "enhanced":
                    self.enhanced_ns.append(at_ns)
        if state in ("live", "frozen", "stale") and not mode:
            self._violated(at_ns, f"{name} half says neither RAW nor ENHANCED")
        if mode and pixels and mode != pixels:
            self._violated(at_ns, f"{name} half says {mode}, its pixels are {pixels} ({half['difference']} levels)")
        if name == "raw" and mode == "enhanced":
            self._violated(at_ns, "the raw half says ENHANCED")

    def _violated(self, at_ns: int, what: str) -> None:
        self.violations.append((at_ns, what))

    def back_after(self, end_ns: int) -> int | None:
        """When the first LIVE picture came that was taken after this moment; None where none did."""
        for arrived_ns, taken_ns in reversed_until(self.live_ns, end_ns):
            if taken_ns >= end_ns:
                return arrived_ns
        return None

    def enhanced_after(self, end_ns: int) -> int | None:
        index = bisect_left(self.enhanced_ns, end_ns)
        return self.enhanced_ns[index] if index < len(self.enhanced_ns) else None


def reversed_until(pairs: list[tuple[int, int]], end_ns: int) -> list[tuple[int, int]]:
    """The pairs that came after a moment, oldest first."""
    index = len(pairs)
    while index and pairs[index - 1][0] >= end_ns:
        index -= 1
    return pairs[index:]


def disagrees(health: dict[str, Any], states: list[tuple[int, str, str]], asked_ns: int, answered_ns: int) -> str:
    """How `/health` and the banner tell two stories; empty where they agree, or where the moment was in between.

    Args:
        states: (when, state, mode) of the pictures.
    """
    near = [(state, mode) for at_ns, state, mode in states if asked_ns - 400e6 < at_ns < answered_ns + 400e6]
    if len(near) < 3 or len(set(near)) > 1 or health.get("frozen"):
        return ""
    state, mode = near[0]
    fits = {
        "live": ("live", "degraded"),
        "stale": ("stale",),
        "no-signal": ("no-signal",),
        "starting": ("starting",),
    }
    if state in fits and health["state"] not in fits[state]:
        return f"the banner says {state}, /health {health['state']}"
    if state == "live" and health["mode"] != mode:
        return f"the banner says {mode}, /health {health['mode']}"
    return ""
