"""The table of faults, and how one is entered into it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.faults.unit import Unit

Injection = Callable[[Unit], contextlib.AbstractContextManager[None]]


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        group: two faults of one group never come at once.
        seconds: shortest and longest.
        ends_program: the program may end by it and is started again.
    """

    name: str
    group: str
    inject: Injection
    seconds: tuple[float, float] = (0.3, 2.0)
    ends_program: bool = False

    def may_come_with(self, other: Fault) -> bool:
        """Whether both together still have one right outcome: nobody can ask what a reload did of a program that ended
        or that takes no connection."""
        groups = {self.group, other.group}
        is_mute = any(fault.ends_program or fault.name == "no descriptors" for fault in (self, other))
        return len(groups) == 2 and not ("config" in groups and is_mute)

    @property
    def stops_main(self) -> bool:
        """Whether the main process cannot paint meanwhile."""
        return self.ends_program or self.name == "stop main"

    @property
    def needs_engine(self) -> bool:
        """Whether it is about the engine, and so wants one that runs."""
        return self.group == "engine" or "worker" in self.name


FAULTS: dict[str, Fault] = {}


class Expected(AssertionError):
    """A fault's own check found something wrong."""


def fault(
    name: str, group: str, seconds: tuple[float, float] = (0.3, 2.0), *, ends_program: bool = False
) -> Callable[[Callable[[Unit], Iterator[None]]], Callable[[Unit], Iterator[None]]]:
    def added(work: Callable[[Unit], Iterator[None]]) -> Callable[[Unit], Iterator[None]]:
        FAULTS[name] = Fault(name, group, contextmanager(work), seconds, ends_program)
        return work

    return added
