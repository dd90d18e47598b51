"""Sends one session's pictures, with RTP's own faults: lost, reordered and damaged packets, clocks that are wrong."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from typing import Protocol

from tests.doubles.network_camera.hub import Hub
from tests.doubles.network_camera.rtp import PAYLOAD_TYPES, packet, payloads_of, sender_report

SOURCE = 0x0CA3E7A0
_CLOCK_HZ = 90_000
_FIRST_NUMBER, _FIRST_TIME = 60_000, 0xFFF0_0000
"""Both run over soon after the start, as they may."""
_BURST = 24


class Over(Protocol):
    """A way for packets."""

    async def send(self, packets: list[bytes], *, is_report: bool = False) -> None: ...

    def close(self) -> None: ...


class OverConnection(Over):
    """Between the answers of the RTSP connection (RFC 2326, 10.12)."""

    def __init__(self, writer: asyncio.StreamWriter, channel: int) -> None:
        self._writer, self._channel = writer, channel

    async def send(self, packets: list[bytes], *, is_report: bool = False) -> None:
        channel = self._channel + is_report
        self._writer.write(b"".join(struct.pack("!BBH", 0x24, channel, len(data)) + data for data in packets))
        await self._writer.drain()

    def close(self) -> None:
        pass


class OverUdp(Over):
    """From two sockets of our own; large pictures in bursts, so that a receiver on the same machine can follow."""

    def __init__(self, family: int, own_host: str, host: str, rtp_port: int, rtcp_port: int) -> None:
        self._sockets = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(2)]
        self._targets = ((host, rtp_port), (host, rtcp_port))
        for each in self._sockets:
            each.bind((own_host, 0))
            each.setblocking(False)
        self.own_ports = tuple(each.getsockname()[1] for each in self._sockets)

    async def send(self, packets: list[bytes], *, is_report: bool = False) -> None:
        for at, data in enumerate(packets):
            with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                self._sockets[is_report].sendto(data, self._targets[is_report])
            if at % _BURST == _BURST - 1:
                await asyncio.sleep(0.0005)

    def close(self) -> None:
        for each in self._sockets:
            each.close()


class RtpSender:
    """One session's packets and reports, from PLAY on."""

    def __init__(self, hub: Hub, over: Over) -> None:
        self._hub, self._over = hub, over
        self._number, self._num_packets, self._num_bytes = _FIRST_NUMBER, 0, 0
        self._held: list[bytes] = []
        self._base_ns = time.monotonic_ns()
        self.info = f"seq={_FIRST_NUMBER};rtptime={self._rtp_time(self._base_ns)}"

    async def run(self) -> None:
        watch = self._hub.watch(_kind(self._hub.faults.codec))
        reporting = asyncio.ensure_future(self._report())
        try:
            async for encoded in watch.pictures():
                codec = {"jpeg": "mjpeg"}.get(watch.kind, watch.kind)
                is_same_form = (encoded.data[:2] == b"\xff\xd8") == (codec == "mjpeg")
                if is_same_form:  # not one that waited while the codec was changed
                    await self._over.send(self._packets(codec, encoded.taken_ns, payloads_of(codec, encoded)))
                self._hub.exchange(watch, _kind(self._hub.faults.codec))
        finally:
            reporting.cancel()
            self._hub.leave(watch)

    def _packets(self, codec: str, taken_ns: int, payloads: list[bytes]) -> list[bytes]:
        faults, random = self._hub.faults, self._hub.random
        packets = []
        for at, payload in enumerate(payloads):
            is_last = at == len(payloads) - 1
            if random.random() < faults.damage:
                place = int(random.integers(min(20, len(payload) - 1), len(payload)))
                payload = payload[:place] + bytes(256 - byte & 0xFF for byte in payload[place:])
            rtp_time = self._rtp_time(taken_ns)
            data = packet(payload, PAYLOAD_TYPES[codec], self._number, rtp_time, SOURCE, is_last=is_last)
            self._number += 1
            self._num_packets += 1
            self._num_bytes += len(payload)
            if random.random() < faults.loss:
                continue
            if random.random() < faults.reorder:
                self._held.append(data)
                continue
            packets.append(data)
            if self._held and random.random() < 0.5:
                packets += self._held
                self._held = []
        return packets

    def _rtp_time(self, at_ns: int) -> int:
        faults = self._hub.faults
        if faults.rtp_frozen:
            at_ns = self._base_ns
        ticks = at_ns * _CLOCK_HZ // 1_000_000_000 - self._base_ns * _CLOCK_HZ // 1_000_000_000
        return (_FIRST_TIME + ticks + round(faults.rtp_jump_s * _CLOCK_HZ)) & 0xFFFFFFFF

    async def _report(self) -> None:
        while True:
            faults = self._hub.faults
            if faults.rtcp_s and not faults.silent:
                now_ns = time.monotonic_ns()
                wall_ns = time.time_ns() + round(faults.clock_off_s * 1e9)
                times = (wall_ns, self._rtp_time(now_ns), self._num_packets, self._num_bytes)
                await self._over.send([sender_report(SOURCE, *times)], is_report=True)
            await asyncio.sleep(faults.rtcp_s or 0.2)


def _kind(codec: str) -> str:
    return "jpeg" if codec == "mjpeg" else codec
