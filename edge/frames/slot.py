"""Hand-over of the newest item between two threads."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Slot(Generic[T]):
    """Holds one item. A writer replaces what nobody took, and that counts as dropped.

    Because nothing queues, the age of what a reader gets cannot creep up.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self._closed = self._woken = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Items that were replaced before anyone took them."""
        return self._dropped

    def put(self, item: T) -> None:
        """Offer the newest item; never waits. After `close` it does nothing."""
        with self._changed:
            if self._closed:
                return
            self._dropped += self._item is not None
            self._item = item
            self._changed.notify_all()

    def take(self, timeout_s: float | None = None) -> T | None:
        """Wait for an item and remove it; None after the timeout, once closed, or when woken without one."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed or self._woken, timeout_s)
            item, self._item, self._woken = self._item, None, False
            self._changed.notify_all()
            return item

    def wait_empty(self, timeout_s: float | None = None) -> bool:
        """Wait until the last item was taken; for a source that has no pace of its own."""
        with self._changed:
            return self._changed.wait_for(lambda: self._item is None or self._closed, timeout_s)

    def wake(self) -> None:
        """End the wait of who takes, now or when it next would; there is something else to do."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def close(self) -> None:
        """Wake every waiter; an item not yet taken can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed
