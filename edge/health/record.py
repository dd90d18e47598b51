"""The health record: a state for each part of the unit, and what may be said of the newest picture.

Every part reports its transitions here; `/health`, the banner, the log and `/events` all tell what was reported.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from edge.basics.hiding import record_without_secrets, without_secrets
from edge.basics.secrets import shown_uri
from edge.frames.frame import Frame, FramePair
from edge.health.figures import NUM_SAMPLES, Histogram, Rate, Samples, quantiles
from edge.health.news import Board, NotSaved, Part, PartChanged, PartState, ProfileRuns, Saved
from edge.health.state import EngineFacts, PartRecord, Seen, Verdict, verdict_of
from edge.pictures.image import Mode

log = logging.getLogger(__name__)

SAVED_SHOWN_NS = 4_000_000_000
"""How long the banner says what was saved; what was not saved it says until something is."""
KEEPS_UP = 0.95
"""Of the pictures that the camera takes."""
_NS_PER_MS = 1e6
_FIRST_STATES: dict[Part, PartState] = {
    "source": "starting",
    "engine": "starting",
    "bridge": "off",
    "sinks": "starting",
    "storage": "off",
    "heat": "off",
    "pacs": "off",
}
_IN_A_PILL: tuple[Part, ...] = ("heat", "storage", "bridge", "sinks", "pacs")
"""Parts without which the picture is still what it says; their trouble is a pill beneath the banner."""
_LEVELS: dict[PartState, int] = {"degraded": logging.WARNING, "failed": logging.ERROR}


class Health:
    """Thread-safe record of what runs, how fast and how old the picture is. Its memory does not grow.

    Args:
        board: where each transition of a part is posted, and what was saved is read.

    Attributes:
        is_ending: whether the program ends; what parts fail at then is no news.
    """

    def __init__(self, board: Board | None = None, started_ns: int | None = None) -> None:
        self._lock = threading.Lock()
        self._board = board or Board()
        self._board.read(Saved, self._on_saved)
        self._board.read(NotSaved, self._on_not_saved)
        self._started_ns = time.monotonic_ns() if started_ns is None else started_ns
        self._parts = {part: PartRecord(state, "", self._started_ns) for part, state in _FIRST_STATES.items()}
        self._source, self._nominal_fps = "", 0.0
        self._num_attempts = 0
        self._frame_fault = ""
        self._engine = EngineFacts()
        self._mode: Mode = "raw"
        self._arrived_ns: int | None = None
        self._lag_ms = 0.0
        self._newest_ns: int | None = None
        self._num_frames = 0
        self._notices: dict[str, _Notice] = {}
        self.is_ending: Callable[[], bool] = lambda: False
        self._records: dict[str, Callable[[], Any]] = {"bridge": lambda: None, "pacs": lambda: None}
        self._drops: dict[str, Callable[[], int]] = {}
        self._rate_in, self._rate_out = Rate(), Rate()
        self._latency_ms: deque[float] = deque(maxlen=NUM_SAMPLES)
        self._latency_s = Histogram()
        self._stage_ms = Samples()

    # ---- parts

    def enter(self, part: Part, state: PartState, reason: str = "") -> None:
        """A part is in this state for this reason from now on: one log line and one event where that is new."""
        reason = without_secrets(reason)
        if _LEVELS.get(state) and self.is_ending():
            return
        now_ns = time.monotonic_ns()
        with self._lock:
            before = self._parts[part]
            if (before.state, before.reason) == (state, reason):
                return
            since_ns = before.since_ns if before.state == state else now_ns
            self._parts[part] = PartRecord(state, reason, since_ns)
        is_begin = state == before.state == "starting"
        is_begin |= before.since_ns == self._started_ns and _is_of_course(part, state)
        log.log(
            logging.DEBUG if is_begin else _LEVELS.get(state, logging.INFO),
            "%s: %s%s",
            part,
            state if before.state == state else f"{before.state} -> {state}",
            f" ({reason})" if reason else "",
            extra={"edge_part": part, "edge_state": state, "edge_reason": reason},
        )
        self._board.post(PartChanged(part, state, reason))

    def rates(self, now_ns: int) -> tuple[float, float]:
        """Frames a second that are shown, and that the source would give; 0 where it says none."""
        with self._lock:
            return self._rate_out.per_s(now_ns), self._nominal_fps

    def part(self, part: Part) -> PartRecord:
        with self._lock:
            return self._parts[part]

    # ---- what runs

    def set_source(self, uri: str, fps: float = 0.0) -> None:
        """Name the source that is open, and its nominal frames per second where it has some."""
        uri = without_secrets(shown_uri(uri))
        with self._lock:
            self._source, self._nominal_fps = uri, fps

    def keeps_up(self, now_ns: int) -> bool:
        """Whether nearly every picture that the camera takes is shown."""
        with self._lock:
            return self._rate_out.per_s(now_ns) >= KEEPS_UP * self._rate_in.per_s(now_ns)

    def source(self) -> str:
        """As `set_source` was told."""
        with self._lock:
            return self._source

    def attempted(self) -> None:
        """Count an attempt to open a lost source."""
        with self._lock:
            self._num_attempts += 1

    @property
    def num_attempts(self) -> int:
        """Attempts to open a lost source."""
        return self._num_attempts

    def set_engine(self, engine: EngineFacts) -> None:
        """Name what enhances from now on."""
        with self._lock:
            before, self._engine = self._engine, engine
        if engine.profile != before.profile:
            self._board.post(ProfileRuns(engine.profile))

    def engine(self) -> EngineFacts:
        """What enhances now."""
        with self._lock:
            return self._engine

    def captured(self, frame: Frame, now_ns: int | None = None) -> None:
        """Count a frame that the source gave; a lost source that gives one is back.

        Args:
            now_ns: when it came; None: as soon as it was taken.
        """
        with self._lock:
            self._arrived_ns = frame.t_capture_ns if now_ns is None else now_ns
            self._lag_ms = (self._arrived_ns - frame.t_capture_ns) / _NS_PER_MS
            self._rate_in.add(frame.t_capture_ns)
            is_ok = self._parts["source"].state == "ok"
        if not is_ok:
            self.enter("source", "ok")

    def frame_fault(self, reason: str) -> None:
        """Why the newest frame stays raw while the engine counts as well; empty for one that came out well."""
        self._frame_fault = reason

    def track_drops(self, stage: str, count: Callable[[], int]) -> None:
        """Report the running count of a slot, e.g. `track_drops("inference", lambda: slot.dropped)`."""
        with self._lock:
            self._drops[stage] = count

    def track(self, name: str, describe: Callable[[], Any]) -> None:
        """What `/health` tells under this name, asked for each time."""
        with self._lock:
            self._records[name] = describe

    def tracked(self, name: str) -> Any:
        """What `/health` tells under this name now; None where nobody tracks it."""
        with self._lock:
            describe = self._records.get(name)
        return None if describe is None else describe()

    def notice(self, key: str, text: str, until_ns: int | None = None) -> None:
        """Show a few words in the banner, in place of the last ones of this key; an empty text takes them away.

        Args:
            until_ns: when they go by themselves; None keeps them.
        """
        with self._lock:
            self._notices.pop(key, None)
            if text:
                self._notices[key] = _Notice(without_secrets(text), until_ns)

    def _on_saved(self, news: Saved) -> None:
        self.notice("save", f"saved {news.name}", time.monotonic_ns() + SAVED_SHOWN_NS)

    def _on_not_saved(self, news: NotSaved) -> None:
        self.notice("save", f"NOT SAVED: {news.reason}")

    # ---- pictures

    def stage(self, name: str, took_ms: float) -> None:
        """Add one time of a stage that is not in a frame's own `stage_ms`, such as encoding."""
        with self._lock:
            self._stage_ms.add(name, took_ms)

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
            latency_ms = max(0.0, (now_ns - frame.t_capture_ns) / _NS_PER_MS)
            self._latency_ms.append(latency_ms)
            self._latency_s.add(latency_ms / 1000)
            for name, took_ms in frame.stage_ms.items():
                self._stage_ms.add(name, took_ms)

    @property
    def num_frames(self) -> int:
        """Pairs that were published."""
        return self._num_frames

    def latency_histogram(self) -> Histogram:
        """From capture to publishing, in seconds, of every picture since the start."""
        with self._lock:
            return self._latency_s.copy()

    def verdict(self, now_ns: int, t_capture_ns: int | None = None, *, frozen: bool = False) -> Verdict:
        """Judge the picture taken at `t_capture_ns`, by default the newest that was published."""
        with self._lock:
            verdict = self._verdict(now_ns, self._newest_ns if t_capture_ns is None else t_capture_ns)
            return replace(verdict, frozen=frozen, notices=self._texts(now_ns), frame_fault=self._frame_fault)

    def _texts(self, now_ns: int) -> tuple[str, ...]:
        kept = {k: n for k, n in self._notices.items() if n.until_ns is None or now_ns < n.until_ns}
        self._notices = kept
        troubled = [self._parts[part] for part in _IN_A_PILL]
        parts = [record.reason for record in troubled if record.state not in ("off", "ok") and record.reason]
        return (*parts, *(notice.text for notice in kept.values()))

    def _verdict(self, now_ns: int, taken_ns: int | None) -> Verdict:
        source, engine = self._parts["source"], self._parts["engine"]
        seen = Seen(source, engine, self._arrived_ns, self._lag_ms, self._nominal_fps, self._source)
        return verdict_of(seen, taken_ns, now_ns)

    def snapshot(self, now_ns: int) -> dict[str, Any]:
        """The JSON of `/health`, without what is secret; docs/reference.md says what each key is."""
        record: dict[str, Any] = record_without_secrets(self._record(now_ns))
        return record

    def _record(self, now_ns: int) -> dict[str, Any]:
        with self._lock:
            counts, records = dict(self._drops), dict(self._records)
        dropped_by = {stage: count() for stage, count in counts.items()}
        tracked = {name: describe() for name, describe in records.items()}
        with self._lock:
            verdict = self._verdict(now_ns, self._newest_ns)
            return {
                "state": verdict.state,
                "reason": verdict.reason,
                "mode": self._mode,
                "profile": self._engine.profile,
                "model_sha256": self._engine.sha256,
                "device": self._engine.device,
                "source": self._source,
                "fps_in": self._rate_in.per_s(now_ns),
                "fps_out": self._rate_out.per_s(now_ns),
                "dropped": sum(dropped_by.values()),
                "dropped_by": dropped_by,
                "frames": self._num_frames,
                "age_ms": None if verdict.age_ms is None else round(verdict.age_ms, 1),
                "latency_ms": quantiles(self._latency_ms, {"p50": 0.5, "p95": 0.95, "p99": 0.99}),
                "stage_ms": self._stage_ms.quantiles({"p50": 0.5, "p95": 0.95}),
                "uptime_s": round((now_ns - self._started_ns) / 1e9, 1),
                "notices": list(self._texts(now_ns)),
                "parts": {part: _part_record(record, now_ns) for part, record in self._parts.items()},
                **tracked,
            }


def _is_of_course(part: Part, state: PartState) -> bool:
    """Whether a part is from the start as anybody expects it, so that a person need not read it."""
    return part in _IN_A_PILL and state in ("ok", "off")


def _part_record(record: PartRecord, now_ns: int) -> dict[str, Any]:
    since_s = max(0.0, round((now_ns - record.since_ns) / 1e9, 1))
    return {"state": record.state, "reason": record.reason, "since_s": since_s}


@dataclass(frozen=True, slots=True)
class _Notice:
    text: str
    until_ns: int | None
