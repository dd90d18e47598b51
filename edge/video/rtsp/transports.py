"""How a recorder's packets travel: between the messages of its connection, or by UDP to the ports that it names."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

MAX_UNSENT_BYTES = 2 << 20
"""About two seconds: with more a recorder gets nothing until it has read, and then from a whole picture on."""
_RTP_PORTS = range(40_000, 60_000, 2)
_PORTS = re.compile(r"client_port=(\d{1,5})-(\d{1,5})$")
_CHANNELS = re.compile(r"interleaved=(\d{1,3})-(\d{1,3})$")


@dataclass(frozen=True, slots=True)
class Wished:
    """What a recorder asks for in its header `Transport`.

    Attributes:
        first, second: channels of its connection, or its UDP ports; of pictures and of reports.
    """

    is_udp: bool
    first: int
    second: int


def wished_of(header: str, *, may_udp: bool) -> Wished | None:
    """The first that we have of those asked for; None where there is none (RFC 2326, 12.39)."""
    for text in header.split(","):
        profile, *words = (word.strip() for word in text.split(";"))
        if "multicast" in words or any(word.startswith("destination=") for word in words):
            continue
        found = [match for word in words if (match := (_CHANNELS if profile == "RTP/AVP/TCP" else _PORTS).match(word))]
        if profile == "RTP/AVP/TCP":
            first, second = (int(found[0][1]), int(found[0][2])) if found else (0, 1)
            if first < 256 and second < 256 and first != second:
                return Wished(False, first, second)
        elif profile in ("RTP/AVP", "RTP/AVP/UDP") and may_udp and found:
            first, second = int(found[0][1]), int(found[0][2])
            if 1024 <= first <= 65535 and 1024 <= second <= 65535:
                return Wished(True, first, second)
    return None


class Way(Protocol):
    """Where packets go."""

    def send(self, packets: Sequence[bytes]) -> bool:
        """Send all or nothing; False where too many wait."""
        ...

    def report(self, compound: bytes) -> None: ...


class Interleaved:
    """On the recorder's own connection (RFC 2326, 10.12)."""

    def __init__(self, transport: asyncio.WriteTransport, wished: Wished) -> None:
        self._transport, self._wished = transport, wished

    def send(self, packets: Sequence[bytes]) -> bool:
        if self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            return False
        self._transport.write(b"".join(self._framed(self._wished.first, packet) for packet in packets))
        return True

    def report(self, compound: bytes) -> None:
        if self._transport.get_write_buffer_size() <= MAX_UNSENT_BYTES:
            self._transport.write(self._framed(self._wished.second, compound))

    @staticmethod
    def _framed(channel: int, packet: bytes) -> bytes:
        return b"$" + bytes((channel,)) + len(packet).to_bytes(2, "big") + packet


class UdpPair(asyncio.DatagramProtocol):
    """Two ports of the unit, for all recorders by UDP; who reports to them is alive."""

    def __init__(self) -> None:
        self.ports = 0, 0
        self._rtp: asyncio.DatagramTransport | None = None
        self._rtcp: asyncio.DatagramTransport | None = None
        self.heard_s: dict[tuple[str, int], float] = {}

    async def open(self, host: str) -> None:
        """Raises `OSError` where no pair of ports is free."""
        loop, error = asyncio.get_running_loop(), OSError("no pair of UDP ports is free")
        for port in _RTP_PORTS:
            try:
                rtp, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, (host, port))
            except OSError:
                continue
            try:
                rtcp, _ = await loop.create_datagram_endpoint(lambda: self, (host, port + 1))
            except OSError:
                rtp.close()
                continue
            self._rtp, self._rtcp, self.ports = rtp, rtcp, (port, port + 1)
            return
        raise error

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if (where := addr[:2]) in self.heard_s:
            self.heard_s[where] = time.monotonic()

    def close(self) -> None:
        for transport in (self._rtp, self._rtcp):
            if transport is not None:
                transport.close()

    def way(self, host: str, wished: Wished) -> Way:
        """To a recorder, at the address that it asks from and at no other."""
        assert self._rtp is not None and self._rtcp is not None, "opened"
        self.heard_s[host, wished.second] = time.monotonic()
        return _Udp(self._rtp, self._rtcp, (host, wished.first), (host, wished.second))

    def forget(self, host: str, wished: Wished) -> None:
        self.heard_s.pop((host, wished.second), None)


@dataclass(frozen=True)
class _Udp:
    rtp: asyncio.DatagramTransport
    rtcp: asyncio.DatagramTransport
    rtp_to: tuple[str, int]
    rtcp_to: tuple[str, int]

    def send(self, packets: Sequence[bytes]) -> bool:
        if cast("asyncio.WriteTransport", self.rtp).get_write_buffer_size() > MAX_UNSENT_BYTES:
            return False
        for packet in packets:
            self.rtp.sendto(packet, self.rtp_to)
        return True

    def report(self, compound: bytes) -> None:
        self.rtcp.sendto(compound, self.rtcp_to)
