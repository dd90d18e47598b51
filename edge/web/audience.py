"""Who watches what, in the order in which they came: who was there first is served first."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from itertools import count

from edge.web.limits import Busy, Limits, Seats
from edge.web.views import RESTAMP_S, Picture, View

HELD_S = 10.0
"""Who leaves has the same place again within this time, if the viewer named it."""
VIDEO = ("webrtc", "rtsp")
"""Transports whose pictures are made elsewhere."""
STUCK_S = 1.0
"""Who has not asked for another picture for so long is not served before others."""


class Viewer:
    """One open stream: the view it shows and the newest picture it has not sent yet.

    Attributes:
        place: a name that the viewer made up for itself, to have its place again; empty for none.
        rank: 0 came first.
        waits: it asks for a picture and has none to send: one is made for it.
        served: it was given a picture of its view.
        seq: of the picture that it took last.
        transport: how its pictures travel; of coded video it has a seat here, and nothing is made for it.
    """

    def __init__(self, view: View, address: str = "", place: str = "", rank: int = 0, transport: str = "mjpeg") -> None:
        self.view, self.address, self.place, self.rank, self.transport = view, address, place, rank, transport
        self.is_begun = self.served = False
        self.waits = True
        self.seq: int | None = None
        self.on_replaced: Callable[[], None] = lambda: None
        self.on_waits: Callable[[Viewer], None] = lambda viewer: None
        self.is_newest: Callable[[Picture], bool] = lambda picture: True
        self._newest: Picture | None = None
        self._asks, self._offered_s, self._took_s = True, 0.0, time.monotonic()
        self._news = asyncio.Event()

    def offer(self, picture: Picture) -> None:
        """Replace what was not sent yet."""
        self.served, self.waits = True, False
        self._newest, self._offered_s = picture, time.monotonic()
        self._news.set()

    def forget(self) -> None:
        """Let go of what was not sent yet: it is of another view."""
        self.served, self.waits, self._newest = False, self._asks, None
        self._news.clear()

    async def next(self) -> Picture:
        """The newest picture, as soon as there is one that this viewer has not had."""
        self._asks = True
        if not self._has_newest():
            self._newest, self.waits = None, True
            self._news.clear()
            self.on_waits(self)
        while self._newest is None:
            await self._news.wait()
        picture, self._newest = self._newest, None
        self._news.clear()
        self.seq = picture.seq
        self._asks, self._took_s = False, time.monotonic()
        return picture

    def is_stuck(self, now_s: float) -> bool:
        """Whether it has had its last picture for long and asks for none."""
        return not self.waits and not self._asks and now_s - self._took_s > STUCK_S

    def _has_newest(self) -> bool:
        """Whether what it was offered is the newest there is: a picture that is not live says how old it is."""
        if self._newest is None:
            return False
        if self._newest.state != "live":
            return time.monotonic() - self._offered_s < RESTAMP_S
        return self.is_newest(self._newest)


class Audience:
    """Belongs to the event loop; encoder threads only call `wanted`.

    Args:
        on_waits: called with a view that somebody waits for a picture of, who could have a newer one now.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        clock_s: Callable[[], float] = time.monotonic,
        on_waits: Callable[[View], None] = lambda view: None,
    ) -> None:
        limits = limits or Limits()
        self._seats, self._num_splits = Seats(limits.streams, limits.streams_of_one), limits.splits
        self._clock_s, self._on_waits = clock_s, on_waits
        self._newest_seq: int | None = None
        self._first: tuple[View, ...] = ()
        self._ranks = count()
        self._viewers: list[Viewer] = []  # by rank
        self._held: dict[tuple[str, str], tuple[int, float]] = {}
        self._wanted: tuple[tuple[View, ...], tuple[View, ...]] = ((), ())

    def __len__(self) -> int:
        return sum(viewer.is_begun for viewer in self._viewers)

    def by_transport(self) -> dict[str, int]:
        """Transport -> how many watch by it."""
        watching = (one.transport for one in self._viewers if one.is_begun or one.transport in VIDEO)
        return dict(Counter(watching))

    def first(self) -> tuple[View, ...]:
        """The view of who came first; empty where nobody watches."""
        return self._first

    def wanted(self, only_unserved: bool = False) -> tuple[View, ...]:
        """The views that somebody waits for, each once, by rank; or of which somebody has had no picture yet."""
        return self._wanted[only_unserved]

    def admit(self, view: View, address: str = "", place: str = "", transport: str = "mjpeg") -> Viewer:
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
        viewer = Viewer(view, address, place, rank, transport)
        viewer.on_waits, viewer.is_newest = self._waits, self._is_newest
        self._viewers = sorted([*self._viewers, viewer], key=lambda one: one.rank)
        return viewer

    def begin(self, viewer: Viewer) -> None:
        """It reads: encode for it from now on."""
        viewer.is_begun = viewer in self._viewers
        self._count()

    def show(self, viewer: Viewer, view: View) -> None:
        """It looks at another view from now on, from the same place.

        Raises:
            Busy: other dividers of a split are looked at.
        """
        if view == viewer.view:
            return
        self._refuse_another_split(view)
        viewer.view = view
        viewer.forget()
        self._waits(viewer)

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

    def published(self, seq: int) -> None:
        """A pair of this number can be shown now."""
        self._newest_seq = seq

    def _is_newest(self, picture: Picture) -> bool:
        return self._newest_seq is None or picture.seq == self._newest_seq

    def _waits(self, viewer: Viewer) -> None:
        self._count()
        if viewer.is_begun and (not viewer.served or viewer.seq != self._newest_seq):
            self._on_waits(viewer.view)

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
        waiting = [viewer for viewer in begun if viewer.waits]
        every = dict.fromkeys(viewer.view for viewer in waiting)
        unserved = dict.fromkeys(viewer.view for viewer in waiting if not viewer.served)
        now_s = time.monotonic()
        lively = [viewer for viewer in begun if not viewer.is_stuck(now_s)]
        self._first = ((lively or begun)[0].view,) if begun else ()
        self._wanted = (tuple(every), tuple(unserved))
