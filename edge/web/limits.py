"""How much one address may have of the server, and all of them together. Whoever watches already comes first."""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from edge.basics.errors import EdgeError

SILENT_S = 10.0
"""A connection that has not asked anything is closed after so long, and one that does not read what it is sent."""
IDLE_S = 30.0
"""A connection that was answered and asks nothing more."""
ANSWER_WITHIN_S = 60.0
"""An answer that has an end must have been read by then."""
MAX_HEAD_BYTES = 32 * 1024
MAX_BODY_BYTES = 4096
MAX_UNREAD_BYTES = 2 * 1024 * 1024
"""What a refused body may still send before its connection is cut: so much is read, that the answer can be."""
SOCKET_BUFFER_BYTES = 128 * 1024


class Busy(EdgeError):
    """As many have it as may at a time: answered with 503 and a line."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server bears.

    Attributes:
        connections, connections_of_one: open at a time, of all and of one address.
        streams, streams_of_one: viewers; `/events` has as many again.
        splits: dividers of `view=split` that may be looked at at a time.
        leaving: refused ones that are still being told so.
        accepts, requests: a second while somebody watches; requests of one address.
        ease: how many times as many while nobody does.
    """

    connections: int = 192
    connections_of_one: int = 48
    streams: int = 32
    streams_of_one: int = 8
    splits: int = 2
    leaving: int = 64
    accepts: float = 200.0
    requests: float = 50.0
    ease: float = 10.0

    def within(self, num_descriptors: int) -> Limits:
        """The same with at most half of the descriptors for connections and an eighth for those that are refused.

        What is left is the unit's own.
        """
        connections = max(4, min(self.connections, num_descriptors // 2))
        of_one = max(2, min(self.connections_of_one, connections * 3 // 4))
        leaving = max(1, min(self.leaving, num_descriptors // 8))
        return replace(self, connections=connections, connections_of_one=of_one, leaving=leaving)


def num_descriptors() -> int:
    """How many this process may open, once its own soft limit is as high as 4096 or the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    return 4096 if soft == resource.RLIM_INFINITY else min(soft, 4096)


class Seats:
    """Answers without an end, `most` at a time and `most_of_one` for one address."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._taken: Counter[str] = Counter()

    def take(self, address: str) -> bool:
        """Whether there was a seat; it is taken then."""
        if self._taken.total() >= self._most or self._taken[address] >= self._most_of_one:
            self._taken += Counter()  # forgets those that have none
            return False
        self._taken[address] += 1
        return True

    def leave(self, address: str) -> None:
        self._taken[address] -= 1
        if self._taken[address] <= 0:
            del self._taken[address]


class Pace:
    """So many a second for each address, after `burst_s` seconds' worth at once; who is faster waits.

    Args:
        rate: a second, asked each time.
    """

    MAX_KNOWN = 1024

    def __init__(
        self,
        rate: Callable[[], float],
        burst_s: float,
        patience_s: float,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate, self._burst_s, self._patience_s, self._clock_s = rate, burst_s, patience_s, clock_s
        self._paid_until_s: dict[str, float] = {}

    def wait_s(self, address: str, weight: float = 1.0) -> float | None:
        """How long this one must wait for its turn; None where that is longer than anybody should, and it has none."""
        now_s = self._clock_s()
        paid_s = max(now_s, self._paid_until_s.get(address, now_s))
        wait_s = paid_s - now_s - self._burst_s
        if wait_s > self._patience_s:
            return None
        if len(self._paid_until_s) >= self.MAX_KNOWN:
            self._paid_until_s = {one: until_s for one, until_s in self._paid_until_s.items() if until_s > now_s}
        self._paid_until_s[address] = paid_s + weight / self._rate()
        return max(0.0, wait_s)
