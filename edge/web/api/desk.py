"""Work that waits for the disk, beside the event loop: few at a time, few that wait, and behind the live picture."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from edge.basics.threads import give_way
from edge.web.limits import Busy

T = TypeVar("T")
_MAX_WAITING = 64
"""A gallery asks for a page of small pictures at once."""


class Desk:
    """Belongs to the event loop.

    Args:
        threads: how much is done at a time.
    """

    def __init__(self, name: str, threads: int = 1, most: int = _MAX_WAITING) -> None:
        self._threads = ThreadPoolExecutor(threads, name, initializer=give_way)
        self._num, self._most = 0, most

    async def do(self, call: Callable[[], T]) -> T:
        """What it gives; where who asks goes away meanwhile, it is done all the same.

        Raises:
            Busy: too much waits already.
        """
        if self._num >= self._most:
            raise Busy("the disk is asked for too much at a time; try again in a second")
        self._num += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, call)
        future.add_done_callback(self._is_done)
        return await asyncio.shield(future)

    def _is_done(self, future: asyncio.Future[T]) -> None:
        self._num -= 1
        if not future.cancelled():
            future.exception()  # who asked may have gone
