"""What work of seconds says of itself on standard error: a bar on a terminal, else a line at both ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge.basics.texts import printable

Tick = Callable[[], object]
"""Called after each step of the work."""


def no_tick() -> None:
    """For a caller that nobody watches."""


@contextmanager
def progress(what: str, total: int, unit: str = "picture") -> Iterator[Tick]:
    """Show how far some work is, from here to the end of the block.

    Args:
        what: the work, in few words.
        total: how many steps it has.
        unit: what a step is of.
    """
    from tqdm import tqdm

    what = printable(what)
    if sys.stderr.isatty():
        with tqdm(total=total, desc=what, unit=unit, dynamic_ncols=True, leave=False) as bar:
            yield bar.update
        return
    begin = time.monotonic()
    sys.stderr.write(f"{what}: {total} {unit}{'' if total == 1 else 's'}\n")
    yield no_tick
    sys.stderr.write(f"{what}: done in {time.monotonic() - begin:.0f} s\n")
