"""What others are told of the queue: taken from it by the one who works on it, read by all without a disk."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.pacs.waiting.queue import STATES, Queue, State


@dataclass(frozen=True, slots=True)
class Told:
    """Attributes:
    reason: what went wrong last; "" where all is well.
    counts: of views by state; None where unknown.
    oldest: when what waits longest was queued.
    session: id of the patient session that is open, or was the last one.
    of_session: the same counts of what was queued of it; coming: views that are queued when it closes.
    """

    reason: str = ""
    counts: Mapping[State, int | None] = field(default_factory=lambda: dict.fromkeys(STATES))
    oldest: float | None = None
    session: str = ""
    of_session: Mapping[State, int] = field(default_factory=dict)
    coming: int = 0

    @classmethod
    def of(cls, queue: Queue, trouble: str) -> Told:
        """As it is now; raises DatabaseFailed.

        Args:
            trouble: what comes before all that the queue complains of.
        """
        return cls(trouble or queue.complaint(), queue.counts(), queue.oldest_waiting())

    def record(self) -> dict[str, Any]:
        """For `/health`."""
        age = None if self.oldest is None else max(0.0, round(time.time() - self.oldest, 1))
        told: dict[str, Any] = {**dict(self.counts.items()), "oldest_waiting_s": age, "reason": self.reason}
        return {**told, "session": self._of_session() if self.session else None}

    def _of_session(self) -> dict[str, Any]:
        waiting = self.of_session.get("waiting", 0) + self.coming
        return {"id": self.session, **dict(self.of_session.items()), "waiting": waiting}
