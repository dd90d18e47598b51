"""From RTP packets to pictures: put together, decoded, each with the time at which it was taken."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

from edge.basics.errors import InputOutputError
from edge.clips.live_decoder import LiveDecoder
from edge.frames.lending import Lend
from edge.pictures.geometry import FRAME_SHAPE
from edge.pictures.image import Image
from edge.sources.network.access_units import (
    START_CODE,
    CodedPicture,
    Depacketiser,
    H264Rules,
    H265Rules,
    NalDepacketiser,
    NalRules,
    renewed,
)
from edge.sources.network.address import CameraAddress
from edge.sources.network.clock import Cadence, CameraClock
from edge.sources.network.feed import FeedEnded, Give, Received
from edge.sources.network.frame_numbers import FrameNumbers
from edge.sources.network.rtp import Resequencer, RtpPacket, SenderReport, rtp_packet, sender_report
from edge.sources.network.rtp_jpeg import JpegDepacketiser
from edge.sources.network.rtsp_session import RTP, RtspSession
from edge.sources.network.sdp import CODECS

_REPORT_NS = 5_000_000_000
_MAX_WAITING = 15
_MAX_FOREIGN = 50
_BEHIND_NS = 1_000_000_000
_BEHIND_FOR_NS = 3_000_000_000
_SILENT_NS = 15_000_000_000


class _Arrival(NamedTuple):
    seq: int
    taken_ns: int
    arrived_ns: int


class RtspFeed:
    """Implements `edge.sources.network.feed.Feed`.

    A picture of which a packet is missing is not given, nor those that lean on it, up to the next key frame.

    Args:
        camera: the address as it may be shown.

    Raises:
        DeviceMissing: see `RtspSession`.
    """

    patience_s = 30.0  # video begins with its next key frame

    def __init__(self, camera: str, address: CameraAddress, lend: Lend, *, ca: Path | None, camera_clock: bool) -> None:
        self._camera, self._address, self._lend, self._ca = camera, address, lend, ca
        self._is_closed = False
        self._session = RtspSession(camera, address, ca)
        self._clock = CameraClock(trusts_time_of_day=camera_clock)
        self._begin_anew()

    @property
    def granted(self) -> str:
        track = self._session.track
        return f"{CODECS[track.codec]} over {self._address.scheme.upper()} ({self._session.transport})"

    def run(self, give: Give) -> None:
        """See `edge.sources.network.feed.Feed.run`."""
        try:
            self._play(give)
            if not self._is_closed and self._session.transport == "TCP":
                self._session = RtspSession(self._camera, self._address, self._ca, over_udp=True)
                self._begin_anew()
                if self._is_closed:
                    self._session.close()
                self._play(give)
        finally:
            if self._decoder is not None:
                self._decoder.close()
        if not self._is_closed:
            raise FeedEnded(
                f"{self._camera}: said that it plays and sent nothing, over TCP and over UDP; check the camera"
            )

    def about_clock(self) -> str:
        return self._clock.words()

    def close(self) -> None:
        """See `edge.sources.network.feed.Feed.close`."""
        self._is_closed = True
        self._session.close()

    def _begin_anew(self) -> None:
        track = self._session.track
        self._resequencer = Resequencer()
        self._rules: NalRules = H265Rules() if track.codec == "H265" else H264Rules()
        is_jpeg = track.codec == "JPEG"
        self._depacketiser: Depacketiser = JpegDepacketiser() if is_jpeg else NalDepacketiser(self._rules)
        self._decoder: LiveDecoder | None = None
        self._parameter_sets = self._sets_in_use = track.parameter_sets
        self._numbers = FrameNumbers() if track.codec == "H264" else None
        if self._numbers is not None:
            self._numbers.are_broken_by(track.parameter_sets)
        self._waits_for_key = True
        self._sender: SenderReport | None = None
        self._cadence = Cadence()
        self._has_paused = False
        self._media_ns = self._last_timestamp = 0
        self._seq = -1
        self._arrivals: dict[int, _Arrival] = {}
        self._num_packets = self._num_fed = self._num_foreign = 0
        self._reported_ns = self._began_ns = self._in_time_ns = time.monotonic_ns()

    def _play(self, give: Give) -> None:
        """Until the end, or for 15 seconds in which nothing has come: some cameras wait for their next key frame."""
        for kind, content, arrived_ns in self._session.packets():
            if not self._num_packets and arrived_ns - self._began_ns > _SILENT_NS:
                self._session.close()
            if kind != RTP:
                self._sender = sender_report(content) or self._sender
                continue
            packet = rtp_packet(content, arrived_ns)
            if packet is None:
                continue
            self._refuse_foreign(packet)
            if packet.payload_type != self._session.track.payload_type:
                continue
            self._num_packets += 1
            for following, is_after_gap in self._resequencer.push(packet):
                for picture in self._depacketiser.push(following, is_after_gap=is_after_gap):
                    self._take(picture, following.ssrc, give)
            if arrived_ns - self._reported_ns > _REPORT_NS:
                self._reported_ns = arrived_ns
                self._session.report(packet.ssrc, self._resequencer.highest_sequence)

    def _take(self, picture: CodedPicture, ssrc: int, give: Give) -> None:
        self._seq += 1
        arrival = _Arrival(self._seq, self._taken_ns(picture, ssrc), picture.arrived_ns)
        if not picture.is_whole:
            give.fault("incomplete")
            self._waits_for_key = True
        elif self._session.track.codec == "JPEG":
            self._waits_for_key = False
            give.picture(Received(picture.content, *arrival))
        else:
            self._decode(picture, arrival, give)

    def _decode(self, picture: CodedPicture, arrival: _Arrival, give: Give) -> None:
        if picture.parameter_sets:
            self._parameter_sets = renewed(self._parameter_sets, picture.parameter_sets, self._rules)
        if not picture.content:
            return  # parameter sets alone
        is_broken = self._numbers is not None and self._numbers.are_broken_by(picture.content.split(START_CODE)[1:])
        if is_broken or (self._has_paused and not picture.is_key):
            give.fault("incomplete")
            self._waits_for_key = True
        if self._waits_for_key and not picture.is_key:
            return
        if self._decoder is not None and self._decoder.num_waiting > _MAX_WAITING and not picture.is_key:
            self._waits_for_key = True  # this machine is too slow for all of them
            return
        try:
            if self._decoder is None or (picture.is_key and self._parameter_sets != self._sets_in_use):
                self._open_decoder(picture, give)
            assert self._decoder is not None
            self._arrivals[self._num_fed] = arrival
            self._num_fed += 1
            self._decoder.feed(picture.content, is_key=picture.is_key)
        except InputOutputError as error:
            raise FeedEnded(f"{self._camera}: {error}") from error
        self._waits_for_key = False

    def _open_decoder(self, first: CodedPicture, give: Give) -> None:
        if self._decoder is not None:
            self._decoder.close()
        self._sets_in_use = self._parameter_sets
        self._arrivals, self._num_fed = {}, 0
        arrivals, was_sound = self._arrivals, True

        def decoded(index: int, image: Image | None) -> None:
            nonlocal was_sound
            arrival = arrivals.pop(index, None)
            for passed in [earlier for earlier in arrivals if earlier < index - _MAX_WAITING]:
                del arrivals[passed]
            if image is None and was_sound:  # those that lean on it are no faults of their own
                give.fault("damaged")
            was_sound = image is not None
            if image is not None and arrival is not None:
                give.picture(Received(image, *arrival))

        codec = self._session.track.codec
        parameter_sets = b"".join(START_CODE + one for one in self._parameter_sets)
        self._decoder = LiveDecoder(codec, parameter_sets, first.content, decoded, self._memory)

    def _memory(self, shape: tuple[int, int, int]) -> Image | None:
        return self._lend() if shape == FRAME_SHAPE else None

    def _taken_ns(self, picture: CodedPicture, ssrc: int) -> int:
        hz = self._session.track.clock_hz
        step = (picture.timestamp - self._last_timestamp + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        self._last_timestamp = picture.timestamp
        self._has_paused = self._cadence.has_paused(step * 1_000_000_000 // hz)
        self._media_ns += step * 1_000_000_000 // hz
        time_of_day_ns = None
        if self._sender is not None and self._sender.ssrc == ssrc:
            since = (picture.timestamp - self._sender.timestamp + 0x80000000 & 0xFFFFFFFF) - 0x80000000
            time_of_day_ns = self._sender.time_of_day_ns + since * 1_000_000_000 // hz
        now_ns = time.time_ns() - (time.monotonic_ns() - picture.arrived_ns)
        lag_ns = self._clock.lag_ns(self._media_ns, picture.arrived_ns, time_of_day_ns, now_ns)
        if self._clock.has_just_jumped:
            self._sender = None  # it says when pictures before the jump were taken
        self._refuse_backlog(lag_ns, picture.arrived_ns)
        return picture.arrived_ns - lag_ns

    def _refuse_foreign(self, packet: RtpPacket) -> None:
        """A camera that was set to another codec goes on in the same session."""
        is_ours = packet.payload_type == self._session.track.payload_type
        self._num_foreign = 0 if is_ours else self._num_foreign + 1
        if self._num_foreign > _MAX_FOREIGN:
            raise FeedEnded(f"{self._camera}: sends other video than it described; opened anew")

    def _refuse_backlog(self, lag_ns: int, arrived_ns: int) -> None:
        if lag_ns < _BEHIND_NS:
            self._in_time_ns = arrived_ns
        elif arrived_ns - self._in_time_ns > _BEHIND_FOR_NS and not self._clock.uses_time_of_day:
            raise FeedEnded(f"{self._camera}: its pictures come {lag_ns / 1e9:.1f} s late; opened anew")
