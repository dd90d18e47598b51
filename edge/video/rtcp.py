"""RTCP: what a sender tells of its clock, and what a receiver tells of its losses (RFC 3550, section 6).

Runs in the video process as well: nothing but the standard library.
"""

from __future__ import annotations

import struct

_SENDER_REPORT, _RECEIVER_REPORT, _DESCRIPTION, _BYE, _CNAME = 200, 201, 202, 203, 1
_NTP_EPOCH_S = 2_208_988_800
"""From 1900 to 1970."""
_BLOCK_BYTES = 24
_HEAD_BYTES = {_SENDER_REPORT: 28, _RECEIVER_REPORT: 8}


def lost_share(compound: bytes) -> float | None:
    """Share of packets that a receiver says it missed since its last report; None where it says nothing of that."""
    at = 0
    while at + 4 <= len(compound):
        num_blocks, kind = compound[at] & 0x1F, compound[at + 1]
        end = at + 4 * (1 + int.from_bytes(compound[at + 2 : at + 4], "big"))
        first = at + _HEAD_BYTES.get(kind, 0)
        if kind in _HEAD_BYTES and num_blocks and first + _BLOCK_BYTES <= min(end, len(compound)):
            return compound[first + 4] / 256
        at = end
    return None


def sender_report(ssrc: int, unix_ns: int, rtp_time: int, num_packets: int, num_bytes: int, name: str) -> bytes:
    """A compound of a sender's report and its name: the time of day that goes with an RTP time."""
    seconds, rest_ns = divmod(unix_ns, 10**9)
    ntp = seconds + _NTP_EPOCH_S & 0xFFFFFFFF, (rest_ns << 32) // 10**9
    report = struct.pack(
        ">BBHIIIIII", 0x80, _SENDER_REPORT, 6, ssrc, *ntp, rtp_time, num_packets & 0xFFFFFFFF, num_bytes & 0xFFFFFFFF
    )
    said = name.encode()[:255]
    chunk = struct.pack(">IBB", ssrc, _CNAME, len(said)) + said + b"\0"
    chunk += b"\0" * (-len(chunk) % 4)
    return report + struct.pack(">BBH", 0x81, _DESCRIPTION, len(chunk) // 4) + chunk


def goodbye(ssrc: int) -> bytes:
    """The stream ends."""
    return struct.pack(">BBHI", 0x81, _BYE, 1, ssrc)
