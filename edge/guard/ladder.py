"""When to go down the ladder and when up again; no engine, no clock, only the rules."""

from __future__ import annotations

from collections import deque
from typing import Literal

NS_PER_S = 1_000_000_000
MAX_IN_A_ROW = 3
"""Bad frames one after the other that make the ladder step down."""
MAX_OF_LAST, NUM_LAST = 10, 30
"""And so many bad ones among the last frames, for an engine that fails on and off."""
RESTARTS, RESTART_WINDOW_NS = 5, 60 * NS_PER_S
"""An engine's process is started again so often in a minute; then the picture stays raw."""
SAME_RUNG_RESTARTS = 3
"""Of those on one rung; then the next one is tried."""
FIRST_WAIT_NS, LONGEST_WAIT_NS = 60 * NS_PER_S, 3600 * NS_PER_S
"""Before a better rung is tried; doubled each time that it does not hold."""
HELD_NS = 600 * NS_PER_S
"""A rung that worked so long is trusted again: the next wait is the first one."""

After = Literal["restart", "step", "spent"]


class Ladder:
    """Which rung should run. Rungs are numbers, the best is 0; `num_rungs` itself is raw.

    Every `now_ns` is `time.monotonic_ns()`.
    """

    def __init__(self, num_rungs: int) -> None:
        self.raw = num_rungs
        self.rung = 0
        self.spent = False
        self._ceiling = 0
        self._in_a_row = 0
        self._last: deque[bool] = deque(maxlen=NUM_LAST)
        self._crashes: deque[tuple[int, int]] = deque(maxlen=RESTARTS + 1)
        self._wait_ns = FIRST_WAIT_NS
        self._climb_at_ns = 0
        self._next_try = 0
        self._since_ns: int | None = None

    # ---- what happened

    def good(self, now_ns: int) -> None:
        """A frame came out well."""
        self._in_a_row = 0
        self._last.append(False)
        if self._since_ns is None:
            self._since_ns = now_ns
        elif now_ns - self._since_ns > HELD_NS:
            self._wait_ns = FIRST_WAIT_NS

    def bad(self, now_ns: int) -> bool:
        """A frame came out wrong, late or not at all; whether that was one too many and the rung below is due."""
        self._in_a_row += 1
        self._last.append(True)
        if self._in_a_row < MAX_IN_A_ROW and sum(self._last) < MAX_OF_LAST:
            return False
        self.step_down(now_ns)
        return True

    def crashed(self, now_ns: int) -> After:
        """The engine's process died, hung or lost its GPU: start the same rung again, step down, or stay on raw."""
        self._crashes.append((now_ns, self.rung))
        recent = [(at, rung) for at, rung in self._crashes if now_ns - at <= RESTART_WINDOW_NS]
        if len(recent) > RESTARTS:
            self._go(self.raw, now_ns)
            self.spent = True
            self._climb_at_ns = now_ns + max(self._wait_ns, RESTART_WINDOW_NS)
            return "spent"
        if sum(rung == self.rung for _, rung in recent) > SAME_RUNG_RESTARTS:
            self.step_down(now_ns)
            return "step"
        self._in_a_row = 0
        self._since_ns = None
        return "restart"

    def step_down(self, now_ns: int) -> None:
        """The rung cannot be used: take the next one."""
        self._go(min(self.rung + 1, self.raw), now_ns)
        self._climb_at_ns = now_ns + self._wait_ns
        self._wait_ns = min(2 * self._wait_ns, LONGEST_WAIT_NS)

    # ---- climbing

    def better(self, now_ns: int) -> int | None:
        """A better rung that is due to be tried beside the running one; None while none is."""
        if self.rung <= self._ceiling or now_ns < self._climb_at_ns:
            return None
        return max(self._next_try, self._ceiling)

    def climbed(self, rung: int, now_ns: int) -> None:
        """The better rung is open and proven: it runs from now on."""
        self.spent = False
        self._go(rung, now_ns)
        self._climb_at_ns = now_ns + self._wait_ns

    def could_not_climb(self, rung: int, now_ns: int) -> None:
        """It is not there yet: try the next better one, or wait."""
        self._next_try = rung + 1
        if self._next_try >= self.rung:
            self._next_try = 0
            self._climb_at_ns = now_ns + self._wait_ns
            self._wait_ns = min(2 * self._wait_ns, LONGEST_WAIT_NS)

    def set_ceiling(self, rung: int, now_ns: int) -> None:
        """No rung better than this, for heat; lowering it lets the ladder climb at once."""
        cooler = rung < self._ceiling
        self._ceiling = rung
        if self.rung < rung:
            self._go(rung, now_ns)
        elif cooler:
            self._climb_at_ns = min(self._climb_at_ns, now_ns) if not self.spent else self._climb_at_ns

    def _go(self, rung: int, now_ns: int) -> None:
        self.rung = rung
        self._in_a_row = 0
        self._last.clear()
        self._next_try = 0
        self._since_ns = None
