"""One WebRTC viewer: a GStreamer pipeline that packs access units and sends them. Runs in the video process."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge.video.gstreamer import GLib, Gst, GstSdp, GstWebRTC, kept_by_its_owner
from edge.video.peer_limits import CONNECT_WITHIN_S, SILENT_S
from edge.video.rtcp import lost_share

_MTU = 1200
_MAX_WAITING_BYTES = 4 << 20
_ANY = Gst.CLOCK_TIME_NONE


@dataclass(frozen=True, slots=True)
class Offer:
    """What a viewer asks for, checked by the unit.

    Attributes:
        payload: its number for H.264 with packets as we make them.
        profile: `profile-level-id` that goes with it.
        address: of this unit, where the viewer reaches it; empty for all that it has.
        ports: lowest and highest UDP port; 0 for any.
    """

    sdp: str
    payload: int
    profile: str
    address: str
    ports: tuple[int, int]


class Peer:
    """Everything is called in GStreamer's main loop but `send`.

    Args:
        on_answer: with the SDP that goes back.
        on_ended: in words.
        on_lost: it asks for a picture that can be decoded alone.
    """

    def __init__(
        self,
        offer: Offer,
        on_answer: Callable[[str], None],
        on_ended: Callable[[str], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._on_answer, self._on_ended, self._on_lost = on_answer, on_ended, on_lost
        self._offer = offer
        self._loss: float | None = None
        self._begun_s, self._heard_s = time.monotonic(), 0.0
        self._is_connected, self._waits_for_whole, self._is_answered = False, True, False
        self._ssrc = secrets.randbits(32)
        caps = (
            f"application/x-rtp,media=video,encoding-name=H264,payload={offer.payload},clock-rate=90000,"
            f"packetization-mode=(string)1,ssrc=(uint){self._ssrc}"
        )
        self._pipeline = Gst.parse_launch(
            "webrtcbin name=rtc bundle-policy=max-bundle latency=0 "
            "appsrc name=source format=time is-live=true block=false "
            "caps=video/x-h264,stream-format=byte-stream,alignment=au ! "
            f"rtph264pay name=pay pt={offer.payload} mtu={_MTU} aggregate-mode=zero-latency timestamp-offset=0 "
            f"ssrc={self._ssrc} ! "
            f"{caps} ! rtc."
        )
        self._source = self._pipeline.get_by_name("source")
        self._rtc = self._pipeline.get_by_name("rtc")
        self._settle_network(offer)
        self._resend()
        self._source.get_static_pad("src").add_probe(Gst.PadProbeType.EVENT_UPSTREAM, self._asked)
        self._rtc.connect("notify::connection-state", self._changed)
        self._rtc.connect("notify::ice-gathering-state", self._gathered)
        bus = self._pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda _bus, message: self._end(message.parse_error()[0].message))
        self._pipeline.set_start_time(_ANY)
        self._pipeline.set_base_time(0)
        self._pipeline.set_state(Gst.State.PLAYING)
        self._name_source(f"{caps},profile-level-id=(string){offer.profile}")
        self._negotiate(offer)

    def send(self, unit: bytes, t_ns: int, is_whole: bool) -> None:
        """Send an access unit; one that needs what was not sent is left out, as all are while too many wait."""
        source = self._source  # None once closed, in the main loop
        if source is None or not self._is_connected:
            return
        if source.get_property("current-level-bytes") > _MAX_WAITING_BYTES:
            self._waits_for_whole = True
        if self._waits_for_whole and not is_whole:
            return
        self._waits_for_whole = False
        buffer = Gst.Buffer.new_wrapped(unit)
        buffer.pts = t_ns
        source.emit("push-buffer", buffer)

    def tick(self) -> None:
        """Each second: whether it is still there."""
        now_s = time.monotonic()
        if not self._is_connected and now_s - self._begun_s > CONNECT_WITHIN_S:
            self._end("it did not connect")
        elif self._is_connected and now_s - self._heard_s > SILENT_S:
            self._end("it was not heard of any more")

    @property
    def loss(self) -> float | None:
        """Share of packets that it says it missed lately, 0 to 1; None before its first report."""
        return self._loss

    def close(self) -> None:
        """Once. Its elements and this hold each other, which no collector sees, so the names for them are let go."""
        self._is_connected = False
        self._pipeline.get_bus().remove_signal_watch()
        self._pipeline.set_state(Gst.State.NULL)
        self._pipeline = self._source = self._rtc = self._ice = None

    def _settle_network(self, offer: Offer) -> None:
        """No address but the unit's own is offered, and none is asked for another."""
        ice = self._ice = kept_by_its_owner(self._rtc.get_property("ice-agent"))
        if offer.address:
            ice.emit("add-local-ip-address", offer.address)
        if offer.ports[0]:
            ice.set_property("min-rtp-port", offer.ports[0])
            ice.set_property("max-rtp-port", offer.ports[1])
        agent = ice.get_property("agent") if ice.find_property("agent") else None
        if agent is not None:
            agent.set_property("ice-tcp", False)
            agent.set_property("upnp", False)

    def _name_source(self, caps: str) -> None:
        """Tell what will come before anything does: the answer names the sender's number, by which browsers go."""
        pad = self._rtc.get_static_pad("sink_0")
        pad.send_event(Gst.Event.new_stream_start("edge-enhance"))
        pad.send_event(Gst.Event.new_caps(Gst.Caps.from_string(caps)))

    def _resend(self) -> None:
        transceiver = self._rtc.emit("get-transceiver", 0)
        transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        transceiver.set_property("do-nack", True)

    def _negotiate(self, offer: Offer) -> None:
        _, message = GstSdp.SDPMessage.new_from_text(offer.sdp)
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.OFFER, message)
        self._rtc.emit("set-remote-description", description, Gst.Promise.new_with_change_func(self._taken))

    def _taken(self, promise: Any) -> None:
        if (rtc := self._rtc) is not None:
            rtc.emit("create-answer", None, Gst.Promise.new_with_change_func(self._answered))

    def _answered(self, promise: Any) -> None:
        reply = promise.get_reply()
        answer = None if reply is None else reply.get_value("answer")
        if answer is None:
            GLib.idle_add(self._end, "no answer could be made to its offer")
            return
        if (rtc := self._rtc) is not None:
            rtc.emit("set-local-description", answer, Gst.Promise.new())

    def _gathered(self, rtc: Any, *_: Any) -> None:
        if rtc.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            GLib.idle_add(self._tell_answer)

    def _tell_answer(self) -> None:
        description = None if self._rtc is None else self._rtc.get_property("local-description")
        if description is not None and not self._is_answered:
            self._is_answered = True
            self._on_answer(_with_profile(description.sdp.as_text(), self._offer))

    def _changed(self, *_: Any) -> None:
        GLib.idle_add(self._see)

    def _see(self) -> None:
        if self._rtc is None:
            return
        state, states = self._rtc.get_property("connection-state"), GstWebRTC.WebRTCPeerConnectionState
        if state == states.CONNECTED and not self._is_connected:
            self._heard_s = time.monotonic()
            session = self._session()
            if session is not None:
                session.connect("on-receiving-rtcp", self._heard)
            self._is_connected = True
            self._on_lost()
        elif state in (states.FAILED, states.CLOSED):
            self._end("the connection ended")

    def _session(self) -> Any:
        bin_ = self._rtc.get_by_name("rtpbin")
        return None if bin_ is None else bin_.emit("get-internal-session", 0)

    def _heard(self, _session: Any, buffer: Any) -> None:
        """In GStreamer's thread: a report of the viewer's."""
        self._heard_s = time.monotonic()
        loss = lost_share(buffer.extract_dup(0, buffer.get_size()))
        self._loss = self._loss if loss is None else loss

    def _asked(self, _pad: Any, info: Any) -> Any:
        structure = info.get_event().get_structure()
        if structure is not None and structure.get_name() == "GstForceKeyUnit":
            GLib.idle_add(self._lost)
        return Gst.PadProbeReturn.OK

    def _lost(self) -> None:
        self._on_lost()

    def _end(self, why: str) -> None:
        self._on_ended(why)


def _with_profile(answer: str, offer: Offer) -> str:
    """The answer with the profile that was offered: browsers take one that names none for another."""
    format_ = f"a=fmtp:{offer.payload} "
    lines = answer.splitlines()
    if any(line.startswith(format_) and "profile-level-id" in line for line in lines):
        return answer
    told = [f"{line};profile-level-id={offer.profile}" if line.startswith(format_) else line for line in lines]
    return "\r\n".join(told) + "\r\n"
