"""How long is waited before something is tried again that failed for want of a peer."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from edge.basics.errors import ConfigError
from edge.pacs.peers import PeerFailed

FIRST_S, LAST_S, RARE_S = 5.0, 300.0, 900.0


def wait_after(tries: int, *, is_rare: bool = False) -> float:
    """Seconds until the next try, longer each time, never the same for two units.

    Args:
        is_rare: only somebody who changes the peer changes what it answered.
    """
    if is_rare:
        return RARE_S
    return min(LAST_S, FIRST_S * 2.0 ** min(tries, 10)) * random.uniform(0.5, 1.0)


class Patience:
    """Work that fails for want of a peer, and then waits longer each time. Attributes: news: what was not told yet."""

    def __init__(self) -> None:
        self.reason = self.news = ""
        self._num_failures, self._quiet_until = 0, 0.0

    def haste(self) -> None:
        """Do not wait this time."""
        self._quiet_until = 0.0

    def do(self, work: Callable[[], None]) -> None:
        if time.monotonic() < self._quiet_until:
            return
        try:
            work()
        except (PeerFailed, ConfigError) as error:
            self.reason = self.news = str(error)
            self._quiet_until = time.monotonic() + wait_after(self._num_failures)
            self._num_failures += 1
        else:
            self.reason, self._num_failures = "", 0
