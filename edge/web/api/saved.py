"""The gallery's side of the store: what is kept, its files, small pictures, and its removal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, BinaryIO

from aiohttp import web

from edge.access.visitors import ASKED, address_of
from edge.basics.errors import NotNow, UsageError
from edge.basics.folders import open_folder
from edge.saving.previews import Previews
from edge.saving.removal import item_of
from edge.saving.sealing.sealed import Unreadable
from edge.saving.store import Store
from edge.web.api.desk import Desk
from edge.web.api.operation import Answer, Operation, Parameter
from edge.web.api.ranges import span_of
from edge.web.api.schemas import COUNT, NUMBER, TEXT, TRUTH, array, or_null, record
from edge.web.limits import Busy, Seats

MAX_PAGE = 200
_PIECE_BYTES = 256 * 1024
_MAX_SENT, _MAX_SENT_TO_ONE = 24, 10
_KINDS = {"png": "image/png", "mp4": "video/mp4", "json": "application/json", "jpg": "image/jpeg"}
_OTHER_KINDS = ("image/png", "image/jpeg", "application/json")
_OF_PART = {"Content-Range": "which part it is"}
_ITEM = record(
    {
        "name": TEXT,
        "kind": {"enum": ["pair", "recording"]},
        "taken_at": {"type": "string", "format": "date-time"},
        "duration_s": or_null(NUMBER),
        "views": array({"enum": ["raw", "enhanced"]}),
        "bytes": COUNT,
        "profile": TEXT,
        "synthesised": TRUTH,
        "session": or_null(record({"id": TEXT, "label": TEXT})),
        "ended": TEXT,
        "files": {"type": "object", "additionalProperties": TEXT},
    }
)
_NAME = Parameter("name", TEXT, "of a pair or recording, or of one of its files", where="path", is_required=True)


class Saved:
    """The handlers, and what `/api/state` tells.

    Args:
        hidden: names of what is being written at this moment.
    """

    def __init__(self, store: Store, hidden: Callable[[], Collection[str]] = tuple) -> None:
        self._store, self._hidden = store, hidden
        self._previews = Previews(store.listing)
        self._disk, self._sending = Desk("kept", threads=2), Desk("sent", threads=2)
        self._small = Desk("small-pictures", most=256)
        self._seats = Seats(_MAX_SENT, _MAX_SENT_TO_ONE)

    def operations(self) -> tuple[Operation, ...]:
        nothing = Answer("nothing of this name is kept")
        page = record({"items": array(_ITEM), "more": TRUTH})
        number = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE}
        return (
            Operation(
                "GET",
                "/api/saved",
                self.page,
                "What is kept, newest first.",
                {200: Answer("a page of it", "application/json", page), 404: Answer("`before` is not kept any more")},
                (
                    Parameter("session", TEXT, "id of a patient session: what belongs to it alone"),
                    Parameter("before", TEXT, "name of the last one of the page before"),
                    Parameter("num", number, "how many at most; 60"),
                ),
            ),
            Operation(
                "GET",
                "/api/saved/{name}",
                self.file,
                "A file of what is kept: a picture, a clip or a record; parts of it by `Range`.",
                {
                    200: Answer("all of it", "video/mp4", also_kinds=_OTHER_KINDS),
                    206: Answer("the part that was asked for", "video/mp4", also_kinds=_OTHER_KINDS, headers=_OF_PART),
                    404: nothing,
                    409: Answer("it is encrypted, and its key is not here, or it is not as it was written"),
                    416: Answer("a part that it has not"),
                },
                (_NAME,),
            ),
            Operation(
                "GET",
                "/api/saved/{name}/small.jpg",
                self.small,
                "A picture of a pair or recording, 320 wide.",
                {200: Answer("the picture", "image/jpeg"), 404: nothing},
                (_NAME,),
            ),
            Operation(
                "DELETE",
                "/api/saved/{name}",
                self.remove,
                "Remove a pair or recording with all its files.",
                {
                    204: Answer("it is gone", ""),
                    404: nothing,
                    409: Answer("it is recorded at this moment, or not confirmed"),
                },
                (_NAME, Parameter("confirm", TEXT, "the name again", is_required=True)),
            ),
        )

    def state(self) -> Mapping[str, Any]:
        return {"storage": self._store.record()}

    async def page(self, request: web.Request) -> web.Response:
        num = _number_of(request.query.get("num", "60"))
        session, before = request.query.get("session", ""), request.query.get("before", "")
        hidden = self._hidden()
        found = await self._disk.do(
            lambda: self._store.listing.page(session=session, before=before, num=num, hidden=hidden)
        )
        if found is None:
            return _nothing("before", before)
        return web.json_response({"items": found.items, "more": found.is_more})

    async def file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if item_of(name) in self._hidden():
            return _nothing("name", name)
        address = address_of(request)
        if not self._seats.take(address):
            raise Busy("as many files are sent as may be at a time; try again in a second")
        try:
            file = await self._disk.do(lambda: self._opened(name))
            if file is None:
                return _nothing("name", name)
            try:
                return await self._sent(request, name, file)
            finally:
                file.close()
        finally:
            self._seats.leave(address)

    async def small(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]

        def made() -> bytes | None:
            item = self._store.listing.find(name)
            return None if item is None else self._previews.of(item)

        jpeg = await self._small.do(made)
        if jpeg is None:
            return _nothing("name", name)
        return web.Response(body=jpeg, headers={"Content-Type": "image/jpeg", "Cache-Control": "private, max-age=3600"})

    async def remove(self, request: web.Request) -> web.Response:
        """`confirm` must be the name: nobody removes by a link or by a slip."""
        name = request.match_info["name"]
        if request.query.get("confirm") != name:
            return web.Response(status=409, text=f"not removed: expected confirm={name[:80]}\n")
        item = await self._disk.do(lambda: self._store.listing.find(name))
        if item is None:
            return _nothing("name", name)
        request[ASKED] = name
        await self._disk.do(lambda: self._store.remove(item, "on request"))
        return web.Response(status=204)

    def _opened(self, name: str) -> BinaryIO | None:
        """A file that the listing knows, open; None for any other name, whatever bears it.

        Raises:
            NotNow: it is encrypted, and not as it was written, or its key is not here.
        """
        if self._store.listing.file(name) is None:
            return None
        try:
            with open_folder(self._store.folder) as folder:
                return self._store.listing.at_rest.open(folder, name)
        except Unreadable as error:
            raise NotNow(f"{name}: {error.strerror}") from error
        except OSError:  # removed meanwhile, or no plain file any more
            return None

    async def _sent(self, request: web.Request, name: str, file: BinaryIO) -> web.StreamResponse:
        size = await self._sending.do(lambda: file.seek(0, 2))
        headers = {
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, no-cache",
            "Content-Type": _KINDS[name.rpartition(".")[2]],
            "Content-Disposition": f'inline; filename="{name}"',
        }
        span = span_of(request.headers.get("Range", ""), size)
        if span is None:
            return web.Response(status=416, text="no such part\n", headers={"Content-Range": f"bytes */{size}"})
        if not span.is_all:
            headers["Content-Range"] = f"bytes {span.begin}-{span.end - 1}/{size}"
        response = web.StreamResponse(status=200 if span.is_all else 206, headers=headers)
        response.content_length = span.end - span.begin
        await response.prepare(request)
        at = span.begin
        while at < span.end:
            piece = await self._sending.do(partial(_read_at, file, at, min(_PIECE_BYTES, span.end - at)))
            if not piece:
                raise ConnectionResetError("the file has become shorter")
            await response.write(piece)
            at += len(piece)
        await response.write_eof()
        return response


def _read_at(file: BinaryIO, at: int, num_bytes: int) -> bytes:
    file.seek(at)
    return file.read(num_bytes)


def _number_of(text: str) -> int:
    """Raises UsageError."""
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MAX_PAGE):
        raise UsageError(f"num = {text[:20]!r}: expected a number from 1 to {MAX_PAGE}")
    return int(text)


def _nothing(what: str, name: str) -> web.Response:
    return web.Response(status=404, text=f"{what} = {name[:80]!r}: nothing of this name is kept\n")
