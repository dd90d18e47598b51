"""H.264 in RTP packets (RFC 6184, packetization-mode 1; RFC 3550, section 5.1)."""

from __future__ import annotations

import base64
import secrets
import struct
import time
from collections.abc import Iterator, Sequence

from edge.video.rtcp import goodbye, sender_report

PAYLOAD_TYPE = 96
CLOCK_HZ = 90_000
_MAX_PAYLOAD_BYTES = 1380
"""With every header, TLS's too, less than an Ethernet frame holds."""
_START = b"\x00\x00\x01"
_FU_A, _SPS, _PPS = 28, 7, 8
REPORT_EACH_S = 1.0


def nals_of(unit: bytes) -> Iterator[memoryview]:
    """The parts of an access unit between their start codes (ITU-T H.264, Annex B)."""
    view, at = memoryview(unit), unit.find(_START)
    while at >= 0:
        begin = at + len(_START)
        at = unit.find(_START, begin)
        end = len(unit) if at < 0 else at
        while end > begin and view[end - 1] == 0:  # of a longer start code
            end -= 1
        if end > begin:
            yield view[begin:end]


def payloads_of(unit: bytes) -> list[bytes]:
    """What its packets carry, in their order."""
    payloads: list[bytes] = []
    for nal in nals_of(unit):
        if len(nal) <= _MAX_PAYLOAD_BYTES:
            payloads.append(bytes(nal))
            continue
        indicator, kind = nal[0] & 0xE0 | _FU_A, nal[0] & 0x1F
        step = _MAX_PAYLOAD_BYTES - 2
        for at in range(1, len(nal), step):
            is_first, is_last = at == 1, at + step >= len(nal)
            head = bytes((indicator, is_first << 7 | is_last << 6 | kind))
            payloads.append(head + nal[at : at + step])
    return payloads


def format_of(unit: bytes) -> str:
    """The words of `a=fmtp` for a stream that holds this unit, which can be decoded alone; empty where it cannot."""
    sets = {nal[0] & 0x1F: bytes(nal) for nal in nals_of(unit) if nal[0] & 0x1F in (_SPS, _PPS)}
    if len(sets) < 2 or len(sets[_SPS]) < 4:
        return ""
    sprop = ",".join(base64.b64encode(sets[kind]).decode() for kind in (_SPS, _PPS))
    profile = sets[_SPS][1:4].hex().upper()
    return f"packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={sprop}"


class RtpSender:
    """Numbers one recorder's packets and says when its pictures were taken."""

    def __init__(self) -> None:
        self.ssrc = secrets.randbits(32)
        self._seq, self._offset = secrets.randbits(16), secrets.randbits(32)
        self._num_packets = self._num_bytes = 0
        self._reported_s = -REPORT_EACH_S

    @property
    def next_seq(self) -> int:
        return self._seq

    def packets(self, payloads: Sequence[bytes], t_ns: int) -> list[bytes]:
        """The packets of one picture, the last one marked.

        Args:
            t_ns: `time.monotonic_ns()` when it was taken.
        """
        rtp_time, packets = self._rtp_time(t_ns), []
        for number, payload in enumerate(payloads, 1):
            marked = PAYLOAD_TYPE | (number == len(payloads)) << 7
            packets.append(struct.pack(">BBHII", 0x80, marked, self._seq, rtp_time, self.ssrc) + payload)
            self._seq = self._seq + 1 & 0xFFFF
            self._num_bytes += len(payload)
        self._num_packets += len(payloads)
        return packets

    def report(self) -> bytes | None:
        """A sender's report where it is time for one: which time of day goes with which RTP time."""
        now_s = time.monotonic()
        if now_s - self._reported_s < REPORT_EACH_S:
            return None
        self._reported_s = now_s
        unix_ns, rtp_time = time.time_ns(), self._rtp_time(time.monotonic_ns())
        return sender_report(self.ssrc, unix_ns, rtp_time, self._num_packets, self._num_bytes, "edge-enhance")

    def goodbye(self) -> bytes:
        """That it ends."""
        return goodbye(self.ssrc)

    def _rtp_time(self, t_ns: int) -> int:
        return t_ns * CLOCK_HZ // 10**9 + self._offset & 0xFFFFFFFF
