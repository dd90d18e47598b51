"""How far a long piece of work has come: a bar on a terminal, a line now and then where standard error is none."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

EVERY_S = 10.0
"""A line so often."""
SILENT_S = 2.0
"""Work that takes longer than this says that it is at it."""


def progress(items: Sequence[T], unit: str, now_s: Callable[[], float] = time.monotonic) -> Iterator[T]:
    """The items one by one, with a bar, or with lines such as `12 of 96 pictures, 35 s left`."""
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, unit=unit, dynamic_ncols=True, file=sys.stderr)
        return
    begin_s = told_s = now_s()
    for number, item in enumerate(items):
        if number and now_s() - told_s >= EVERY_S:
            told_s = now_s()
            left_s = (told_s - begin_s) / number * (len(items) - number)
            sys.stderr.write(f"{number} of {len(items)} {unit}s, {left_s:.0f} s left\n")
        yield item


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
