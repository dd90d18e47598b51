"""MJPEG over HTTP: always drained, so that nothing queues on this side, each picture stamped as its last byte comes."""

from __future__ import annotations

import http.client
import select
import socket
import time
from pathlib import Path

from edge.basics.errors import DeviceMissing
from edge.sources.network.address import CameraAddress
from edge.sources.network.clock import ArrivalClock, CameraClock
from edge.sources.network.connection import ANSWER_S, connected, hang_up, limited, why
from edge.sources.network.feed import FeedEnded, Give, Received
from edge.sources.network.login import Login
from edge.sources.network.multipart import MultipartReader, Part

SILENCE_S = 10.0
_CHUNK_BYTES = 1 << 20
_SNIFFED_BYTES = 1 << 10
_MAX_REDIRECTS = 3
_LONGEST_HELD_NS = 100_000_000
_PLAYLISTS = ("mpegurl", "dash+xml")
_EXPECTED = "expected an MJPEG stream (multipart/x-mixed-replace)"


class HttpFeed:
    """Implements `edge.sources.network.feed.Feed`.

    Args:
        camera: the address as it may be shown.

    Raises:
        DeviceMissing: nobody there, not authorised, not trusted, or what is there is no MJPEG stream; says which.
    """

    patience_s = 10.0

    def __init__(self, camera: str, address: CameraAddress, *, ca: Path | None, camera_clock: bool) -> None:
        self._camera = camera
        self._is_closed = False
        self._clock = CameraClock(trusts_time_of_day=camera_clock)
        self._arrivals = ArrivalClock()
        self._seq = -1
        self._socket, self._answer = _answered(camera, address, ca)
        try:
            with limited(self._socket):
                boundary, self._first = self._recognised(self._answer)
        except BaseException:
            self._answer.close()
            raise
        self._parts = MultipartReader(boundary)
        self.granted = f"MJPEG over {address.scheme.upper()}"

    def run(self, give: Give) -> None:
        """See `edge.sources.network.feed.Feed.run`."""
        held: Received | None = None
        held_since_ns = 0
        content = self._first
        while not self._is_closed:
            is_all = not self._has_more()
            arrived_ns = time.monotonic_ns()
            for part in self._parts.feed(content, arrived_ns, is_all=is_all):
                received = self._received(part, arrived_ns, give)
                if received is None:
                    continue
                if held is None:
                    held_since_ns = received.arrived_ns
                else:
                    give.skipped()
                held = received
            if held is not None and (is_all or time.monotonic_ns() - held_since_ns > _LONGEST_HELD_NS):
                give.picture(held)
                held = None
            content = self._read()

    def about_clock(self) -> str:
        return self._clock.words()

    def close(self) -> None:
        """See `edge.sources.network.feed.Feed.close`."""
        self._is_closed = True
        hang_up(self._socket)

    def _received(self, part: Part, arrived_ns: int, give: Give) -> Received | None:
        self._seq += 1
        if not part.jpeg:
            give.fault("damaged")
            return None
        taken_ns = self._arrivals.taken_ns(part.began_ns, arrived_ns)
        if part.time_s is not None:
            time_ns = round(part.time_s * 1e9)
            taken_ns = min(taken_ns, arrived_ns - self._clock.lag_ns(time_ns, arrived_ns, time_ns, time.time_ns()))
        elif self._arrivals.is_saturated(arrived_ns):
            raise FeedEnded(
                f"{self._camera}: the connection is too slow for its pictures, which grow old on the way; set a lower "
                "rate, size or quality in the camera"
            )
        return Received(part.jpeg, self._seq, taken_ns, arrived_ns)

    def _has_more(self) -> bool:
        """Whether more has come already: what is in hand is not the newest then."""
        pending = getattr(self._socket, "pending", None)
        if pending is not None and pending():
            return True
        try:
            return bool(select.select([self._socket], [], [], 0)[0])
        except (OSError, ValueError):  # closed meanwhile
            return False

    def _read(self) -> bytes:
        try:
            content = self._answer.read1(_CHUNK_BYTES)
        except TimeoutError as error:
            raise FeedEnded(f"{self._camera}: the camera was silent for {SILENCE_S:.0f} s") from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            if self._is_closed:
                return b""
            raise FeedEnded(f"{self._camera}: the connection broke ({error or type(error).__name__})") from error
        if not content and not self._is_closed:
            raise FeedEnded(f"{self._camera}: the camera ended the stream")
        return content

    def _recognised(self, answer: http.client.HTTPResponse) -> tuple[str, bytes]:
        """The boundary that the answer announces, and its first bytes.

        Raises:
            DeviceMissing: it is no MJPEG stream.
        """
        kind = answer.headers.get_content_type() if answer.headers.get("Content-Type") else ""
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise DeviceMissing(f"{self._camera}: sends compressed content though it was asked not to; {_EXPECTED}")
        if kind.startswith("multipart/"):
            return str(answer.headers.get_param("boundary") or ""), b""
        if any(name in kind for name in _PLAYLISTS):
            raise self._is_playlist()
        if kind == "image/jpeg" and answer.length is not None:
            raise DeviceMissing(
                f"{self._camera}: gives one picture and no stream; look in the camera's manual for its stream address"
            )
        if kind not in ("", "image/jpeg", "application/octet-stream", "video/x-motion-jpeg", "video/x-jpeg"):
            raise DeviceMissing(f"{self._camera}: gives {kind[:60]}; {_EXPECTED}")
        return self._sniffed(answer)

    def _sniffed(self, answer: http.client.HTTPResponse) -> tuple[str, bytes]:
        """As above, for an answer that does not say what it is."""
        begin = b""
        while len(begin) < _SNIFFED_BYTES:
            try:
                more = answer.read1(_CHUNK_BYTES)
            except (OSError, ValueError, http.client.HTTPException):
                break
            begin += more
            if not more or b"\xff\xd8\xff" in begin:
                break
        if begin.lstrip().startswith(b"#EXTM3U"):
            raise self._is_playlist()
        if b"\xff\xd8\xff" not in begin:
            raise DeviceMissing(f"{self._camera}: what it gives is no picture; {_EXPECTED}")
        return "", begin

    def _is_playlist(self) -> DeviceMissing:
        return DeviceMissing(
            f"{self._camera}: is a playlist (HLS or DASH), whose pictures are seconds old by design; use the camera's "
            "RTSP or MJPEG address"
        )


def _answered(camera: str, address: CameraAddress, ca: Path | None) -> tuple[socket.socket, http.client.HTTPResponse]:
    """An answer of 200, after redirects and the question who we are; with the socket that it comes from."""
    login = Login(address)
    for _ in range(2 * _MAX_REDIRECTS):
        connection, answer = _asked(camera, address, login, ca)
        if answer.status == 200:
            return connection, answer
        try:
            step = _next_address(camera, address, answer, login)
        finally:
            answer.close()
        if step is not address:
            address, login = step, Login(step)
    raise DeviceMissing(f"{camera}: redirects again and again; check the address")


def _next_address(camera: str, address: CameraAddress, answer: http.client.HTTPResponse, login: Login) -> CameraAddress:
    """Where to ask next: another place, or the same one with an answer to its question."""
    if answer.status == 401:
        if login.take(answer.headers.get_all("WWW-Authenticate") or []):
            return address
        raise DeviceMissing(f"{camera}: {login.refused()}")
    if answer.status in (301, 302, 303, 307, 308):
        return address.sent_on(camera, answer.headers.get("Location") or "")
    raise DeviceMissing(f"{camera}: answers {answer.status} {answer.reason[:80]}; check the address")


def _asked(
    camera: str, address: CameraAddress, login: Login, ca: Path | None
) -> tuple[socket.socket, http.client.HTTPResponse]:
    headers = {"Accept": "multipart/x-mixed-replace, image/jpeg;q=0.5, */*;q=0.1", "Accept-Encoding": "identity"}
    if (value := login.header("GET", address.target)) is not None:
        headers["Authorization"] = value
    made = http.client.HTTPConnection(address.host, address.port, timeout=ANSWER_S)
    made.sock = connection = connected(camera, address, ca)
    try:
        with limited(connection):
            made.request("GET", address.target, headers=headers)
            answer = made.getresponse()
    except (OSError, ValueError, http.client.HTTPException) as error:
        made.close()
        raise DeviceMissing(f"{camera}: gives no HTTP answer ({why(error)}); check the address and the port") from error
    connection.settimeout(SILENCE_S)
    return connection, answer
