"""The camera's RTSP side (RFC 2326): one track, over the connection itself or over UDP."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import socket

from tests.doubles.network_camera.authorisation import challenge, may_pass
from tests.doubles.network_camera.hub import Hub
from tests.doubles.network_camera.rtp import PAYLOAD_TYPES, units_of
from tests.doubles.network_camera.rtp_sending import Over, OverConnection, OverUdp, RtpSender

_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN"
_SESSION = "5EA1C0DE"
_PARAMETER_SETS = {"h264": {7: "sps", 8: "pps"}, "h265": {32: "vps", 33: "sps", 34: "pps"}}


class RtspSide:
    """Serves connections, each with a session of its own."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Session(self._hub, reader, writer).serve()


class Session:
    """One connection: requests come in between, and interleaved RTCP of the client's too."""

    def __init__(self, hub: Hub, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._hub, self._reader, self._writer = hub, reader, writer
        self._over: Over | None = None
        self._playing: asyncio.Future[None] | None = None
        self._reading: asyncio.Future[tuple[str, str, dict[str, str]] | None] | None = None
        self._is_torn_down = False

    async def serve(self) -> None:
        try:
            while not self._is_torn_down:
                faults = self._hub.faults
                limit_s = faults.session_s if faults.expires and self._playing is not None else None
                self._reading = reading = asyncio.ensure_future(self._request())
                waiting = {reading} if self._playing is None else {reading, self._playing}
                await asyncio.wait(waiting, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    return  # the pictures are over, or the session has expired
                request = await reading
                if request is not None:
                    await self._serve_one(*request)
        finally:
            if self._reading is not None:
                self._reading.cancel()
                await asyncio.gather(self._reading, return_exceptions=True)
            if self._playing is not None:
                self._playing.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._playing
            if self._over is not None:
                self._over.close()

    async def _request(self) -> tuple[str, str, dict[str, str]] | None:
        """Method, address and headers; None for interleaved data."""
        first = await self._reader.readexactly(1)
        if first == b"$":
            head = await self._reader.readexactly(3)
            await self._reader.readexactly(int.from_bytes(head[1:], "big"))
            return None
        if first in b"\r\n":
            return None
        text = (first + await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *rest = text.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rest if row)}
        await self._reader.readexactly(int(headers.get("content-length", "0")))
        method, address = ([*line.split(" "), "", ""])[:2]
        self._hub.counters.requests.append(
            {"protocol": "rtsp", "line": line, "authorization": headers.get("authorization", "")}
        )
        return method, address, headers

    async def _serve_one(self, method: str, address: str, headers: dict[str, str]) -> None:
        faults = self._hub.faults
        status, more, body = "200 OK", "", ""
        if method != "OPTIONS" and not may_pass(faults, method, headers.get("authorization", "")):
            status, more = "401 Unauthorized", f"WWW-Authenticate: {challenge(faults, with_qop=False)}\r\n"
        elif method == "OPTIONS":
            more = f"Public: {_METHODS}\r\n"
        elif faults.answer in ("404", "500") and method == "DESCRIBE":
            status = "404 Not Found" if faults.answer == "404" else "500 Internal Server Error"
        elif faults.answer == "redirect" and method == "DESCRIBE" and address.rstrip("/") != faults.location:
            status, more = "302 Moved Temporarily", f"Location: {faults.location}\r\n"
        elif faults.answer == "nothing" and method == "DESCRIBE":
            return
        elif method == "DESCRIBE":
            body = await self._description()
            more = f"Content-Base: {address.rstrip('/')}/\r\nContent-Type: application/sdp\r\n"
        elif method == "SETUP":
            status, more = await self._set_up(headers.get("transport", ""))
        elif method == "PLAY" and self._over is None:
            status = "455 Method Not Valid in This State"
        elif method not in _METHODS:
            status = "501 Not Implemented"
        sender: RtpSender | None = None
        if method == "PLAY" and status == "200 OK" and self._playing is None:
            assert self._over is not None, "set up"
            sender = RtpSender(self._hub, self._over)
            more = f"Range: npt=0.000-\r\nRTP-Info: url={address.rstrip('/')}/track1;{sender.info}\r\n"
        if self._over is not None and status == "200 OK":
            more += f"Session: {_SESSION};timeout={round(faults.session_s)}\r\n"
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        answer = f"RTSP/1.0 {status}\r\nCSeq: {headers.get('cseq', '0')}\r\n{more}{length}\r\n{body}"
        self._writer.write(answer.encode())
        await self._writer.drain()
        if sender is not None:
            self._playing = asyncio.ensure_future(sender.run())
        if method == "PAUSE" and self._playing is not None:
            self._playing.cancel()
            self._playing = None
        self._is_torn_down = method == "TEARDOWN"

    async def _set_up(self, transport: str) -> tuple[str, str]:
        wanted = self._hub.faults.transport
        is_tcp = "RTP/AVP/TCP" in transport
        if wanted not in ("any", "tcp" if is_tcp else "udp"):
            return "461 Unsupported Transport", ""
        if is_tcp:
            channels = re.search(r"interleaved=(\d+)", transport)
            channel = int(channels[1]) if channels else 0
            self._over = OverConnection(self._writer, channel)
            return "200 OK", f"Transport: RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1};ssrc=0CA3E7A0\r\n"
        ports = re.search(r"client_port=(\d+)-(\d+)", transport)
        if ports is None:
            return "461 Unsupported Transport", ""
        host = self._writer.get_extra_info("peername")[0]
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        own_host = self._writer.get_extra_info("sockname")[0]
        self._over = OverUdp(family, own_host, host, int(ports[1]), int(ports[2]))
        own = self._over.own_ports
        return "200 OK", (
            f"Transport: RTP/AVP;unicast;client_port={ports[1]}-{ports[2]};"
            f"server_port={own[0]}-{own[1]};ssrc=0CA3E7A0\r\n"
        )

    async def _description(self) -> str:
        codec = self._hub.faults.codec
        kind = PAYLOAD_TYPES[codec]
        rows = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=network camera", "c=IN IP4 0.0.0.0", "t=0 0", "a=control:*"]
        rows += ["a=range:npt=0-", f"m=video 0 RTP/AVP {kind}"]
        if codec != "mjpeg":
            rows += [f"a=rtpmap:{kind} {codec.upper()}/90000", await self._parameters(codec, kind)]
        rows += [f"a=framerate:{self._hub.faults.fps:g}", "a=control:track1"]
        return "".join(f"{row}\r\n" for row in rows)

    async def _parameters(self, codec: str, kind: int) -> str:
        first = await self._hub.first(f"{codec} parameters")
        sets = {}
        for unit in units_of(first.data):
            name = _PARAMETER_SETS[codec].get(unit[0] & 0x1F if codec == "h264" else unit[0] >> 1 & 0x3F)
            if name:
                sets[name] = unit
        text = {name: base64.b64encode(unit).decode() for name, unit in sets.items()}
        if codec == "h265":
            told = "; ".join(f"sprop-{name}={text[name]}" for name in ("vps", "sps", "pps"))
            return f"a=fmtp:{kind} {told}"
        profile = sets["sps"][1:4].hex().upper()
        return (
            f"a=fmtp:{kind} packetization-mode=1; profile-level-id={profile}; "
            f"sprop-parameter-sets={text['sps']},{text['pps']}"
        )
