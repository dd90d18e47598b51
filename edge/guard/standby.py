"""An engine that is opened beside the running one, so that a change for the better costs no picture."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, replace

from edge.basics.errors import EdgeError, ModelError
from edge.guard.order import EngineSetup
from edge.guard.process import DEADLINE_S, EngineProcess, Opened


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
class Standby:
    """What is opened.

    Attributes:
        goal: the rung to climb to, or the setup to go over to.
    """

    process: EngineProcess
    goal: int | Preparation

    def poll(self) -> Opened | None:
        """What was opened and may be used, None while there is nothing yet. Raises EdgeError where it cannot be had."""
        if isinstance(self.goal, Preparation) and self.goal.is_cancelled:
            raise ModelError("the change was given up")
        opened = checked(self.process.poll_opened(), self.process)
        if opened is not None and isinstance(self.goal, int) and opened.backend != self.process.order.rung.backend:
            raise ModelError(opened.fell_back)
        return opened

    def give_up(self, error: EdgeError) -> None:
        """End it; who asked for another setup hears why."""
        self.process.close()
        if isinstance(self.goal, Preparation):
            self.goal.settle(error)


def checked(opened: Opened | None, process: EngineProcess) -> Opened | None:
    """Refuse a rung that is too slow for live pictures, by its own measurement."""
    if opened is not None and opened.frame_ms > DEADLINE_S * 1e3:
        title = replace(process.order.rung, backend=opened.backend).title
        raise ModelError(f"{title} takes {opened.frame_ms:.0f} ms a frame here, at most {DEADLINE_S * 1e3:.0f} fit")
    return opened
