"""The health record: capture, inference and the sinks write it, `/health` and the banner read it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from edge.frame import Frame, FramePair, Mode

State = Literal["live", "degraded", "no-signal", "starting"]

STALE_AFTER_MS = 500.0
"""A picture older than this is not live any more (design section 7)."""
NO_SIGNAL_AFTER_MS = 3000.0
"""A silent source counts as lost after this, even where nothing has reported it."""
RATE_WINDOW_S = 2.0
NUM_SAMPLES = 600
_NS_PER_MS = 1e6


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be said about the newest picture at one moment.

    Attributes:
        state: as `/health` names it.
        reason: why it is not live, in words; empty when live.
        stale: the picture is too old, yet the source has not been found lost.
        age_ms: since the camera took the picture; None before the first one.
        frozen: somebody holds this picture still; it does not claim to be live.
        notices: what else the viewer must know, a few words each.
    """

    state: State
    reason: str = ""
    stale: bool = False
    age_ms: float | None = None
    frozen: bool = False
    notices: tuple[str, ...] = ()


class Health:
    """Thread-safe record of what runs, how fast and how old the picture is. Its memory does not grow."""

    def __init__(self, started_ns: int | None = None) -> None:
        self._lock = threading.Lock()
        self._started_ns = time.monotonic_ns() if started_ns is None else started_ns
        self._source = ""
        self._lost_reason: str | None = None
        self._engine_reason: str | None = None
        self._profile, self._model_sha256, self._device = "", "", ""
        self._mode: Mode = "raw"
        self._captured_ns: int | None = None
        self._newest_ns: int | None = None
        self._num_frames = 0
        self._notices: dict[str, _Notice] = {}
        self._bridge: Callable[[], dict[str, Any]] | None = None
        self._drops: dict[str, Callable[[], int]] = {}
        self._rate_in, self._rate_out = _Rate(), _Rate()
        self._latency_ms: deque[float] = deque(maxlen=NUM_SAMPLES)
        self._stage_ms: dict[str, deque[float]] = {}

    def set_source(self, uri: str) -> None:
        with self._lock:
            self._source = uri

    def source(self) -> str:
        """As `set_source` was told."""
        with self._lock:
            return self._source

    def set_engine(self, profile: str, model_sha256: str, device: str) -> None:
        """Name what enhances: the profile, the hash of its model file and where it runs."""
        with self._lock:
            self._profile, self._model_sha256, self._device = profile, model_sha256, device

    def captured(self, frame: Frame) -> None:
        """Count a frame that the source gave; a lost source that gives one is back."""
        with self._lock:
            self._captured_ns = frame.t_capture_ns
            self._lost_reason = None
            self._rate_in.add(frame.t_capture_ns)

    def source_lost(self, reason: str) -> None:
        with self._lock:
            self._lost_reason = reason

    def source_back(self) -> None:
        with self._lock:
            self._lost_reason = None

    def engine_failed(self, reason: str) -> None:
        """Say that raw frames are shown from now on, and why."""
        with self._lock:
            self._engine_reason = reason

    def engine_recovered(self) -> None:
        with self._lock:
            self._engine_reason = None

    def track_drops(self, stage: str, count: Callable[[], int]) -> None:
        """Report the running count of a slot, e.g. `track_drops("inference", lambda: slot.dropped)`."""
        with self._lock:
            self._drops[stage] = count

    def track_bridge(self, describe: Callable[[], dict[str, Any]]) -> None:
        """What `/health` tells of the camera head."""
        with self._lock:
            self._bridge = describe

    def notice(self, key: str, text: str, until_ns: int | None = None) -> None:
        """Show a few words in the banner, in place of the last ones of this key; an empty text takes them away.

        Args:
            until_ns: when they go by themselves; None keeps them.
        """
        with self._lock:
            self._notices.pop(key, None)
            if text:
                self._notices[key] = _Notice(text, until_ns)

    def model_record(self) -> dict[str, str]:
        """What enhances now, as a sidecar names it."""
        with self._lock:
            return {"profile": self._profile, "sha256": self._model_sha256, "device": self._device}

    def stage(self, name: str, took_ms: float) -> None:
        """Add one time of a stage that is not in a frame's own `stage_ms`, such as encoding."""
        with self._lock:
            self._stage_ms.setdefault(name, deque(maxlen=NUM_SAMPLES)).append(took_ms)

    def published(self, pair: FramePair, now_ns: int) -> None:
        """Count a pair that a sink has handed to its viewers; the second sink to show it changes nothing."""
        frame = pair.enhanced
        with self._lock:
            if self._newest_ns is not None and frame.t_capture_ns <= self._newest_ns:
                return
            self._newest_ns = frame.t_capture_ns
            self._mode = frame.mode
            self._num_frames += 1
            self._rate_out.add(now_ns)
            self._latency_ms.append(max(0.0, (now_ns - frame.t_capture_ns) / _NS_PER_MS))
            for name, took_ms in frame.stage_ms.items():
                self._stage_ms.setdefault(name, deque(maxlen=NUM_SAMPLES)).append(took_ms)

    def verdict(self, now_ns: int, t_capture_ns: int | None = None, *, frozen: bool = False) -> Verdict:
        """Judge the picture taken at `t_capture_ns`, by default the newest that was published."""
        with self._lock:
            verdict = self._verdict(now_ns, self._newest_ns if t_capture_ns is None else t_capture_ns)
            return replace(verdict, frozen=frozen, notices=self._texts(now_ns))

    def _texts(self, now_ns: int) -> tuple[str, ...]:
        kept = {k: n for k, n in self._notices.items() if n.until_ns is None or now_ns < n.until_ns}
        self._notices = kept
        return tuple(notice.text for notice in kept.values())

    def _verdict(self, now_ns: int, taken_ns: int | None) -> Verdict:
        # A driver's timestamp may run a frame ahead of the clock (facts.md), hence the clamp.
        age_ms = None if taken_ns is None else max(0.0, (now_ns - taken_ns) / _NS_PER_MS)
        if self._lost_reason is not None:
            return Verdict("no-signal", self._lost_reason, age_ms=age_ms)
        if age_ms is None:
            return Verdict("starting", "waiting for the first picture")
        if age_ms > STALE_AFTER_MS:
            silent_ms = age_ms if self._captured_ns is None else (now_ns - self._captured_ns) / _NS_PER_MS
            if silent_ms > NO_SIGNAL_AFTER_MS:
                return Verdict("no-signal", "the source is silent", age_ms=age_ms)
            silent = silent_ms > STALE_AFTER_MS
            reason = "the source is silent" if silent else "frames arrive, but come out late"
            return Verdict("no-signal", reason, stale=True, age_ms=age_ms)
        if self._engine_reason is not None:
            return Verdict("degraded", self._engine_reason, age_ms=age_ms)
        return Verdict("live", age_ms=age_ms)

    def snapshot(self, now_ns: int) -> dict[str, Any]:
        """The JSON of `/health`, design section 6."""
        with self._lock:
            counts, bridge = dict(self._drops), self._bridge
        dropped_by = {stage: count() for stage, count in counts.items()}
        head = None if bridge is None else bridge()
        with self._lock:
            verdict = self._verdict(now_ns, self._newest_ns)
            return {
                "state": verdict.state,
                "reason": f"stale: {verdict.reason}" if verdict.stale else verdict.reason,
                "mode": self._mode,
                "profile": self._profile,
                "model_sha256": self._model_sha256,
                "device": self._device,
                "source": self._source,
                "fps_in": self._rate_in.per_s(now_ns),
                "fps_out": self._rate_out.per_s(now_ns),
                "dropped": sum(dropped_by.values()),
                "dropped_by": dropped_by,
                "frames": self._num_frames,
                "age_ms": None if verdict.age_ms is None else round(verdict.age_ms, 1),
                "latency_ms": _quantiles(self._latency_ms, {"p50": 0.5, "p95": 0.95, "p99": 0.99}),
                "stage_ms": {
                    name: _quantiles(samples, {"p50": 0.5, "p95": 0.95})
                    for name, samples in sorted(self._stage_ms.items())
                },
                "uptime_s": round((now_ns - self._started_ns) / 1e9, 1),
                "notices": list(self._texts(now_ns)),
                "bridge": head,
            }


@dataclass(frozen=True, slots=True)
class _Notice:
    text: str
    until_ns: int | None


class _Rate:
    """Events per second over the last `RATE_WINDOW_S`; zero once nothing comes."""

    def __init__(self) -> None:
        self._times_ns: deque[int] = deque(maxlen=NUM_SAMPLES)
        self._first_ns: int | None = None

    def add(self, now_ns: int) -> None:
        if self._first_ns is None:
            self._first_ns = now_ns
        self._times_ns.append(now_ns)

    def per_s(self, now_ns: int) -> float:
        if self._first_ns is None:
            return 0.0
        since_ns = now_ns - int(RATE_WINDOW_S * 1e9)
        num_events = sum(time_ns > since_ns for time_ns in self._times_ns)
        # Within the first window the first event only opens the span that the others are counted over.
        if self._first_ns > since_ns:
            span_s = max((now_ns - self._first_ns) / 1e9, 0.2)
            return round((num_events - 1) / span_s, 1)
        return round(num_events / RATE_WINDOW_S, 1)


def _quantiles(samples: Iterable[float], wanted: Mapping[str, float]) -> dict[str, float | None]:
    """Nearest-rank quantiles and the maximum; None for each where there is no sample yet."""
    ordered = sorted(samples)
    if not ordered:
        return dict.fromkeys([*wanted, "max"], None)
    last = len(ordered) - 1
    found: dict[str, float | None] = {name: round(ordered[round(share * last)], 2) for name, share in wanted.items()}
    found["max"] = round(ordered[-1], 2)
    return found
