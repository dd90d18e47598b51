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
    """

    reason: str = ""
    counts: Mapping[State, int | None] = field(default_factory=lambda: dict.fromkeys(STATES))
    oldest: float | None = None

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
        return {**dict(self.counts.items()), "oldest_waiting_s": age, "reason": self.reason}
