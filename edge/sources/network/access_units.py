"""Coded pictures out of RTP packets: H.264 (RFC 6184), H.265 (RFC 7798). Reads no socket."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from edge.sources.network.rtp import RtpPacket

START_CODE = b"\x00\x00\x00\x01"
_MAX_UNIT_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class CodedPicture:
    """All of one picture, or what came of it.

    Attributes:
        content: with start codes (Annex B) for H.264 and H.265; a whole JPEG for Motion-JPEG; empty where parameter
            sets came alone.
        timestamp: RTP time, 32 bits.
        arrived_ns: of its last packet.
        is_key: decoding can begin with it.
        is_whole: no packet of it is missing.
        parameter_sets: those that it brings itself.
    """

    content: bytes
    timestamp: int
    arrived_ns: int
    is_key: bool
    is_whole: bool
    parameter_sets: tuple[bytes, ...] = ()


def renewed(sets: tuple[bytes, ...], newer: tuple[bytes, ...], rules: NalRules) -> tuple[bytes, ...]:
    """Parameter sets after others came: those replace all of their kind."""
    kinds = {rules.kind(unit) for unit in newer}
    return (*(unit for unit in sets if rules.kind(unit) not in kinds), *newer)


class Depacketiser(Protocol):
    """Puts pictures together."""

    def push(self, packet: RtpPacket, *, is_after_gap: bool) -> Iterator[CodedPicture]:
        """Add the next packet; give the picture that it completes, and one that it shows to be cut off."""
        ...


class NalRules(Protocol):
    """What H.264 and H.265 name differently."""

    def kind(self, unit: bytes) -> int: ...
    def is_fragment(self, payload: bytes) -> bool: ...
    def is_aggregate(self, payload: bytes) -> bool: ...

    def defragmented(self, payload: bytes) -> tuple[bytes, bytes, bool, bool]:
        """The unit's header, this piece of it, whether it is the first, whether it is the last."""
        ...

    def header_bytes(self) -> int: ...
    def is_key(self, unit: bytes) -> bool: ...
    def is_parameter_set(self, unit: bytes) -> bool: ...

    def is_picture(self, unit: bytes) -> bool:
        """Whether it belongs to the picture itself; messages beside it (SEI, delimiters, filler) are left out, since
        decoders complain of those of some cameras."""
        ...


class H264Rules:
    def kind(self, unit: bytes) -> int:
        return unit[0] & 31

    def is_fragment(self, payload: bytes) -> bool:
        return self.kind(payload) == 28

    def is_aggregate(self, payload: bytes) -> bool:
        return self.kind(payload) == 24

    def defragmented(self, payload: bytes) -> tuple[bytes, bytes, bool, bool]:
        header = bytes([(payload[0] & 0xE0) | (payload[1] & 31)])
        return header, payload[2:], bool(payload[1] & 0x80), bool(payload[1] & 0x40)

    def header_bytes(self) -> int:
        return 1

    def is_key(self, unit: bytes) -> bool:
        return self.kind(unit) in (5, 7)

    def is_parameter_set(self, unit: bytes) -> bool:
        return self.kind(unit) in (7, 8)

    def is_picture(self, unit: bytes) -> bool:
        return 1 <= self.kind(unit) <= 5


class H265Rules:
    def kind(self, unit: bytes) -> int:
        return unit[0] >> 1 & 63

    def is_fragment(self, payload: bytes) -> bool:
        return self.kind(payload) == 49

    def is_aggregate(self, payload: bytes) -> bool:
        return self.kind(payload) == 48

    def defragmented(self, payload: bytes) -> tuple[bytes, bytes, bool, bool]:
        header = bytes([(payload[0] & 0x81) | (payload[2] & 63) << 1, payload[1]])
        return header, payload[3:], bool(payload[2] & 0x80), bool(payload[2] & 0x40)

    def header_bytes(self) -> int:
        return 2

    def is_key(self, unit: bytes) -> bool:
        return 16 <= self.kind(unit) <= 21

    def is_parameter_set(self, unit: bytes) -> bool:
        return 32 <= self.kind(unit) <= 34

    def is_picture(self, unit: bytes) -> bool:
        return self.kind(unit) < 32


@dataclass
class _Picture:
    timestamp: int
    arrived_ns: int
    units: list[bytes] = field(default_factory=list)
    fragment: bytearray | None = None
    is_whole: bool = True
    num_bytes: int = 0


class NalDepacketiser:
    """Implements `Depacketiser` for H.264 and H.265. A picture ends at the marker, or where the time changes."""

    def __init__(self, rules: NalRules) -> None:
        self._rules = rules
        self._picture: _Picture | None = None

    def push(self, packet: RtpPacket, *, is_after_gap: bool) -> Iterator[CodedPicture]:
        """See `Depacketiser.push`."""
        picture = self._picture
        if picture is not None and picture.timestamp != packet.timestamp:
            picture.is_whole &= not is_after_gap
            yield from self._finished(picture)
            picture = None
        if picture is None:
            picture = self._picture = _Picture(packet.timestamp, packet.arrived_ns)
        picture.is_whole &= not is_after_gap
        picture.arrived_ns = packet.arrived_ns
        picture.num_bytes += len(packet.payload)
        if picture.num_bytes <= _MAX_UNIT_BYTES:
            self._take(picture, packet.payload)
        else:
            picture.is_whole = False
        if packet.marker:
            self._picture = None
            yield from self._finished(picture)

    def _take(self, picture: _Picture, payload: bytes) -> None:
        rules = self._rules
        if len(payload) <= rules.header_bytes():
            picture.is_whole = False
        elif rules.is_fragment(payload):
            header, piece, is_first, is_last = rules.defragmented(payload)
            if is_first:
                picture.is_whole &= picture.fragment is None
                picture.fragment = bytearray(header)
            if picture.fragment is None:
                picture.is_whole = False
                return
            picture.fragment += piece
            if is_last:
                picture.units.append(bytes(picture.fragment))
                picture.fragment = None
        elif rules.is_aggregate(payload):
            self._take_aggregate(picture, payload)
        else:
            picture.units.append(payload)

    def _take_aggregate(self, picture: _Picture, payload: bytes) -> None:
        at = self._rules.header_bytes()
        while at + 2 <= len(payload):
            length = struct.unpack_from("!H", payload, at)[0]
            unit = payload[at + 2 : at + 2 + length]
            picture.is_whole &= len(unit) == length > 0
            if unit:
                picture.units.append(unit)
            at += 2 + length

    def _finished(self, picture: _Picture) -> Iterator[CodedPicture]:
        rules, units = self._rules, picture.units
        parameter_sets = tuple(unit for unit in units if rules.is_parameter_set(unit))
        shown = [unit for unit in units if rules.is_picture(unit)]
        is_whole = picture.is_whole and picture.fragment is None
        if not shown and is_whole and not parameter_sets:
            return
        content = b"".join(START_CODE + unit for unit in (*parameter_sets, *shown)) if shown else b""
        is_key = any(rules.is_key(unit) for unit in units)
        yield CodedPicture(content, picture.timestamp, picture.arrived_ns, is_key, is_whole, parameter_sets)
