"""What the files of a pair are called: one stem for both, by the time of capture, wherever they are saved."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from edge.frames.frame import Frame, FramePair
from edge.pictures.view_names import view_name

_MAX_KEPT = 64


@dataclass(frozen=True, slots=True)
class PairName:
    """Attributes: taken_at: when the camera took the pair, UTC; stem: `throat-20260504T030201.678Z-000007`."""

    taken_at: datetime
    stem: str

    def of(self, frame: Frame) -> str:
        """The name of one of the two, by what it is: `...-enhanced.png` or `...-raw.png`."""
        return view_name(self.stem, frame.mode, ".png")


class Names:
    """Names each pair once: asked again it says the same, though the wall clock was set meanwhile. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[tuple[int, int], PairName] = {}

    def of(self, pair: FramePair) -> PairName:
        key = pair.raw.t_capture_ns, pair.raw.seq
        with self._lock:
            if key not in self._names:
                age = timedelta(microseconds=(time.monotonic_ns() - pair.raw.t_capture_ns) / 1e3)
                taken_at = datetime.now(timezone.utc) - age
                at = f"{taken_at:%Y%m%dT%H%M%S}.{taken_at.microsecond // 1000:03d}Z"
                self._names[key] = PairName(taken_at, f"throat-{at}-{pair.raw.seq:06d}")
            if len(self._names) > _MAX_KEPT:
                del self._names[next(iter(self._names))]
            return self._names[key]


def saved_frames(pair: FramePair) -> list[Frame]:
    """The raw frame, then the enhanced one where the engine made one: what is saved of a pair."""
    return [pair.raw, *([pair.enhanced] if pair.enhanced.mode == "enhanced" else [])]
