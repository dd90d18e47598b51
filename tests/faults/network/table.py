"""What can go wrong with a network camera: a row a fault, as switches of the camera of ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from tests.doubles.network_camera.camera import NetworkCamera

Scheme = Literal["http", "rtsp"]
Switches = dict[str, Any]
BOTH: tuple[Scheme, ...] = ("http", "rtsp")


@dataclass(frozen=True, slots=True)
class NetworkFault:
    """One kind of fault.

    Attributes:
        switches: what is thrown; drawn anew each time where it is a function.
        seconds: shortest and longest.
        drops: connections are closed when it begins and when it ends: it is about a camera that is being opened.
        borne_within_s: a live picture comes so soon all the same; None where none needs to.
        is_one_connection: the program stays connected throughout.
        unseen: beginnings of violations that no reader could have avoided: nothing that comes from the camera tells.
    """

    name: str
    schemes: tuple[Scheme, ...]
    switches: Switches | Callable[[Random, NetworkCamera], Switches]
    seconds: tuple[float, float] = (1.0, 4.0)
    drops: bool = False
    borne_within_s: float | None = None
    is_one_connection: bool = False
    unseen: tuple[str, ...] = ()

    def drawn(self, random: Random, camera: NetworkCamera) -> Switches:
        return self.switches(random, camera) if callable(self.switches) else self.switches


def _moved(_: Random, camera: NetworkCamera) -> Switches:
    return {"answer": "redirect", "location": camera.url("http", path="/moved.mjpg")}


def _uniform(name: str, low: float, high: float, **more: Any) -> Callable[[Random, NetworkCamera], Switches]:
    return lambda random, _: {name: random.uniform(low, high), **more}


def _either(name: str, *values: Any, **more: Any) -> Callable[[Random, NetworkCamera], Switches]:
    return lambda random, _: {name: random.choice(values), **more}


_ANSWERS = ("404", "500", "nothing")
_HTTP_ANSWERS = ("snapshot", "html", "hls", "garbage", "headers", "one-header", "slow", "boundaries", "big-part")
_HOURS_S = (-7200.0, 3.0, 90_000.0)
_HTTP: tuple[Scheme, ...] = ("http",)
_RTSP: tuple[Scheme, ...] = ("rtsp",)
_OLD, _DAMAGED = ("LIVE at an age",), ("LIVE and damaged", "LIVE and of more", "LIVE without")

_ROWS = (
    NetworkFault("repeats one picture", _HTTP, {"repeat": True}, (0.5, 6.0)),
    NetworkFault("repeats one picture, Motion-JPEG", _RTSP, {"repeat": True, "codec": "mjpeg"}, (3.0, 6.0), True),
    # Encoded anew each time, its pixels differ as those of a scene that stands still do.
    NetworkFault("repeats one picture, H.264", _RTSP, {"repeat": True}, (0.5, 6.0), unseen=_OLD),
    NetworkFault("silent", BOTH, {"silent": True}, (0.2, 6.0)),
    NetworkFault("hangs up", BOTH, {}, (0.0, 0.2), drops=True),
    NetworkFault("hangs up after 5 pictures", BOTH, {"close_after": 5}, drops=True),
    NetworkFault("nobody listens", BOTH, {"refuse": True}, (0.2, 6.0)),
    NetworkFault("backlog: held back, then all at once", BOTH, _uniform("hold_s", 0.3, 1.5), (2.0, 5.0)),
    NetworkFault("first picture after 2.5 s", BOTH, {"first_frame_s": 2.5}, (6.0, 7.0), True, 5.5),
    NetworkFault("first picture after 8 s", BOTH, {"first_frame_s": 8.0}, (12.0, 13.0), True, 11.5),
    NetworkFault("401", BOTH, _either("auth", "basic", "digest"), drops=True),
    NetworkFault("refuses in words", BOTH, _either("answer", *_ANSWERS), drops=True),
    NetworkFault("redirects to a file", BOTH, {"answer": "redirect"}, drops=True),
    NetworkFault("another size in the middle", BOTH, {"width_px": 960, "height_px": 540}, (3.0, 4.0), False, 3.0),
    NetworkFault("redirects", _HTTP, _moved, (4.0, 5.0), True, 4.0),
    NetworkFault("cut short", _HTTP, _uniform("cut", 0.1, 1.0)),
    NetworkFault("cut short, the length of the whole", _HTTP, _uniform("cut", 0.1, 1.0, whole_length=True)),
    NetworkFault("bytes missing", _HTTP, _uniform("holes", 0.1, 1.0)),
    # JPEG has no checksum: bytes that stand for another picture of the same length are a picture.
    NetworkFault("bytes written over", _HTTP, _uniform("damage", 0.1, 1.0), unseen=_DAMAGED),
    NetworkFault("late, without times", _HTTP, _uniform("late_s", 0.2, 2.0), (3.0, 5.0), unseen=_OLD),
    NetworkFault(
        "part headers", _HTTP, _either("part_headers", "none", "length", "type", "bare"), (3.0, 4.0), True, 3.0
    ),
    NetworkFault("answers something else", _HTTP, _either("answer", *_HTTP_ANSWERS), (1.0, 6.0), drops=True),
    NetworkFault("PNG in the middle", _HTTP, {"parts": "png"}),
    NetworkFault("late, with times", _HTTP, _uniform("late_s", 0.2, 2.0, timestamps=True), (3.0, 5.0), drops=True),
    NetworkFault("slow link, with times", _HTTP, {"link_bytes_s": 3_000_000, "timestamps": True}, (2.0, 5.0), True),
    NetworkFault("wrong clock", _HTTP, _either("clock_off_s", *_HOURS_S, timestamps=True), (3.0, 4.0), True, 3.0),
    NetworkFault("UDP alone", _RTSP, {"transport": "udp"}, (5.0, 6.0), True, 5.0),
    NetworkFault("TCP alone", _RTSP, {"transport": "tcp"}, (4.0, 5.0), True, 4.0),
    NetworkFault("lost packets", _RTSP, _uniform("loss", 0.001, 0.1)),
    NetworkFault("lost packets, UDP", _RTSP, _uniform("loss", 0.001, 0.1, transport="udp"), (4.0, 6.0), True),
    NetworkFault("reordered packets, UDP", _RTSP, {"reorder": 0.05, "transport": "udp"}, (5.0, 6.0), True, 5.0),
    NetworkFault("key frame every 10 s", _RTSP, {"key_frame_s": 10.0}, (16.0, 17.0), True, 5.0),
    NetworkFault(
        "session must be kept alive", _RTSP, {"expires": True, "session_s": 4.0}, (9.0, 10.0), True, 4.0, True
    ),
    NetworkFault(
        "wrong clock in sender reports", _RTSP, _either("clock_off_s", *_HOURS_S, rtcp_s=0.5), (3.0, 5.0), True, 3.0
    ),
    # As pictures that are late by as much look: they may be called old.
    NetworkFault("clock 3 s behind in sender reports", _RTSP, {"clock_off_s": -3.0, "rtcp_s": 0.5}, drops=True),
    NetworkFault("no sender reports", _RTSP, {"rtcp_s": 0.0}, (3.0, 4.0), True, 3.0),
    NetworkFault("time stamps jump", _RTSP, _either("rtp_jump_s", -1000.0, -2.0, 2.0, 1000.0), (2.0, 4.0), False, 2.0),
    NetworkFault("time stamps stand still", _RTSP, {"rtp_frozen": True}, (2.0, 4.0)),
    NetworkFault("late", _RTSP, _uniform("late_s", 0.2, 2.0), (3.0, 5.0)),
    NetworkFault("slow link", _RTSP, {"link_bytes_s": 400_000}, (2.0, 5.0)),
    NetworkFault("Motion-JPEG", _RTSP, {"codec": "mjpeg"}, (5.0, 6.0), True, 4.0),
    NetworkFault("H.265", _RTSP, {"codec": "h265"}, (6.0, 7.0), True, 5.0),
    NetworkFault("another codec in the middle", _RTSP, _either("codec", "h265", "mjpeg")),
)
NETWORK_FAULTS: dict[str, NetworkFault] = {row.name: row for row in _ROWS}


def faults_of(scheme: Scheme) -> list[NetworkFault]:
    return [fault for fault in NETWORK_FAULTS.values() if scheme in fault.schemes]
