"""Motion-JPEG out of RTP packets (RFC 2435): whole JPEGs, whose headers did not travel. Reads no socket."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from edge.sources.network.access_units import CodedPicture
from edge.sources.network.rtp import RtpPacket

_ZIGZAG = (
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
)  # fmt: skip
# ITU-T T.81, tables K.1 and K.2, row by row.
_LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17,
    22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78,
    87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
_CHROMA = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66,
    99, 99, *[99] * 36,
)  # fmt: skip
# ITU-T T.81, tables K.3 to K.6: how many codes there are of each length, then their symbols.
_LUMA_DC = bytes.fromhex("00010501010101010100000000000000000102030405060708090a0b")
_CHROMA_DC = bytes.fromhex("00030101010101010101010000000000000102030405060708090a0b")
_LUMA_AC = bytes.fromhex(
    "0002010303020403050504040000017d"
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a"
    "434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9"
    "aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
)
_CHROMA_AC = bytes.fromhex(
    "00020102040403040705040400010277"
    "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a"
    "434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8"
    "a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"
)
_MAX_BYTES = 16 << 20


class JpegDepacketiser:
    """Implements `edge.sources.network.access_units.Depacketiser`."""

    def __init__(self) -> None:
        self._timestamp: int | None = None
        self._scan = bytearray()
        self._head = b""
        self._tables: dict[int, bytes] = {}
        self._is_whole = True
        self._arrived_ns = 0

    def push(self, packet: RtpPacket, *, is_after_gap: bool) -> Iterator[CodedPicture]:
        """See `Depacketiser.push`."""
        if self._timestamp is not None and self._timestamp != packet.timestamp:
            self._is_whole = False
            yield self._finished()
        if self._timestamp is None:
            self._timestamp = packet.timestamp
            self._scan.clear()
            self._head, self._is_whole = b"", True
        self._is_whole &= not is_after_gap and self._took(packet.payload)
        self._arrived_ns = packet.arrived_ns
        if packet.marker:
            yield self._finished()

    def _finished(self) -> CodedPicture:
        assert self._timestamp is not None
        jpeg = self._head + bytes(self._scan)
        if not jpeg.endswith(b"\xff\xd9"):
            jpeg += b"\xff\xd9"
        found = CodedPicture(jpeg, self._timestamp, self._arrived_ns, True, self._is_whole and bool(self._head))
        self._timestamp = None
        return found

    def _took(self, payload: bytes) -> bool:
        """Add a packet's piece; whether it follows on what was there."""
        if len(payload) < 8:
            return False
        offset = int.from_bytes(payload[1:4], "big")
        kind, quality, width, height = payload[4:8]
        at, restart_interval = 8, 0
        if kind & 64:
            if len(payload) < 12:
                return False
            restart_interval = struct.unpack_from("!H", payload, 8)[0]
            at = 12
        if offset != len(self._scan) or offset > _MAX_BYTES or kind & 63 > 1 or not (width and height):
            return False
        if offset == 0:
            tables, at = self._quantisers(payload, at, quality)
            if tables is None:
                return False
            self._head = _head(kind & 63, width * 8, height * 8, tables, restart_interval)
        self._scan += payload[at:]
        return True

    def _quantisers(self, payload: bytes, at: int, quality: int) -> tuple[bytes | None, int]:
        """Both tables of 64 bytes in zigzag order, and where they end."""
        if quality < 128:
            return (_scaled(quality) if 1 <= quality <= 99 else None), at
        if len(payload) < at + 4:
            return None, at
        precision, length = payload[at + 1], struct.unpack_from("!H", payload, at + 2)[0]
        at += 4
        if length == 0:  # told before, section 3.1.8
            return self._tables.get(quality), at
        tables = payload[at : at + length]
        if precision or length not in (64, 128) or len(tables) != length:
            return None, at
        tables = tables * 2 if length == 64 else tables
        if quality != 255:
            self._tables[quality] = tables
        return tables, at + length


def _scaled(quality: int) -> bytes:
    """Section 4.2: the standard's tables by a quality of 1 to 99."""
    factor = 5000 // quality if quality < 50 else 200 - quality * 2
    tables = [[min(255, max(1, (value * factor + 50) // 100)) for value in table] for table in (_LUMA, _CHROMA)]
    return bytes(table[place] for table in tables for place in _ZIGZAG)


def _head(kind: int, width_px: int, height_px: int, tables: bytes, restart_interval: int) -> bytes:
    """All before the scan: 4:2:2 for kind 0, 4:2:0 for kind 1."""
    quantisers = _segment(0xDB, b"\x00" + tables[:64]) + _segment(0xDB, b"\x01" + tables[64:])
    sampling = 0x22 if kind == 1 else 0x21
    components = bytes([1, sampling, 0, 2, 0x11, 1, 3, 0x11, 1])
    frame = _segment(0xC0, struct.pack("!BHHB", 8, height_px, width_px, 3) + components)
    codes = ((0x00, _LUMA_DC), (0x10, _LUMA_AC), (0x01, _CHROMA_DC), (0x11, _CHROMA_AC))
    huffman = b"".join(_segment(0xC4, bytes([place]) + table) for place, table in codes)
    restart = _segment(0xDD, struct.pack("!H", restart_interval)) if restart_interval else b""
    scan = _segment(0xDA, bytes([3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]))
    return b"\xff\xd8" + quantisers + frame + huffman + restart + scan


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack("!H", len(content) + 2) + content
