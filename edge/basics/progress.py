"""What work of seconds says of itself on standard error: a bar on a terminal, else a line at both ends."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge.basics.texts import printable

SILENT_S = 2.0
"""Work that takes longer than this says that it is at it."""

Tick = Callable[[], object]
"""Called after each step of the work."""


def no_tick() -> None:
    """For a caller that nobody watches."""


@contextmanager
def progress(what: str, total: int, unit: str = "picture", *, after_s: float = 0.0) -> Iterator[Tick]:
    """Show how far some work is, from here to the end of the block.

    Args:
        what: the work, in few words.
        total: how many steps it has.
        unit: what a step is of.
        after_s: say nothing of work that is done before; what is looked at is each step.
    """
    from tqdm import tqdm

    what = printable(what)
    if sys.stderr.isatty():
        with tqdm(total=total, desc=what, unit=unit, dynamic_ncols=True, leave=False, delay=after_s) as bar:
            yield bar.update
        return
    lines = _Lines(f"{what}: {total} {unit}{'' if total == 1 else 's'}\n", after_s)
    lines.tick()
    yield lines.tick
    if lines.is_said:
        sys.stderr.write(f"{what}: done in {time.monotonic() - lines.begin:.0f} s\n")


class _Lines:
    """The line at the begin of some work, once it has taken a while."""

    def __init__(self, line: str, after_s: float) -> None:
        self.begin, self.is_said = time.monotonic(), False
        self._line, self._after_s = line, after_s

    def tick(self) -> None:
        if not self.is_said and time.monotonic() - self.begin >= self._after_s:
            self.is_said = True
            sys.stderr.write(self._line)


@contextmanager
def told_if_long(what: str, tell: Callable[[str], object] | None = None, after_s: float = SILENT_S) -> Iterator[None]:
    """Say `what` if the block is not done by then: work whose length nobody knows beforehand.

    Args:
        tell: takes the line; standard error by default.
    """
    timer = threading.Timer(after_s, lambda: (tell or _to_stderr)(f"{what} ..."))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")
