"""The camera's HTTP side: MJPEG as multipart/x-mixed-replace, and every answer that is something else."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

from numpy.random import Generator

from tests.doubles.network_camera.authorisation import challenge, may_pass
from tests.doubles.network_camera.encoding import Encoded
from tests.doubles.network_camera.hub import Hub

BOUNDARY = "frameboundary"
_HUGE_BYTES = 65_000_000
_BLOCK_BYTES = 1 << 16


class HttpSide:
    """Answers connections one request each, as simple cameras do."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *rest = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rest if row)}
        authorization = headers.get("authorization", "")
        self._hub.counters.requests.append({"protocol": "http", "line": line, "authorization": authorization})
        method, target = ([*line.split(" "), "", ""])[:2]
        faults = self._hub.faults
        if not may_pass(faults, method, authorization):
            asked = f"WWW-Authenticate: {challenge(faults, with_qop=True)}\r\n"
            writer.write(_answer("401 Unauthorized", "text/html", b"<h1>401 Unauthorized</h1>", asked))
        elif urlsplit(target).path == "/snapshot.jpg":
            await self._snapshot(writer)
        else:
            answering = asyncio.ensure_future(self._answer(writer, urlsplit(target).path))
            leaving = asyncio.ensure_future(reader.read())
            try:
                await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                leaving.cancel()
                answering.cancel()
            await answering
        await writer.drain()

    async def _answer(self, writer: asyncio.StreamWriter, path: str) -> None:
        faults = self._hub.faults
        is_there = faults.answer == "redirect" and path == urlsplit(faults.location).path
        match "stream" if is_there else faults.answer:
            case "stream":
                await self._stream(writer)
            case "snapshot":
                await self._snapshot(writer)
            case "404":
                writer.write(_answer("404 Not Found", "text/plain", b"no such camera"))
            case "500":
                writer.write(_answer("500 Internal Server Error", "text/plain", b"camera in use"))
            case "redirect":
                writer.write(_answer("302 Found", "text/plain", b"", f"Location: {faults.location}\r\n"))
            case "html":
                writer.write(_answer("200 OK", "text/html; charset=utf-8", b"<html><body>Log in</body></html>"))
            case "hls":
                text = b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\n0.ts\n"
                writer.write(_answer("200 OK", "application/vnd.apple.mpegurl", text))
            case "garbage":
                await _pour(writer, bytes(range(128, 256)) * 512, _HUGE_BYTES)
            case "nothing":
                await asyncio.Event().wait()
            case _:
                await self._evil(writer, faults.answer)

    async def _evil(self, writer: asyncio.StreamWriter, answer: str) -> None:
        if answer == "headers":
            writer.write(b"HTTP/1.1 200 OK\r\n")
            await _pour(writer, b"X-Filler: " + b"a" * 990 + b"\r\n", _HUGE_BYTES)
            return
        if answer == "one-header":
            writer.write(b"HTTP/1.1 200 OK\r\nX-Filler: ")
            await _pour(writer, b"a" * _BLOCK_BYTES, _HUGE_BYTES)
            return
        if answer == "slow":
            for byte in _stream_head() + b"a" * 100_000:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1.0)
            return
        writer.write(_stream_head())
        if answer == "boundaries":
            await _pour(writer, f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n\r\n".encode() * 500, 1 << 60)
        elif answer == "big-part":
            writer.write(f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8".encode("latin-1"))
            await _pour(writer, b"\x55" * _BLOCK_BYTES, 1 << 60)
        else:
            raise ValueError(f"no such answer: {answer}")

    async def _snapshot(self, writer: asyncio.StreamWriter) -> None:
        self._hub.last.pop("jpeg", None)
        writer.write(_answer("200 OK", "image/jpeg", (await self._hub.first("jpeg")).data))

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        writer.write(_stream_head())
        watch = self._hub.watch(self._hub.faults.parts)
        try:
            async for encoded in watch.pictures():
                writer.write(self._part(encoded))
                await writer.drain()
                self._hub.exchange(watch, self._hub.faults.parts)
        finally:
            self._hub.leave(watch)

    def _part(self, encoded: Encoded) -> bytes:
        faults, random = self._hub.faults, self._hub.random
        body = encoded.data
        is_jpeg = body[:2] == b"\xff\xd8"
        if is_jpeg and random.random() < faults.cut:
            body = body[: int(len(body) * random.uniform(0.2, 0.9))]
        if is_jpeg and random.random() < faults.holes:
            at = int(random.integers(len(body) // 10, len(body) - 200))
            body = body[:at] + body[at + 100 :]
        if is_jpeg and random.random() < faults.damage:
            body = damaged(body, random)
        if faults.part_headers == "jpegs":
            return body
        boundary = f"--{BOUNDARY}\r\n"
        if faults.part_headers == "bare":
            return boundary.encode() + body + b"\r\n"
        rows = []
        if faults.part_headers in ("full", "type"):
            rows.append(f"Content-Type: image/{'jpeg' if is_jpeg else 'png'}")
        if faults.part_headers in ("full", "length"):
            rows.append(f"Content-Length: {len(encoded.data if faults.whole_length else body)}")
        if faults.timestamps:
            wall_s = (time.time_ns() - time.monotonic_ns() + encoded.taken_ns) / 1e9
            rows.append(f"X-Timestamp: {wall_s + faults.clock_off_s:.6f}")
        return (boundary + "".join(f"{row}\r\n" for row in rows) + "\r\n").encode() + body + b"\r\n"


def damaged(jpeg: bytes, random: Generator) -> bytes:
    """With 64 bytes of the scan written over, at one place or three."""
    body = bytearray(jpeg)
    for _ in range(random.choice([1, 3])):
        at = int(random.integers(len(body) // 10, len(body) - 80))
        body[at : at + 64] = bytes(byte % 255 for byte in random.bytes(64))  # no 0xff: a marker would be too easy
    return bytes(body)


def _answer(status: str, kind: str, body: bytes, more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n"
    )
    return f"{head}Connection: close\r\n\r\n".encode() + body


def _stream_head() -> bytes:
    kind = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n"
    return head.encode()


async def _pour(writer: asyncio.StreamWriter, block: bytes, num_bytes: int) -> None:
    for _ in range(num_bytes // len(block)):
        writer.write(block)
        await writer.drain()
