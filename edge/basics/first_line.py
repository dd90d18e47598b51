"""The first line that a person reads is the one that they wait for; what was said before it comes behind it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging.handlers import MemoryHandler

MOST_HELD = 10_000


@contextmanager
def lines_held_back() -> Iterator[Callable[[], None]]:
    """Hold this process's log back until what is given is called, or the block ends; with --debug nothing is held.

    Nothing is lost: an error that ends the block before comes with all that led to it.
    """
    root = logging.getLogger()
    targets = [] if root.isEnabledFor(logging.DEBUG) else list(root.handlers)
    held = [MemoryHandler(MOST_HELD, logging.CRITICAL + 1, target) for target in targets]
    for target, holder in zip(targets, held, strict=True):
        root.removeHandler(target)
        root.addHandler(holder)

    def let_go() -> None:
        for target, holder in zip(targets, held, strict=True):
            if holder in root.handlers:
                holder.flush()
                root.removeHandler(holder)
                root.addHandler(target)
                holder.close()  # and what came in between

    try:
        yield let_go
    finally:
        let_go()


def say_first(log: logging.Logger, message: str, *args: object) -> None:
    """Log a line ahead of what is held back."""
    record = log.makeRecord(log.name, logging.INFO, "", 0, message, args, None)
    for handler in logging.getLogger().handlers:
        target = handler.target if isinstance(handler, MemoryHandler) else handler
        if target is not None and record.levelno >= target.level:
            target.handle(record)
