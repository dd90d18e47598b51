"""RTP and RTCP packets (RFC 3550), put back into their order. Reads no socket."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_NTP_TO_UNIX_S = 2_208_988_800
_SENDER_REPORT = 200
_MAX_WAITING = 64
_MAX_WAIT_NS = 60_000_000
_RESTART_FROM = 3000


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet.

    Attributes:
        timestamp: 32 bits, of the picture that it belongs to.
        marker: it is the last of its picture.
        arrived_ns: on the clock of `time.monotonic_ns()`.
    """

    payload_type: int
    sequence: int
    timestamp: int
    marker: bool
    ssrc: int
    payload: bytes
    arrived_ns: int


@dataclass(frozen=True, slots=True)
class SenderReport:
    """Which time of day, in ns since 1970, an RTP time is."""

    ssrc: int
    time_of_day_ns: int
    timestamp: int


def rtp_packet(content: bytes, arrived_ns: int) -> RtpPacket | None:
    """Read a packet; None where it is none."""
    if len(content) < 12 or content[0] >> 6 != 2:
        return None
    first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", content)
    begin = 12 + 4 * (first & 15)
    if first & 0x10:
        if len(content) < begin + 4:
            return None
        begin += 4 + 4 * struct.unpack_from("!H", content, begin + 2)[0]
    end = len(content) - (content[-1] if first & 0x20 else 0)
    if begin > end:
        return None
    return RtpPacket(second & 127, sequence, timestamp, bool(second & 128), ssrc, content[begin:end], arrived_ns)


def sender_report(content: bytes) -> SenderReport | None:
    """The sender report in a compound RTCP packet, None where it has none."""
    at = 0
    while at + 4 <= len(content):
        kind, words = content[at + 1], struct.unpack_from("!H", content, at + 2)[0]
        if kind == _SENDER_REPORT and len(content) >= at + 20:
            ssrc, seconds, fraction, timestamp = struct.unpack_from("!IIII", content, at + 4)
            if not seconds:  # a camera without a clock
                return None
            unix_ns = (seconds - _NTP_TO_UNIX_S) * 1_000_000_000 + (fraction * 1_000_000_000 >> 32)
            return SenderReport(ssrc, unix_ns, timestamp)
        at += 4 + 4 * words
    return None


def receiver_report(own_ssrc: int, ssrc: int, highest_sequence: int) -> bytes:
    """That we are still there, for servers that end a session without it."""
    block = struct.pack("!IIIIII", ssrc, 0, highest_sequence, 0, 0, 0)
    return struct.pack("!BBHI", 0x81, 201, 7, own_ssrc) + block


class Resequencer:
    """Gives packets in the order of their numbers, each with whether some are missing before it.

    One that is early waits for those before it, for 60 ms or 64 packets; over TCP none ever waits.
    """

    def __init__(self) -> None:
        self._next: int | None = None
        self._ssrc = 0
        self._waiting: dict[int, RtpPacket] = {}
        self.highest_sequence = 0

    def push(self, packet: RtpPacket) -> Iterator[tuple[RtpPacket, bool]]:
        """Add a packet; give those whose turn it is, and whether there is a gap before each."""
        if self._next is None or packet.ssrc != self._ssrc:
            is_first = self._next is None
            self._ssrc, self._next = packet.ssrc, (packet.sequence + 1) & 0xFFFF
            self._waiting.clear()
            yield packet, not is_first
            return
        ahead = (packet.sequence - self._next) & 0xFFFF
        if ahead > 0x10000 - _RESTART_FROM:
            return  # came twice, or too late
        if ahead >= _RESTART_FROM:
            self._waiting.clear()  # the camera counts anew
            self._next = (packet.sequence + 1) & 0xFFFF
            yield packet, True
            return
        self._waiting[packet.sequence] = packet
        yield from self._due(packet.arrived_ns)

    def _due(self, now_ns: int) -> Iterator[tuple[RtpPacket, bool]]:
        assert self._next is not None
        is_after_gap = False
        while self._waiting:
            packet = self._waiting.pop(self._next, None)
            if packet is None:
                oldest_ns = min(waiting.arrived_ns for waiting in self._waiting.values())
                if len(self._waiting) < _MAX_WAITING and now_ns - oldest_ns < _MAX_WAIT_NS:
                    return
                base = self._next
                self._next = min(self._waiting, key=lambda sequence: (sequence - base) & 0xFFFF)
                is_after_gap = True
                continue
            self.highest_sequence = self._next
            self._next = (self._next + 1) & 0xFFFF
            yield packet, is_after_gap
            is_after_gap = False
