"""Who looks: one line of the audit log when somebody begins to watch, and one when they have gone."""

from __future__ import annotations

import asyncio
import time

from edge.access.audit import AuditLog
from edge.access.visitors import Visitor

GONE_AFTER_S = 30.0
"""A page opens its stream anew for another view: that is no end."""
_MAX_KEPT = 256


class Lookers:
    """Belongs to the event loop."""

    def __init__(self, audit: AuditLog, gone_after_s: float = GONE_AFTER_S) -> None:
        self._audit, self._gone_after_s = audit, gone_after_s
        self._looking: dict[tuple[str, str], _Looking] = {}

    def begin(self, visitor: Visitor) -> None:
        """They opened a stream."""
        key = (visitor.name, visitor.address)
        looking = self._looking.get(key)
        if looking is None:
            if len(self._looking) >= _MAX_KEPT:
                self._audit.record("look-begin", visitor.name, address=visitor.address, seldom="many")
                return
            looking = self._looking[key] = _Looking(time.monotonic())
            self._audit.record("look-begin", visitor.name, role=visitor.role, address=visitor.address)
        looking.num_open += 1
        if looking.timer is not None:
            looking.timer.cancel()
            looking.timer = None

    def end(self, visitor: Visitor) -> None:
        """They closed a stream, or it was cut."""
        key = (visitor.name, visitor.address)
        looking = self._looking.get(key)
        if looking is None:
            return
        looking.num_open -= 1
        if looking.num_open == 0:
            looking.ended_s = time.monotonic()
            looking.timer = asyncio.get_running_loop().call_later(self._gone_after_s, self._gone, key)

    def close(self) -> None:
        """The unit ends: so does all looking."""
        for key in list(self._looking):
            self._gone(key)

    def _gone(self, key: tuple[str, str]) -> None:
        looking = self._looking.pop(key)
        if looking.timer is not None:
            looking.timer.cancel()
        ended_s = looking.ended_s if looking.num_open == 0 else time.monotonic()
        name, address = key
        self._audit.record("look-end", name, address=address, seconds=round(ended_s - looking.begun_s, 1))


class _Looking:
    def __init__(self, begun_s: float) -> None:
        self.begun_s, self.ended_s = begun_s, begun_s
        self.num_open = 0
        self.timer: asyncio.TimerHandle | None = None
