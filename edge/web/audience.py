"""Who watches what, in the order in which they came: who was there first is served first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import count

from edge.web.limits import Busy, Limits, Seats
from edge.web.views import Picture, View

HELD_S = 10.0
"""Who leaves has the same place again within this time, if the viewer named it."""


class Viewer:
    """One open stream: the view it shows and the newest picture it has not sent yet.

    Attributes:
        place: a name that the viewer made up for itself, to have its place again; empty for none.
        rank: 0 came first.
    """

    def __init__(self, view: View, address: str = "", place: str = "", rank: int = 0) -> None:
        self.view, self.address, self.place, self.rank = view, address, place, rank
        self.is_begun = self.served = False
        self.on_replaced: Callable[[], None] = lambda: None
        self._newest: Picture | None = None
        self._news = asyncio.Event()

    def offer(self, picture: Picture) -> None:
        """Replace what was not sent yet."""
        self.served = True
        self._newest = picture
        self._news.set()

    async def next(self) -> Picture:
        await self._news.wait()
        self._news.clear()
        assert self._newest is not None, "set before the event"
        return self._newest


class Audience:
    """Belongs to the event loop; encoder threads only call `wanted`."""

    def __init__(self, limits: Limits | None = None, clock_s: Callable[[], float] = time.monotonic) -> None:
        limits = limits or Limits()
        self._seats, self._num_splits = Seats(limits.streams, limits.streams_of_one), limits.splits
        self._clock_s = clock_s
        self._ranks = count()
        self._viewers: list[Viewer] = []  # by rank
        self._held: dict[tuple[str, str], tuple[int, float]] = {}
        self._wanted: tuple[tuple[View, ...], tuple[View, ...]] = ((), ())

    def __len__(self) -> int:
        return sum(viewer.is_begun for viewer in self._viewers)

    def first(self) -> tuple[View, ...]:
        """The view of who came first; empty where nobody watches."""
        return self._wanted[0][:1]

    def wanted(self, only_unserved: bool = False) -> tuple[View, ...]:
        """The views that somebody looks at, each once, that of the first viewer first; or that somebody waits for."""
        return self._wanted[only_unserved]

    def admit(self, view: View, address: str = "", place: str = "") -> Viewer:
        """Take in a viewer, who must `leave` again.

        Args:
            place: who had this one just now, or still has it over a connection that hangs, has it again.

        Raises:
            Busy: there are as many as there may be, or other dividers of a split are looked at.
        """
        self._forget_held()
        self._refuse_another_split(view)
        known = (address, place)
        rank = self._rank_again(known) if place else None
        if rank is None:
            if not self._seats.take(address):
                raise Busy("as many watch as there may at a time; try again in a while")
            rank = next(self._ranks)
        viewer = Viewer(view, address, place, rank)
        self._viewers = sorted([*self._viewers, viewer], key=lambda one: one.rank)
        return viewer

    def begin(self, viewer: Viewer) -> None:
        """It reads: encode for it from now on."""
        viewer.is_begun = viewer in self._viewers
        self._count()

    def leave(self, viewer: Viewer) -> None:
        if viewer not in self._viewers:
            return
        self._viewers.remove(viewer)
        if viewer.place:
            self._held[viewer.address, viewer.place] = viewer.rank, self._clock_s() + HELD_S
        else:
            self._seats.leave(viewer.address)
        self._count()

    def deliver(self, view: View, picture: Picture) -> None:
        """Give everyone who looks at this view its newest picture."""
        for viewer in self._viewers:
            if viewer.is_begun and viewer.view == view:
                viewer.offer(picture)
        self._count()

    def _rank_again(self, known: tuple[str, str]) -> int | None:
        """The rank that goes with a place, which is held or taken over; its seat goes with it."""
        if known in self._held:
            return self._held.pop(known)[0]
        for viewer in self._viewers:
            if (viewer.address, viewer.place) == known:
                self._viewers.remove(viewer)
                viewer.on_replaced()
                return viewer.rank
        return None

    def _forget_held(self) -> None:
        now_s = self._clock_s()
        for known, (_, until_s) in tuple(self._held.items()):
            if now_s > until_s:
                del self._held[known]
                self._seats.leave(known[0])

    def _refuse_another_split(self, view: View) -> None:
        splits = {viewer.view for viewer in self._viewers if viewer.view.name == "split"}
        if view.name == "split" and view not in splits and len(splits) >= self._num_splits:
            taken = ", ".join(f"{split.at:g}" for split in sorted(splits, key=lambda split: split.at))
            raise Busy(f"at = {view.at:g}: others look at splits at {taken}; take one of these, or view=pair")

    def _count(self) -> None:
        begun = [viewer for viewer in self._viewers if viewer.is_begun]
        every = dict.fromkeys(viewer.view for viewer in begun)
        unserved = dict.fromkeys(viewer.view for viewer in begun if not viewer.served)
        self._wanted = (tuple(every), tuple(unserved))
