"""Makes the PNGs of snapshots: one at a time, each once, and behind everything that a live picture needs."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from itertools import count
from queue import PriorityQueue

from edge.basics.threads import give_way
from edge.frames.frame import Frame
from edge.web.banner import Status
from edge.web.kept import Kept
from edge.web.limits import Busy
from edge.web.views import View

log = logging.getLogger(__name__)

Snapshot = tuple[bytes, Frame, Status]
Job = tuple[int, int, Callable[[], Snapshot], "asyncio.Future[Snapshot]"]

MAX_WAITING = 4
"""New ones; of those that were promised there are only so many as pairs are kept."""
_NUM_DONE = 4
"""Pictures of about 4 MB that are kept as they were made: who asks for the same again costs nothing."""


class Darkroom:
    """Belongs to the event loop, but for its thread."""

    def __init__(self, make: Callable[[View, Kept], Snapshot]) -> None:
        self._make = make
        self._jobs: PriorityQueue[Job] = PriorityQueue()
        self._numbers = count()
        self._asked: dict[tuple[Kept, View], asyncio.Future[Snapshot]] = {}
        self._done: dict[tuple[Kept, View], asyncio.Future[Snapshot]] = {}
        self._num_new = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._work, name="snapshot", daemon=True)
        self._thread.start()  # now, not when there is no memory for one

    async def develop(self, view: View, kept: Kept, *, is_promised: bool) -> Snapshot:
        """The picture of a view.

        Args:
            is_promised: its pair was answered before: it comes first, and is never refused.

        Raises:
            Busy: too many wait.
        """
        self._loop = asyncio.get_running_loop()
        key = kept, view
        there = self._done.get(key) or self._asked.get(key)
        if there is None:
            if not is_promised and self._num_new >= MAX_WAITING:
                raise Busy(f"{MAX_WAITING} snapshots are being made; try again in a second")
            there = self._asked[key] = self._loop.create_future()
            self._num_new += not is_promised
            there.add_done_callback(lambda done: self._keep(key, done, is_promised))
            self._jobs.put((0 if is_promised else 1, next(self._numbers), lambda: self._make(view, kept), there))
        return await asyncio.shield(there)  # who goes away takes nobody else's picture along

    def forget(self) -> None:
        """Let go of the pictures that were promised for no longer."""
        now_s = time.monotonic()
        self._done = {key: done for key, done in self._done.items() if key[0].until_s > now_s}

    def close(self) -> None:
        """End the thread; what is not made yet never is."""
        never: asyncio.Future[Snapshot] = asyncio.Future(loop=asyncio.get_running_loop())
        self._jobs.put((-1, 0, _nothing, never))

    def _keep(self, key: tuple[Kept, View], done: asyncio.Future[Snapshot], is_promised: bool) -> None:
        del self._asked[key]
        self._num_new -= not is_promised
        if not done.cancelled() and done.exception() is None:
            self._done[key] = done
            while len(self._done) > _NUM_DONE:
                del self._done[next(iter(self._done))]

    def _work(self) -> None:
        give_way()
        while True:
            rank, _, make, future = self._jobs.get()
            if rank < 0:
                return
            try:
                made, error = make(), None
            except Exception as failed:  # noqa: BLE001 - the thread's top; told to who asked
                made, error = None, failed
            self._tell(future, made, error)

    def _tell(self, future: asyncio.Future[Snapshot], made: Snapshot | None, error: Exception | None) -> None:
        def tell() -> None:
            if future.done():
                return
            if made is not None:
                future.set_result(made)
            elif error is not None:
                future.set_exception(error)

        assert self._loop is not None, "a job comes from it"
        try:
            self._loop.call_soon_threadsafe(tell)
        except RuntimeError:
            log.debug("a snapshot was made when the server had ended")


def _nothing() -> Snapshot:
    raise AssertionError("the end of the work is no work")
