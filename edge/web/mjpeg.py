"""Motion JPEG to any number of viewers, each of which always gets the newest picture and never a queue."""

from __future__ import annotations

import asyncio
import socket
import time

from aiohttp import web

from edge.health.state import STALE_AFTER_MS
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
        # Whatever waits in buffers is old by the time it is seen: keep both the kernel's and asyncio's small.
        transport.set_write_buffer_limits(high=0)
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
        await response.prepare(request)
        await response.write(_DELIMITER)
        audience.begin(viewer)
        while True:
            picture = await viewer.next()
            begin_ns = time.monotonic_ns()
            if is_outlived(picture, begin_ns):
                continue  # the encoder makes one that says so
            content = memoryview(part(picture, begin_ns))
            for at in range(0, len(content), _CHUNK_BYTES):
                if is_outlived(picture, time.monotonic_ns()) and pulse.stood_still_since(begin_ns):
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


def endless_headers(content_type: str) -> dict[str, str]:
    """Of an answer without an end. nginx else keeps it back until its buffers are full: seconds of old pictures."""
    return {
        "Content-Type": content_type,
        "Cache-Control": "no-store",
        "X-Accel-Buffering": "no",
    }


def is_outlived(picture: Picture, now_ns: int) -> bool:
    """Whether a picture that says LIVE is too old to say so."""
    taken_ns = picture.t_capture_ns
    return picture.state == "live" and taken_ns is not None and (now_ns - taken_ns) / 1e6 > STALE_AFTER_MS


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
    if picture.seq is not None and picture.t_capture_ns is not None:
        head += [f"X-Seq: {picture.seq}", f"X-Age-Ms: {max(0.0, (now_ns - picture.t_capture_ns) / 1e6):.1f}"]
    if picture.num_bytes_enhanced:
        head.append(f"X-Enhanced-Bytes: {picture.num_bytes_enhanced}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + picture.jpeg + _DELIMITER
