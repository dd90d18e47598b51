"""Motion JPEG to any number of viewers, each of which always gets the newest picture and never a queue."""

from __future__ import annotations

import asyncio
import socket
import time

from aiohttp import web

from edge.web.answers import endless_headers
from edge.web.audience import Audience
from edge.web.limits import SOCKET_BUFFER_BYTES
from edge.web.pulse import Pulse
from edge.web.views import Picture, View

BOUNDARY = "edge-enhance-frame"
_CHUNK_BYTES = 64 * 1024
_DELIMITER = f"\r\n--{BOUNDARY}\r\n".encode()


async def stream(
    request: web.Request,
    view: View,
    audience: Audience,
    pulse: Pulse,
    gap_s: float = 0.0,
    *,
    address: str = "",
    place: str = "",
) -> web.StreamResponse:
    """Answer with `multipart/x-mixed-replace` until the viewer goes away.

    A picture that says LIVE and is not any more is left out. One that was half sent when the process stood still would
    be finished when it goes on, and seen then: the connection is cut instead, and the viewer opens another. A HEAD is
    answered with the headers alone, and is no viewer.

    Args:
        gap_s: least time between two pictures, for a viewer that cannot decode every one.
        address, place: of the viewer, for `Audience.admit`.

    Raises:
        Busy: as many watch as there may.
    """
    headers = endless_headers(f"multipart/x-mixed-replace; boundary={BOUNDARY}")
    if request.method == "HEAD":
        return web.Response(headers=headers)
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the viewer left before the stream began")
    viewer = audience.admit(view, address, place)
    response = web.StreamResponse(headers=headers)
    try:
        viewer.on_replaced = transport.abort
        keep_small(transport)
        await response.prepare(request)
        await response.write(_DELIMITER)
        audience.begin(viewer)
        while True:
            picture = await viewer.next()
            begin_ns = time.monotonic_ns()
            if picture.is_outlived(begin_ns):
                continue  # the encoder makes one that says so
            content = memoryview(part(picture, begin_ns))
            for at in range(0, len(content), _CHUNK_BYTES):
                if picture.is_outlived(time.monotonic_ns()) and pulse.stood_still_since(begin_ns):
                    transport.abort()
                    return response
                await response.write(content[at : at + _CHUNK_BYTES])
            if gap_s:
                await asyncio.sleep(gap_s)
    except ConnectionError:
        return response  # the usual end: the viewer went away
    except asyncio.CancelledError:
        transport.abort()  # the sink closes: what a slow viewer has not read yet is not waited for
        raise
    finally:
        audience.leave(viewer)


def keep_small(transport: asyncio.Transport) -> None:
    """Of the buffers on the way, the kernel's and asyncio's: whatever waits there is old by the time it is seen."""
    transport.set_write_buffer_limits(high=0)
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)


def part(picture: Picture, now_ns: int) -> bytes:
    """One part with the delimiter that ends it: browsers show a picture only when they have read that.

    `X-Sent-Ms` is this machine's monotonic clock; a page that watches how it drifts against its own sees
    whether pictures pile up on the way.
    """
    head = [
        "Content-Type: image/jpeg",
        f"Content-Length: {len(picture.jpeg)}",
        f"X-Mode: {picture.mode}",
        f"X-State: {picture.state}",
        f"X-Sent-Ms: {now_ns / 1e6:.1f}",
    ]
    age_ms = picture.age_ms(now_ns)
    if picture.seq is not None and age_ms is not None:
        head += [f"X-Seq: {picture.seq}", f"X-Age-Ms: {age_ms:.1f}"]
    if picture.num_bytes_enhanced:
        head.append(f"X-Enhanced-Bytes: {picture.num_bytes_enhanced}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + picture.jpeg + _DELIMITER
