"""RTP: pictures in packets (RFC 3550; H.264 RFC 6184, H.265 RFC 7798, JPEG RFC 2435), and RTCP's sender reports."""

from __future__ import annotations

import re
import struct

from tests.doubles.network_camera.encoding import Encoded

PAYLOAD_TYPES = {"h264": 96, "h265": 97, "mjpeg": 26}
_MOST_BYTES = 1400
_NTP_EPOCH_S = 2_208_988_800
_START_CODE = re.compile(rb"\x00\x00\x00?\x01")


def payloads_of(codec: str, encoded: Encoded) -> list[bytes]:
    """The payloads of one picture's packets, in order."""
    if codec == "mjpeg":
        return _jpeg_payloads(encoded)
    fragments = _h264_fragments if codec == "h264" else _h265_fragments
    return [payload for unit in units_of(encoded.data) for payload in fragments(unit)]


def units_of(annex_b: bytes) -> list[bytes]:
    """NAL units of an access unit."""
    return [unit for unit in _START_CODE.split(annex_b) if unit]


def packet(payload: bytes, payload_type: int, number: int, rtp_time: int, source: int, *, is_last: bool) -> bytes:
    kind = payload_type | (0x80 if is_last else 0)
    return struct.pack("!BBHII", 0x80, kind, number & 0xFFFF, rtp_time & 0xFFFFFFFF, source) + payload


def sender_report(source: int, wall_ns: int, rtp_time: int, num_packets: int, num_bytes: int) -> bytes:
    """SR and SDES: `rtp_time` and the wall clock of one moment."""
    seconds, rest_ns = divmod(wall_ns, 1_000_000_000)
    fraction = (rest_ns << 32) // 1_000_000_000
    ntp_s = (seconds + _NTP_EPOCH_S) & 0xFFFFFFFF
    times = (ntp_s, fraction, rtp_time & 0xFFFFFFFF, num_packets & 0xFFFFFFFF, num_bytes & 0xFFFFFFFF)
    report = struct.pack("!BBHIIIIII", 0x80, 200, 6, source, *times)
    name = b"camera"
    item = bytes([1, len(name)]) + name
    item += bytes(4 - len(item) % 4)
    return report + struct.pack("!BBHI", 0x81, 202, 1 + len(item) // 4, source) + item


def _h264_fragments(unit: bytes) -> list[bytes]:
    if len(unit) <= _MOST_BYTES:
        return [unit]
    indicator, kind = unit[0] & 0xE0 | 28, unit[0] & 0x1F
    return [bytes([indicator, kind | flags]) + part for flags, part in _parts(unit[1:])]


def _h265_fragments(unit: bytes) -> list[bytes]:
    if len(unit) <= _MOST_BYTES:
        return [unit]
    kind = unit[0] >> 1 & 0x3F
    head = bytes([unit[0] & 0x81 | 49 << 1, unit[1]])
    return [head + bytes([kind | flags]) + part for flags, part in _parts(unit[2:])]


def _parts(body: bytes) -> list[tuple[int, bytes]]:
    """Pieces with their start and end bits."""
    pieces = [body[at : at + _MOST_BYTES] for at in range(0, len(body), _MOST_BYTES)]
    last = len(pieces) - 1
    return [((0x80 if at == 0 else 0) | (0x40 if at == last else 0), piece) for at, piece in enumerate(pieces)]


def _jpeg_payloads(encoded: Encoded) -> list[bytes]:
    """Type 1 (4:2:0), Q 255: the quantisation tables travel in each picture's first packet."""
    width_px, height_px = encoded.size_px
    tables, scan = _tables_and_scan(encoded.data)
    payloads = []
    for at in range(0, len(scan), _MOST_BYTES):
        head = struct.pack("!I", at) + bytes([1, 255, (width_px + 7) // 8, (height_px + 7) // 8])
        if at == 0:
            head += struct.pack("!BBH", 0, 0, len(tables)) + tables
        payloads.append(head + scan[at : at + _MOST_BYTES])
    return payloads


def _tables_and_scan(jpeg: bytes) -> tuple[bytes, bytes]:
    at, tables = 2, b""
    while True:
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        segment = jpeg[at + 4 : at + 2 + length]
        at += 2 + length
        if marker == 0xDB:
            tables += b"".join(segment[begin + 1 : begin + 65] for begin in range(0, len(segment), 65))
        if marker == 0xDA:
            return tables, jpeg[at:-2]
