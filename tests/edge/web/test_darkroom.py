"""Snapshots are made one at a time, once for all who ask, and those first that were promised."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import cast

import numpy as np
import pytest

from edge.frames.frame import Frame, FramePair
from edge.health.state import Verdict
from edge.web.banner import Status
from edge.web.darkroom import MAX_WAITING, Darkroom, Snapshot
from edge.web.kept import Kept
from edge.web.limits import Busy
from edge.web.views import View
from tests.doubles.waiting import GUARD_S

RAW, ENHANCED = View("raw"), View("enhanced")


def kept(seq: int) -> Kept:
    raw = Frame(np.zeros((2, 2, 3), np.uint8), seq, seq)
    return Kept(FramePair(raw, raw), Verdict("live", "", 1.0), "me", float("inf"))


class Maker:
    """Makes what it is asked for as soon as it may."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.made: list[int] = []

    def __call__(self, view: View, one: Kept) -> Snapshot:
        self.may.wait(GUARD_S)
        self.made.append(one.pair.raw.seq)
        if one.pair.raw.seq == 13:
            raise ValueError("no such picture")
        return b"png", one.pair.raw, cast(Status, None)


def in_darkroom(test: Callable[[Darkroom, Maker], Awaitable[None]]) -> None:
    async def run() -> None:
        maker = Maker()
        darkroom = Darkroom(maker)
        await asyncio.wait_for(test(darkroom, maker), GUARD_S)
        darkroom.close()

    asyncio.run(run())


def test_the_same_picture_is_made_once_for_all_who_ask_then_and_later() -> None:
    async def test(darkroom: Darkroom, maker: Maker) -> None:
        one = kept(1)
        asking = [asyncio.create_task(darkroom.develop(RAW, one, is_promised=True)) for _ in range(50)]
        asking[0].cancel()  # who goes away takes nothing from the others
        maker.may.set()
        assert {(await task)[0] for task in asking[1:]} == {b"png"}
        await darkroom.develop(RAW, one, is_promised=True)
        assert maker.made == [1]
        await darkroom.develop(ENHANCED, one, is_promised=True)
        assert maker.made == [1, 1]

    in_darkroom(test)


def test_what_was_promised_is_made_first_and_never_refused() -> None:
    async def test(darkroom: Darkroom, maker: Maker) -> None:
        new = [asyncio.create_task(darkroom.develop(RAW, kept(seq), is_promised=False)) for seq in range(MAX_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await darkroom.develop(RAW, kept(8), is_promised=False)
        promised = [asyncio.create_task(darkroom.develop(RAW, kept(seq), is_promised=True)) for seq in (20, 21)]
        await asyncio.sleep(0.2)
        maker.may.set()
        await asyncio.gather(*new, *promised)
        assert [seq for seq in maker.made if seq != 0][:2] == [20, 21], "but for one that was under way already"

    in_darkroom(test)


def test_what_cannot_be_made_is_told_and_the_next_one_is_made() -> None:
    async def test(darkroom: Darkroom, maker: Maker) -> None:
        maker.may.set()
        with pytest.raises(ValueError, match="no such picture"):
            await darkroom.develop(RAW, kept(13), is_promised=False)
        assert (await darkroom.develop(RAW, kept(14), is_promised=False))[0] == b"png"

    in_darkroom(test)
