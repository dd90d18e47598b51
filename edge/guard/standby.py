"""An engine that is opened beside the running one, so that a change for the better costs no picture."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple

from edge.basics.errors import EdgeError, ModelError
from edge.guard.answers import Opened
from edge.guard.order import EngineOrder, EngineSetup
from edge.guard.process import DEADLINE_S, EngineGone, EngineProcess

log = logging.getLogger(__name__)


class Preparation:
    """Another setup, on its way to be taken or not; thread-safe.

    Attributes:
        setup: what is meant.
        ready: done when its engine is proven and waits for `commit`; raises EdgeError where it cannot be had. Nothing
            has changed then.
    """

    def __init__(self, setup: EngineSetup) -> None:
        self.setup = setup
        self.ready: Future[None] = Future()
        self.is_committed = self.is_cancelled = False

    def commit(self) -> None:
        """Let it run from the next frame on."""
        self.is_committed = True

    def cancel(self) -> None:
        """Forget it."""
        self.is_cancelled = True

    def settle(self, error: EdgeError | None = None) -> None:
        """For who opens it: it is ready, or why it cannot be."""
        if self.ready.done():
            return
        if error is None:
            self.ready.set_result(None)
        else:
            self.ready.set_exception(error)


@dataclass(frozen=True)
class Attempt:
    """A rung to be opened beside the running one.

    Attributes:
        goal: the rung to climb to, or the setup to go over to.
        setup, rung: the ladder that is in use once it is open, and where on it.
        why: it is not the first one; empty where it is.
    """

    goal: int | Preparation
    setup: EngineSetup
    rung: int
    why: str = ""

    def after(self, error: EdgeError) -> Attempt | None:
        """What to try where it cannot be opened: a new setup's profile may run in another place, a climb just waits."""
        if isinstance(self.goal, int) or self.goal.is_cancelled or isinstance(error, EngineGone):
            return None
        setup, rung = self.setup.after(self.rung, error)
        if rung == len(setup.rungs) or setup.rungs[rung].is_less_work(self.goal.setup.rungs[0]):
            return None
        return Attempt(self.goal, setup, rung, str(error))


class Ready(NamedTuple):
    """An engine that is open, proven and wanted."""

    process: EngineProcess
    opened: Opened
    attempt: Attempt


class Standby:
    """Opens one rung at a time beside the running one. For one thread.

    Args:
        start: starts the process for an order; raises EdgeError.
        on_missed: told why a climb to a rung came to nothing.
    """

    def __init__(
        self, start: Callable[[EngineOrder], EngineProcess], on_missed: Callable[[int, EdgeError], None]
    ) -> None:
        self._start, self._on_missed = start, on_missed
        self._process: EngineProcess | None = None
        self._attempt: Attempt | None = None

    @property
    def attempt(self) -> Attempt | None:
        """What it is at; None while it is free."""
        return self._attempt

    def open(self, attempt: Attempt) -> None:
        """Begin with an attempt, or with what may follow it where it cannot even be started."""
        try:
            self._process = self._start(attempt.setup.order(attempt.rung))
        except EdgeError as error:
            self._missed(attempt, error)
        else:
            self._attempt = attempt

    def poll(self) -> Ready | None:
        """What may be used from now on, once; None while there is nothing, or its change has not been committed."""
        process, attempt = self._process, self._attempt
        if process is None or attempt is None:
            return None
        goal = attempt.goal
        try:
            if isinstance(goal, Preparation) and goal.is_cancelled:
                raise ModelError("the change was given up")
            opened = checked(process.poll_opened(), process)
        except EdgeError as error:
            process.close()
            self._process = self._attempt = None
            self._missed(attempt, error)
            return None
        if opened is None:
            return None
        if isinstance(goal, Preparation):
            goal.settle()
            if not goal.is_committed:
                return None
        self._process = self._attempt = None
        return Ready(process, opened, attempt)

    def _missed(self, attempt: Attempt, error: EdgeError) -> None:
        following = attempt.after(error)
        if following is not None:
            log.info("another engine is tried: %s", error)
            self.open(following)
        elif isinstance(attempt.goal, Preparation):
            attempt.goal.settle(error)
        else:
            log.debug("no better rung yet: %s", error)
            self._on_missed(attempt.rung, error)

    def give_up(self, error: EdgeError, wait_s: float = 0.0) -> None:
        """End what is open; who asked for another setup hears why."""
        if self._process is not None:
            self._process.close(wait_s)
        if self._attempt is not None and isinstance(self._attempt.goal, Preparation):
            self._attempt.goal.settle(error)
        self._process = self._attempt = None


def checked(opened: Opened | None, process: EngineProcess) -> Opened | None:
    """Refuse a rung that is too slow for live pictures, by its own measurement."""
    if opened is not None and opened.frame_ms > DEADLINE_S * 1e3:
        title = process.order.rung.title
        raise ModelError(f"{title} takes {opened.frame_ms:.0f} ms a frame here, at most {DEADLINE_S * 1e3:.0f} fit")
    return opened
