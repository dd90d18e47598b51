"""The device's clock seen from the host: what host time an event of the device had."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

NUM_SAMPLES = 20
"""Heartbeats, that is 10 s: crystals that differ by 50 ppm drift 0.5 ms apart in that time."""


@dataclass(frozen=True, slots=True)
class _Sample:
    offset_ns: int
    round_trip_ns: int


class DeviceClock:
    """Estimates the offset from round trips: the device read its clock somewhere between question and answer.

    The sample with the shortest round trip of the last 20 bounds the error best (the filter of NTP, RFC 5905
    section 10). One thread adds, any may ask.
    """

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque(maxlen=NUM_SAMPLES)
        self._best: _Sample | None = None  # set as a whole, so that any thread may read it

    def add(self, asked_ns: int, answered_ns: int, device_us: int) -> None:
        """One question and answer; times by the host, and what the device's clock said."""
        self._samples.append(_Sample((asked_ns + answered_ns) // 2 - device_us * 1000, answered_ns - asked_ns))
        self._best = min(self._samples, key=lambda sample: sample.round_trip_ns)

    def host_ns(self, device_us: int) -> int | None:
        """The host's time at which the device's clock showed this; None before the first sample."""
        best = self._best
        return None if best is None else device_us * 1000 + best.offset_ns

    @property
    def uncertainty_ns(self) -> int | None:
        """Half the shortest round trip."""
        best = self._best
        return None if best is None else best.round_trip_ns // 2
