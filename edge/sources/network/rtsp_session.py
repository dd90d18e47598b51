"""A session with an RTSP camera, from the first question to the packets (RFC 2326)."""

from __future__ import annotations

import contextlib
import re
import secrets
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

from edge.basics.errors import DeviceMissing
from edge.sources.network.address import CameraAddress
from edge.sources.network.connection import connected, hang_up, limited, udp_pair, why
from edge.sources.network.feed import FeedEnded
from edge.sources.network.login import Login
from edge.sources.network.rtp import receiver_report
from edge.sources.network.rtsp_messages import BadMessage, Message, MessageReader, Packet
from edge.sources.network.sdp import CODECS, VideoTrack, videos

RTP, RTCP, NOTHING = 0, 1, 2
_CHUNK_BYTES = 1 << 18
_MAX_REDIRECTS = 3
_USUAL_TIMEOUT_S = 60.0
_REPORT_NS = 5_000_000_000
_WAIT_S = 0.2
_UNSUPPORTED_TRANSPORT = 461


class RtspSession:
    """Asks a camera for its video; `packets` gives what comes. Hang up with `close`, from any thread.

    Packets travel inside the connection, else over UDP where the camera knows nothing else.

    Args:
        camera: the address as it may be shown.
        over_udp: ask for UDP at once.

    Raises:
        DeviceMissing: nobody there, not authorised, not trusted, no video that can be read; says which.
    """

    def __init__(self, camera: str, address: CameraAddress, ca: Path | None, *, over_udp: bool = False) -> None:
        self._camera = camera
        self._ca = ca
        self._udp: tuple[socket.socket, socket.socket] | None = None
        self._is_closed = False
        self._own_ssrc = secrets.randbits(32)
        self._session, self._timeout_s = "", _USUAL_TIMEOUT_S
        self._go_to(address)
        try:
            self.track = self._described()
            self.transport = self._set_up(over_udp=over_udp)
            self._ask("PLAY", self._base, {"Range": "npt=0.000-"})
        except BaseException:
            self._let_go()
            raise

    def packets(self) -> Iterator[tuple[int, bytes, int]]:
        """`RTP` or `RTCP`, the packet, its arrival on the clock of `time.monotonic_ns()`; ends after `close`.

        `NOTHING` where nothing came for a fifth of a second, so that the reader can give up.

        Raises:
            FeedEnded: the camera hung up or ended the session.
        """
        keep_alive_ns = round(self._timeout_s * 1e9 / 2)
        alive_ns = time.monotonic_ns()
        try:
            while not self._is_closed:
                yield from self._received()
                if time.monotonic_ns() - alive_ns > keep_alive_ns:
                    alive_ns = time.monotonic_ns()
                    self._send("GET_PARAMETER" if self._knows_get_parameter else "OPTIONS", self._base, {})
        except (OSError, ValueError, BadMessage) as error:
            if not self._is_closed:
                raise FeedEnded(f"{self._camera}: the connection broke ({error or type(error).__name__})") from error
        finally:
            self._let_go()

    def report(self, ssrc: int, highest_sequence: int) -> None:
        """Tell the camera that its packets come; some end the session without it."""
        content = receiver_report(self._own_ssrc, ssrc, highest_sequence)
        try:
            if self._udp is None:
                self._connection.sendall(b"$\x01" + len(content).to_bytes(2, "big") + content)
            elif self._server_ports[1]:
                self._udp[1].sendto(content, (self._peer, self._server_ports[1]))
        except OSError:
            return  # whether the camera is still there, reading tells

    def close(self) -> None:
        """See the class; safe to call twice."""
        self._is_closed = True
        hang_up(self._connection)

    def _let_go(self) -> None:
        if self._session and not self._is_closed:
            with contextlib.suppress(OSError):
                self._send("TEARDOWN", self._base, {})
        for one in (self._connection, *(self._udp or ())):
            one.close()

    def _go_to(self, address: CameraAddress) -> None:
        self._address = address
        self._login = Login(address)
        self._early: list[Packet] = []
        self._sequence = 0
        self._base = address.url
        self._knows_get_parameter = False
        self._connect(address)

    def _connect(self, address: CameraAddress) -> None:
        self._reader = MessageReader()
        self._connection = connected(self._camera, address, self._ca)
        self._peer = self._connection.getpeername()[0]

    def _described(self) -> VideoTrack:
        for _ in range(_MAX_REDIRECTS + 1):
            options = self._answer("OPTIONS", self._base, {})
            self._knows_get_parameter = "GET_PARAMETER" in options.header("public").upper()
            answer = self._answer("DESCRIBE", self._base, {"Accept": "application/sdp"})
            if answer.status not in (301, 302, 303, 305, 307):
                break
            address = self._address.sent_on(self._camera, answer.header("location"))
            self._connection.close()
            self._go_to(address)
        self._refuse_bad(answer, "DESCRIBE")
        base = answer.header("content-base") or answer.header("content-location") or self._base
        control, tracks = videos(answer.body.decode("utf-8", "replace"))
        if not tracks:
            raise DeviceMissing(f"{self._camera}: describes no video; check the address")
        known = [track for track in tracks if track.codec in CODECS]
        if not known:
            names = ", ".join(CODECS.values())
            raise DeviceMissing(f"{self._camera}: gives {tracks[0].codec[:40]}; expected {names}: set it in the camera")
        self._base = base if control in ("", "*") else _absolute(base, control)
        self._track_url = _absolute(base, known[0].control) if known[0].control else self._base
        return known[0]

    def _set_up(self, *, over_udp: bool) -> str:
        if not over_udp:
            answer = self._answer("SETUP", self._track_url, {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"})
            if answer.status == 200:
                self._take_session(answer)
                self._channels = _pair(answer, "interleaved", (0, 1))
                return "TCP"
            if answer.status != _UNSUPPORTED_TRANSPORT:
                self._refuse_bad(answer, "SETUP")
        if self._address.is_secure:
            raise DeviceMissing(
                f"{self._camera}: sends over UDP alone, which RTSPS cannot protect; allow TCP in the camera"
            )
        self._udp = udp_pair(self._connection)
        ports = [one.getsockname()[1] for one in self._udp]
        asked = f"RTP/AVP;unicast;client_port={ports[0]}-{ports[1]}"
        answer = self._answer("SETUP", self._track_url, {"Transport": asked})
        self._refuse_bad(answer, "SETUP")
        self._take_session(answer)
        self._server_ports = _pair(answer, "server_port", (0, 0))
        for one, port in zip(self._udp, self._server_ports, strict=True):
            if port:  # opens the way back through a firewall
                one.sendto(b"\x80\x00\x00\x00", (self._peer, port))
        return "UDP"

    def _take_session(self, answer: Message) -> None:
        self._session, _, parameters = answer.header("session").partition(";")
        if timeout := re.search(r"timeout=(\d{1,5})", parameters):
            self._timeout_s = max(2.0, float(timeout[1]))

    def _received(self) -> Iterator[tuple[int, bytes, int]]:
        early, self._early = self._early, []
        for packet in early:
            yield from self._of_ours(packet, time.monotonic_ns())
        files = [self._connection, *(self._udp or ())]
        pending = getattr(self._connection, "pending", None)
        ready = [self._connection] if pending and pending() else select.select(files, [], [], _WAIT_S)[0]
        if not ready:
            yield NOTHING, b"", time.monotonic_ns()
        for one in ready:
            if one is self._connection:
                yield from self._from_connection()
            elif self._udp is not None:
                yield from self._from_udp(one, RTP if one is self._udp[0] else RTCP)

    def _from_connection(self) -> Iterator[tuple[int, bytes, int]]:
        content = self._connection.recv(_CHUNK_BYTES)
        arrived_ns = time.monotonic_ns()
        if not content and not self._is_closed:
            raise FeedEnded(f"{self._camera}: the camera ended the stream")
        for found in self._reader.feed(content):
            if isinstance(found, Packet):
                yield from self._of_ours(found, arrived_ns)
            elif found.status == 454 or (found.status == 0 and found.reason == "TEARDOWN"):
                raise FeedEnded(f"{self._camera}: the camera ended the session")

    def _of_ours(self, packet: Packet, arrived_ns: int) -> Iterator[tuple[int, bytes, int]]:
        if packet.channel in self._channels:
            yield self._channels.index(packet.channel), packet.content, arrived_ns

    def _from_udp(self, one: socket.socket, kind: int) -> Iterator[tuple[int, bytes, int]]:
        while True:
            try:
                content, sender = one.recvfrom(1 << 16)
            except BlockingIOError:
                return
            if sender[0] == self._peer:  # anybody else could draw into the picture
                yield kind, content, time.monotonic_ns()

    def _ask(self, method: str, url: str, headers: dict[str, str]) -> Message:
        answer = self._answer(method, url, headers)
        self._refuse_bad(answer, method)
        return answer

    def _answer(self, method: str, url: str, headers: dict[str, str]) -> Message:
        """The answer, after the question who we are."""
        for _ in range(3):
            try:
                with limited(self._connection):
                    number = self._send(method, url, headers)
                    answer = self._awaited(number)
            except (OSError, ValueError, BadMessage) as error:
                told = str(error) if isinstance(error, BadMessage) else why(error)
                raise DeviceMissing(
                    f"{self._camera}: gives no RTSP answer ({told}); check the address and the port"
                ) from error
            if answer.status != 401:
                return answer
            if not self._login.take(answer.headers.get("www-authenticate", [])):
                break
            if answer.header("connection").lower() == "close":
                self._connect(self._address)
        raise DeviceMissing(f"{self._camera}: {self._login.refused()}")

    def _send(self, method: str, url: str, headers: dict[str, str]) -> int:
        self._sequence += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._sequence}", "User-Agent: edge-enhance"]
        if self._session:
            lines.append(f"Session: {self._session}")
        if (value := self._login.header(method, url)) is not None:
            lines.append(f"Authorization: {value}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return self._sequence

    def _awaited(self, number: int) -> Message:
        found_one: Message | None = None
        while found_one is None:
            content = self._connection.recv(_CHUNK_BYTES)
            if not content:
                raise ConnectionResetError("the camera hung up")
            for found in self._reader.feed(content):
                if isinstance(found, Packet):
                    self._early.append(found)
                elif found.status and found.header("cseq") in (str(number), ""):
                    found_one = found
        return found_one

    def _refuse_bad(self, answer: Message, method: str) -> None:
        if answer.status != 200:
            raise DeviceMissing(
                f"{self._camera}: answers {method} with {answer.status} {answer.reason}; check the address"
            )


def _absolute(base: str, control: str) -> str:
    """A control address by RFC 2326 appendix C.1.1; cameras mean it to be below the base, slash or not."""
    if "://" in control:
        return control
    http = "http" + base[base.index("://") :]
    joined = urljoin(http if http.endswith("/") or control.startswith("/") else http + "/", control)
    return base[: base.index("://")] + joined[4:]


def _pair(answer: Message, name: str, usual: tuple[int, int]) -> tuple[int, int]:
    found = re.search(rf"{name}=(\d{{1,5}})(?:-(\d{{1,5}}))?", answer.header("transport"))
    if found is None:
        return usual
    return int(found[1]), int(found[2] or int(found[1]) + 1)
