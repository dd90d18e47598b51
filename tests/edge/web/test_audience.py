"""Who was there first: places, seats and the views that are made."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Callable

import pytest

from edge.web import audience as audience_module
from edge.web.audience import HELD_S, Audience, Viewer
from edge.web.limits import Busy, Limits
from edge.web.views import Picture, View

LIMITS = Limits(streams=4, streams_of_one=2)


def in_loop(test: Callable[[Audience, list[float]], None]) -> None:
    async def run() -> None:
        clock = [0.0]
        test(Audience(LIMITS, lambda: clock[0]), clock)

    asyncio.run(run())


def joined(audience: Audience, name: str, address: str = "a", place: str = "") -> Viewer:
    viewer = audience.admit(View(name), address, place)  # type: ignore[arg-type]
    audience.begin(viewer)
    return viewer


class Word(str):
    """Lives as long as the picture that it is in, and can be counted; a picture itself cannot."""


def picture(seq: int) -> Picture:
    return Picture(b"jpeg", seq, time.monotonic_ns(), "live", "raw")


def names(audience: Audience) -> list[str]:
    return [view.name for view in audience.wanted()]


def test_the_view_of_who_came_first_is_made_first() -> None:
    def test(audience: Audience, clock: list[float]) -> None:
        first = joined(audience, "raw")
        joined(audience, "enhanced", "b")
        assert (names(audience), audience.first()) == (["raw", "enhanced"], (View("raw"),))
        audience.leave(first)
        assert audience.first() == (View("enhanced"),)

    in_loop(test)


def test_who_opens_another_view_keeps_the_place_that_it_named() -> None:
    def test(audience: Audience, clock: list[float]) -> None:
        first = joined(audience, "raw", place="me")
        for address in ("b", "b", "c"):
            joined(audience, "enhanced", address)
        with pytest.raises(Busy):
            audience.admit(View("raw"), "d")
        audience.leave(first)
        clock[0] = HELD_S - 1
        with pytest.raises(Busy):
            audience.admit(View("raw"), "d")
        joined(audience, "pair", place="me")
        assert audience.first() == (View("pair"),)
        assert len(audience) == 4

    in_loop(test)


def test_a_place_is_taken_over_from_a_connection_that_hangs() -> None:
    def test(audience: Audience, clock: list[float]) -> None:
        cut: list[str] = []
        hanging = joined(audience, "raw", place="me")
        hanging.on_replaced = lambda: cut.append("cut")
        joined(audience, "enhanced", "b")
        again = joined(audience, "pair", place="me")
        assert (cut, again.rank, len(audience)) == (["cut"], hanging.rank, 2)
        audience.leave(hanging)  # its handler ends later
        assert names(audience) == ["pair", "enhanced"]

    in_loop(test)


def test_nobody_else_has_a_place_by_its_name() -> None:
    def test(audience: Audience, clock: list[float]) -> None:
        joined(audience, "raw", "a", "me")
        assert joined(audience, "pair", "b", "me").rank == 1
        assert audience.first() == (View("raw"),)

    in_loop(test)


def test_a_place_that_nobody_comes_back_to_is_free_again() -> None:
    def test(audience: Audience, clock: list[float]) -> None:
        for number in range(2):
            audience.leave(joined(audience, "raw", place=f"me{number}"))
        with pytest.raises(Busy):
            audience.admit(View("raw"), "a")
        clock[0] = HELD_S + 1
        joined(audience, "raw")

    in_loop(test)


def test_only_a_few_dividers_are_looked_at_at_a_time() -> None:
    def test(audience: Audience, clock: list[float]) -> None:
        viewers = [audience.admit(View("split", at), address) for at, address in ((0.1, "a"), (0.2, "b"), (0.1, "c"))]
        with pytest.raises(Busy, match=r"at = 0\.3: others look at splits at 0\.1, 0\.2"):
            audience.admit(View("split", 0.3), "d")
        audience.leave(viewers[1])
        audience.admit(View("split", 0.3), "d")

    in_loop(test)


def test_only_what_somebody_waits_for_is_wanted_and_who_asks_has_it_made() -> None:
    async def run() -> None:
        asked: list[View] = []
        audience = Audience(LIMITS, on_waits=asked.append)
        viewer = joined(audience, "raw")
        audience.published(1)
        audience.deliver(View("raw"), picture(1))
        assert names(audience) == [], "it has one to send"
        assert (await viewer.next()).seq == 1
        waiting = asyncio.ensure_future(viewer.next())
        await asyncio.sleep(0)
        assert (names(audience), asked) == (["raw"], []), "nothing newer is there to be made"
        audience.deliver(View("raw"), picture(2))
        audience.published(2)
        assert (await waiting).seq == 2
        audience.published(3)
        waiting = asyncio.ensure_future(viewer.next())
        await asyncio.sleep(0)
        assert asked == [View("raw")], "pair 3 can be made for it now"
        waiting.cancel()

    asyncio.run(run())


def test_a_picture_that_was_not_sent_is_never_sent_when_a_newer_one_can_be_made() -> None:
    async def run() -> None:
        audience = Audience(LIMITS)
        viewer = joined(audience, "raw")
        audience.deliver(View("raw"), picture(1))
        audience.published(2)
        waiting = asyncio.ensure_future(viewer.next())
        await asyncio.sleep(0)
        assert not waiting.done()
        audience.deliver(View("raw"), picture(2))
        assert (await waiting).seq == 2

    asyncio.run(run())


def test_a_viewer_that_changes_its_view_keeps_its_rank_and_gets_nothing_of_the_old_one() -> None:
    async def run() -> None:
        asked: list[View] = []
        audience = Audience(LIMITS, on_waits=asked.append)
        viewer = joined(audience, "raw")
        joined(audience, "enhanced", "b")
        audience.deliver(View("raw"), picture(1))
        small = View("pair", width_px=480)
        audience.show(viewer, small)
        assert (audience.first(), asked) == ((small,), [small])
        assert audience.wanted(True)[0] == small, "it has had none of it"
        waiting = asyncio.ensure_future(viewer.next())
        audience.deliver(View("pair"), picture(2))
        await asyncio.sleep(0)
        assert not waiting.done(), "another size"
        audience.deliver(small, picture(3))
        assert (await waiting).seq == 3

    asyncio.run(run())


def test_who_stopped_reading_has_one_picture_and_nothing_made() -> None:
    async def run() -> None:
        audience = Audience(Limits())
        viewers = [joined(audience, "raw", str(number)) for number in range(8)]
        dead = viewers.pop()
        made = weakref.WeakSet[Word]()
        for seq in range(200):
            word = Word("raw")
            made.add(word)
            audience.deliver(View("raw"), Picture(b"jpeg", seq, time.monotonic_ns(), "live", word))
            audience.published(seq)
            assert [(await viewer.next()).seq for viewer in viewers] == [seq] * 7
        del word
        assert len(made) <= 2, "the newest, which the dead one could have, and what the last one read"
        assert names(audience) == []
        audience.leave(dead)
        assert len(audience) == 7

    asyncio.run(run())


def test_who_asks_for_nothing_is_not_served_before_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        audience = Audience(LIMITS)
        first = joined(audience, "raw")
        second = joined(audience, "enhanced", "b")
        audience.deliver(View("raw"), picture(1))
        await first.next()
        monkeypatch.setattr(audience_module, "STUCK_S", 0.0)
        audience.deliver(View("enhanced"), picture(1))
        assert audience.first() == (View("enhanced"),)
        asking = asyncio.ensure_future(first.next())
        await asyncio.sleep(0)
        assert audience.first() == (View("raw"),), "it has kept its rank"
        asking.cancel()
        await second.next()

    asyncio.run(run())


def test_a_viewer_with_a_picture_on_its_way_has_none_of_another_view_made_before_it_asks() -> None:
    async def run() -> None:
        audience = Audience(LIMITS)
        viewer = joined(audience, "raw")
        audience.deliver(View("raw"), picture(1))
        await viewer.next()
        for width_px in (480, 640, 960):
            audience.show(viewer, View("pair", width_px=width_px))
            assert audience.wanted() == ()
        asking = asyncio.ensure_future(viewer.next())
        await asyncio.sleep(0)
        assert audience.wanted() == (View("pair", width_px=960),)
        asking.cancel()

    asyncio.run(run())


def test_who_watches_is_counted_by_how_the_pictures_travel():
    audience = Audience()
    for transport in ("websocket", "websocket", "mjpeg"):
        audience.begin(audience.admit(View("raw"), transport=transport))
    audience.admit(View("raw"), transport="mjpeg")  # it has not begun
    audience.admit(View("raw"), transport="webrtc")
    assert audience.by_transport() == {"websocket": 2, "mjpeg": 1, "webrtc": 1}
    assert audience.wanted() == (View("raw"),)
    assert len(audience) == 3
