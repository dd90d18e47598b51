"""One recorder's connection: what it asks, what it is answered, and the pictures that go to it."""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from edge.access.visitors import Stranger, Visitor
from edge.basics.errors import EdgeError
from edge.sources.network.rtsp_messages import BadMessage, Message, MessageReader
from edge.video.hub import Hub
from edge.video.listening import Coded, Listener, NoVideo
from edge.video.picture import VIDEO_VIEWS, VideoView
from edge.video.rtsp.packets import PAYLOAD_TYPE, RtpSender, format_of, payloads_of
from edge.video.rtsp.transports import MAX_UNSENT_BYTES, Interleaved, UdpPair, Way, Wished, wished_of

TIMEOUT_S = 60
"""A recorder by UDP that says nothing for so long is gone (RFC 2326, 12.37)."""
SILENT_S = 20.0
"""A connection that asks nothing and plays nothing is closed; one that does not read what it is sent as well."""
START_WITHIN_S = 20.0
MAX_REQUESTS_A_SECOND = 20
_MAX_BODY_BYTES = 4096
_GOODBYE_S = 1.0
_MAX_UNREAD_BYTES = 256 << 10
"""Of answers, and of a picture that was let in while there was room for it."""
_TRACK = "trackID=0"
_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, SET_PARAMETER, TEARDOWN"
_REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed",
    454: "Session Not Found", 455: "Method Not Valid in This State", 461: "Unsupported Transport",
    503: "Service Unavailable",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class House:
    """What every connection shares.

    Attributes:
        udp: None where packets go over the connection alone, as under TLS.
        visitor_of: token, address -> who that is.
        take_seat: address -> what gives it back; raises an EdgeError where there is none.
        attend: has the watching recorded, and cancelled when the right to it ends.
    """

    hub: Hub
    udp: UdpPair | None
    visitor_of: Callable[[str, str], Visitor | Stranger]
    take_seat: Callable[[str], Callable[[], None]]
    attend: Callable[[asyncio.Future[None], Visitor], None]


class RtspSession:
    """One connection.

    Args:
        host: where it comes from.
    """

    def __init__(self, house: House, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._house, self._reader, self._writer, self._host = house, reader, writer, host
        self._name = secrets.token_hex(8)
        self._sender = RtpSender()
        self._view: VideoView | None = None
        self._whole: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._watching: asyncio.Future[None] | None = None
        self._leave: Callable[[], None] = lambda: None
        self._wished: Wished | None = None
        self._way: Way | None = None
        self._is_playing, self._waits_for_whole = False, True
        self._read_s = self._heard_s = time.monotonic()
        self._num_asked, self._second = 0, 0

    async def run(self) -> None:
        """Until it ends, by either side."""
        messages = MessageReader(_MAX_BODY_BYTES)
        try:
            while not self._is_over():
                try:
                    content = await asyncio.wait_for(self._reader.read(1 << 14), 1.0)
                except (TimeoutError, asyncio.TimeoutError):
                    continue
                if not content:
                    return
                self._heard_s = time.monotonic()
                for message in messages.feed(content):
                    if isinstance(message, Message) and not await self._answer(message):
                        return
        except (BadMessage, ConnectionError):
            return
        finally:
            self._close()

    # ---- asked and answered

    async def _answer(self, asked: Message) -> bool:
        """Whether the connection goes on."""
        second = int(time.monotonic())
        self._num_asked = self._num_asked + 1 if second == self._second else 1
        self._second = second
        if asked.status or self._num_asked > MAX_REQUESTS_A_SECOND:
            return False
        if self._writer.transport.get_write_buffer_size() > MAX_UNSENT_BYTES + _MAX_UNREAD_BYTES:
            return False  # it asks and asks, and reads no answer
        visitor = self._visitor(asked)
        if asked.reason == "OPTIONS":
            self._tell(asked, 200, {"Public": _METHODS})
        elif isinstance(visitor, Stranger):
            self._tell(asked, 401, {"WWW-Authenticate": 'Basic realm="edge-enhance"'})
        elif asked.reason == "DESCRIBE":
            await self._describe(asked, visitor)
        elif asked.reason == "SETUP":
            await self._set_up(asked, visitor)
        elif asked.reason == "PLAY":
            self._play(asked)
        elif asked.reason in ("GET_PARAMETER", "SET_PARAMETER"):
            self._tell(asked, 200)
        elif asked.reason == "TEARDOWN":
            self._tell(asked, 200)
            return False
        else:
            self._tell(asked, 405, {"Allow": _METHODS})
        return True

    async def _describe(self, asked: Message, visitor: Visitor) -> None:
        format_ = await self._begun(asked, visitor)
        if not format_:
            return
        url = asked.target.rstrip("/")
        lines = [
            "v=0",
            f"o=- {self._sender.ssrc} 1 IN IP4 0.0.0.0",
            f"s=edge-enhance {self._view}",
            "c=IN IP4 0.0.0.0",
            "t=0 0",
            "a=control:*",
            "a=range:npt=now-",
            f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
            f"a=rtpmap:{PAYLOAD_TYPE} H264/90000",
            f"a=fmtp:{PAYLOAD_TYPE} {format_}",
            f"a=control:{_TRACK}",
        ]
        body = "".join(f"{line}\r\n" for line in lines)
        self._tell(asked, 200, {"Content-Base": f"{url}/", "Content-Type": "application/sdp"}, body)

    async def _set_up(self, asked: Message, visitor: Visitor) -> None:
        if not await self._begun(asked, visitor):
            return
        udp = self._house.udp
        wished = wished_of(asked.header("transport"), may_udp=udp is not None)
        if wished is None or self._is_playing:
            self._tell(asked, 455 if self._is_playing else 461)
            return
        self._forget_ports()
        self._wished = wished
        if wished.is_udp and udp is not None:
            self._way = udp.way(self._host, wished)
            ports = f"client_port={wished.first}-{wished.second};server_port={udp.ports[0]}-{udp.ports[1]}"
            told = f"RTP/AVP;unicast;{ports}"
        else:
            self._way = Interleaved(self._writer.transport, wished)
            told = f"RTP/AVP/TCP;unicast;interleaved={wished.first}-{wished.second}"
        session = f"{self._name};timeout={TIMEOUT_S}"
        self._tell(asked, 200, {"Transport": f"{told};ssrc={self._sender.ssrc:08X}", "Session": session})

    def _play(self, asked: Message) -> None:
        if self._way is None or self._view is None:
            self._tell(asked, 455)
            return
        if asked.header("session").partition(";")[0] not in ("", self._name):
            self._tell(asked, 454)
            return
        url = asked.target.rstrip("/").removesuffix(f"/{_TRACK}")
        info = f"url={url}/{_TRACK};seq={self._sender.next_seq}"
        self._tell(asked, 200, {"Session": self._name, "Range": "npt=now-", "RTP-Info": info})
        self._is_playing = True
        self._read_s = time.monotonic()
        self._house.hub.ask_whole(self._view)

    async def _begun(self, asked: Message, visitor: Visitor) -> str:
        """How the pictures are coded, once there is one; empty where the recorder was answered that there is none."""
        view = _view_of(asked.target)
        if view is None or self._view not in (None, view):
            self._tell(asked, 404)
            return ""
        try:
            if self._view is None:
                await self._begin(view, visitor)
            return await asyncio.wait_for(asyncio.shield(self._whole), START_WITHIN_S)
        except (EdgeError, TimeoutError, asyncio.TimeoutError):
            self._tell(asked, 503, {"Retry-After": "5"})
            return ""

    async def _begin(self, view: VideoView, visitor: Visitor) -> None:
        """Raises an EdgeError where there is no seat, or nothing can be coded."""
        hub, loop = self._house.hub, asyncio.get_running_loop()
        hub.need()
        until_s = time.monotonic() + START_WITHIN_S
        while hub.is_starting and time.monotonic() < until_s:
            await asyncio.sleep(0.05)
        if hub.lacks_coding:
            raise NoVideo(hub.lacks_coding)
        self._leave = self._house.take_seat(self._host)

        def on_coded(coded: Coded) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._send, coded)

        def on_ended(why: str) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._abort)

        self._view = view
        self._watching = loop.create_future()
        self._house.attend(self._watching, visitor)
        hub.begin(self._name, Listener(view, on_ended, on_coded))

    def _visitor(self, asked: Message) -> Visitor | Stranger:
        """Whose token is the password; the user's name does not matter."""
        kind, _, text = asked.header("authorization").partition(" ")
        token = ""
        if kind.lower() == "basic":
            try:
                token = base64.b64decode(text.strip(), validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                token = ""
        return self._house.visitor_of(token, self._host)

    def _tell(self, asked: Message, status: int, headers: dict[str, str] | None = None, body: str = "") -> None:
        number = asked.header("cseq")
        lines = [f"RTSP/1.0 {status} {_REASONS[status]}", f"CSeq: {number if number.isdecimal() else 0}"]
        lines += ["Server: edge-enhance", *(f"{name}: {value}" for name, value in (headers or {}).items())]
        lines += [f"Content-Length: {len(body.encode())}"] if body else []
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    # ---- pictures

    def _send(self, coded: Coded) -> None:
        """On the event loop."""
        if coded.is_whole and not self._whole.done() and (format_ := format_of(coded.unit)):
            self._whole.set_result(format_)
        if not self._is_playing or self._way is None or (self._waits_for_whole and not coded.is_whole):
            return
        report = self._sender.report()
        if report is not None:
            self._way.report(report)
        packets = self._sender.packets(payloads_of(coded.unit), coded.t_ns)
        self._waits_for_whole = not self._way.send(packets)
        if not self._waits_for_whole:
            self._read_s = time.monotonic()

    def _is_over(self) -> bool:
        """Whether it is gone, or may not look any more."""
        now_s, heard_s = time.monotonic(), self._heard_s
        if self._watching is not None and self._watching.done():
            return True
        if self._is_playing and self._wished is not None and self._wished.is_udp and self._house.udp is not None:
            heard_s = max(heard_s, self._house.udp.heard_s.get((self._host, self._wished.second), 0.0))
            return now_s - heard_s > TIMEOUT_S + SILENT_S
        return now_s - (self._read_s if self._is_playing else heard_s) > SILENT_S

    def _abort(self) -> None:
        if self._watching is not None and not self._watching.done():
            self._watching.cancel()

    def _forget_ports(self) -> None:
        if self._wished is not None and self._wished.is_udp and self._house.udp is not None:
            self._house.udp.forget(self._host, self._wished)

    def _close(self) -> None:
        if self._view is not None:
            self._house.hub.end(self._name)
        if self._is_playing and self._way is not None:
            self._way.report(self._sender.goodbye())
        self._forget_ports()
        self._abort()
        self._leave()
        self._writer.close()
        asyncio.get_running_loop().call_later(_GOODBYE_S, self._writer.transport.abort)  # it may not read


def _view_of(target: str) -> VideoView | None:
    """The view that an address names; None where it names none, or is no address."""
    try:
        path = urlsplit(target).path.strip("/").removesuffix(_TRACK).strip("/")
    except ValueError:
        return None
    return next((view for view in VIDEO_VIEWS if view == path), None)
