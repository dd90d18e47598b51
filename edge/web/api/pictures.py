"""Pictures to keep: snapshots, and pairs that the unit saves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from aiohttp import web

from edge.basics.errors import UsageError
from edge.frames.frame import FramePair
from edge.health.record import Health
from edge.health.state import Verdict
from edge.saving.freeze import Freeze
from edge.saving.names import saved_frames
from edge.web.answers import refused
from edge.web.api.operation import Answer, Operation, Parameter
from edge.web.api.schemas import array, record
from edge.web.darkroom import Darkroom, Snapshot
from edge.web.gate import Gate
from edge.web.kept import HOLD_S, Kept, KeptPairs
from edge.web.views import SNAPSHOT_VIEWS, View, snapshot, view_from_query

_PIECE_BYTES = 64 * 1024
SAVED_AT_ONCE, SHOWN_AT_ONCE, NEW_A_SECOND = 4, 2, 0.4
"""Pairs that are new to who saves or takes a snapshot: fourteen of 12 MB are kept at most, and the disk can follow."""
_FORGET_S = 2.0


class Pictures:
    """The handlers. They belong to the event loop.

    Args:
        shown: the pair that is shown, frozen or the newest; None before the first.
    """

    def __init__(self, health: Health, freeze: Freeze, gate: Gate, shown: Callable[[], FramePair | None]) -> None:
        self._health, self._freeze, self._gate, self._shown = health, freeze, gate, shown
        self._darkroom = Darkroom(self._developed)
        self._saved = KeptPairs(SAVED_AT_ONCE, NEW_A_SECOND)
        self._shown_before = KeptPairs(SHOWN_AT_ONCE, NEW_A_SECOND)

    def operations(self) -> tuple[Operation, ...]:
        view = Parameter("view", {"type": "string", "enum": list(SNAPSHOT_VIEWS)}, "enhanced by default")
        seq = Parameter(
            "seq", {"type": "integer"}, "the other picture of a pair that was saved or answered just before"
        )
        names = {"X-Seq": "number of the picture", "X-Mode": "enhanced or raw", "X-State": "as in /health, or frozen"}
        picture = Answer("the picture, whole", "image/png", headers=names)
        views = array({"enum": list(SNAPSHOT_VIEWS)})
        pair = Answer(
            "it is on its way to the disk", "application/json", record({"seq": {"type": "integer"}, "views": views})
        )
        return (
            Operation("GET", "/snapshot.png", self.snapshot, "The picture that is shown.", {200: picture}, (view, seq)),
            Operation(
                "POST",
                "/api/save",
                self.save,
                "Keep the pair that is shown on the unit; `/events` tells when it is on the disk.",
                {202: pair, 409: Answer("the picture is not live")},
            ),
        )

    async def run(self, app: web.Application) -> AsyncIterator[None]:
        """For `cleanup_ctx`."""
        forgetting = asyncio.get_running_loop().create_task(self._forget())
        yield
        forgetting.cancel()
        self._darkroom.close()

    async def _forget(self) -> None:
        while True:
            await asyncio.sleep(_FORGET_S)
            for pairs in (self._saved, self._shown_before):
                pairs.forget()
            self._darkroom.forget()

    async def save(self, request: web.Request) -> web.Response:
        """Keep the pair that is shown on the unit, as the button does; `/events` tells when it is on the disk.

        Answers `seq` and `views`: what was saved, raw alone where nothing was enhanced. Where others save without an
        end, this answers with what was saved last, 2.5 s ago at most, in the same patient session.
        """
        num_sessions = self._freeze.num_sessions  # before the pair is taken: it is of this session or a later one
        before = self._saved.instead(num_sessions)
        pair = self._freeze.save() if before is None else before.pair
        if pair is None:
            return web.Response(status=409, text="not saved: the picture is not live; /health says why\n")
        if before is None:
            self._saved.keep(pair, self._judged(pair), self._gate.address_of(request), num_sessions)
        told = {"seq": pair.raw.seq, "views": [frame.mode for frame in saved_frames(pair)]}
        return web.json_response(told, status=202)

    async def snapshot(self, request: web.Request) -> web.StreamResponse:
        """`view=enhanced|raw`; `seq=N` gives the other picture of a pair that was saved or answered just before."""
        view = view_from_query(request.query.get("view", "enhanced"), allowed=SNAPSHOT_VIEWS)
        seq, address = request.query.get("seq"), self._gate.address_of(request)
        kept = self._kept_before(seq, address) if seq is not None else self._kept_now(address)
        if kept is None:
            return refused(503, "there is no picture yet; try again when /health says live", retry_s=1)
        file, frame, status = await self._darkroom.develop(view, kept, is_promised=seq is not None)
        name = self._freeze.names.of(kept.pair).of(frame)
        headers = {
            "Content-Type": "image/png",
            "Content-Disposition": f'inline; filename="{name}"',
            "X-Seq": str(frame.seq),
            "X-Mode": frame.mode,
            "X-State": status.state,
        }
        return await sent_in_pieces(request, file, headers)

    def _developed(self, view: View, kept: Kept) -> Snapshot:
        """In the darkroom's thread."""
        sha256 = kept.pair.enhanced.model.get("sha256", self._health.engine().sha256)
        return snapshot(view, kept.pair, kept.verdict, sha256, unit_note(self._health.tracked("unit_state")))

    def _kept_before(self, seq: str, address: str) -> Kept:
        """Raises `UsageError` where the pair named is not kept."""
        kept = self._saved.find(seq, address) or self._shown_before.find(seq, address)
        if kept is None:
            raise UsageError(f"seq = {seq!r}: a pair is kept for {HOLD_S:.0f} s after it was answered; leave it out")
        return kept

    def _kept_now(self, address: str) -> Kept | None:
        """The pair that is shown, as it is judged now, or was 2.5 s ago where many ask; None before the first."""
        num_sessions, pair = self._freeze.num_sessions, self._shown()
        if pair is None:
            return None
        before = self._shown_before.instead(num_sessions)
        return before or self._shown_before.keep(pair, self._judged(pair), address, num_sessions)

    def _judged(self, pair: FramePair) -> Verdict:
        frozen = pair is self._freeze.frozen
        return self._health.verdict(time.monotonic_ns(), pair.enhanced.t_capture_ns, frozen=frozen)


def unit_note(unit_state: Mapping[str, Any] | None) -> str:
    """Power mode and clocks in MHz, as `nvpmodel=15W clocks_mhz=cpu0:1510,gpu:625`; empty where nothing tells them."""
    mode, clocks = (unit_state or {}).get("nvpmodel"), (unit_state or {}).get("clocks_mhz") or {}
    words = [f"nvpmodel={'_'.join(str(mode).split())}"] if mode else []
    words += ["clocks_mhz=" + ",".join(f"{name}:{mhz:.0f}" for name, mhz in clocks.items())] if clocks else []
    return " ".join(words)


async def sent_in_pieces(request: web.Request, file: bytes, headers: Mapping[str, str]) -> web.StreamResponse:
    """A large file, as fast as it is read: what one does not read waits here once, and not once for each who asks."""
    if request.method == "HEAD":
        return web.Response(body=file, headers=headers)
    response = web.StreamResponse(headers=headers)
    response.content_length = len(file)
    await response.prepare(request)
    for at in range(0, len(file), _PIECE_BYTES):
        await response.write(memoryview(file)[at : at + _PIECE_BYTES])
    await response.write_eof()
    return response
