"""The two ways of the live picture, as docs/interfaces.md has them: for `tests.doubles.fake_unit`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import time
from typing import TYPE_CHECKING, Any

import cv2
import simplejpeg
from aiohttp import WSMsgType, web

from edge.web.banner import Status, stamp
from edge.web.state_strip import draw as draw_strip

if TYPE_CHECKING:
    from tests.doubles.fake_unit import FakeUnit

FPS = 12.5
"""Half of a camera's: browser, unit and driver take 0.4 s of processor time for a second of 25."""
WIDTHS_PX = (480, 640, 960, 1280, 1920)


class FakeStreams:
    """The handlers, and the pictures that they send."""

    def __init__(self, unit: FakeUnit) -> None:
        self._unit = unit

    def _jpeg(self, mode: str, width_px: int, seq: int, side: str = "left") -> bytes:
        image = self._unit.raw if mode == "raw" else self._unit.enhanced
        if (
            self._unit.state["frozen"] is not None
            and mode == "enhanced"
            and self._unit.reference_record["shown"] is not None
        ):
            image = self._unit.reference
        size = (width_px, width_px * 9 // 16)
        image = image if image.shape[1::-1] == size else cv2.resize(image, size)
        state = "frozen" if self._unit.state["frozen"] is not None else "live"
        profile = self._unit.reference_record["shown"] or self._unit.state["profile"]
        banner = Status(state, mode, profile, age_ms=1200.0)  # type: ignore[arg-type]
        image = stamp(image, banner, side)  # type: ignore[arg-type]
        draw_strip(image, seq, state, mode)  # type: ignore[arg-type]
        return bytes(simplejpeg.encode_jpeg(image, quality=85))

    def _picture(self, want: str, width_px: int) -> tuple[dict[str, Any], bytes]:
        width_px = min(width_px, self._unit.raw.shape[1])  # no larger than what there is: two cores bear more tests so
        width_px = next((step for step in WIDTHS_PX if step >= width_px), WIDTHS_PX[-1])
        seq = self._unit.held_seq if self._unit.state["frozen"] is not None else self._unit.seq()
        enhanced = (
            self._jpeg("enhanced", width_px, seq, "right" if want == "pair" else "left") if want != "raw" else b""
        )
        raw = self._jpeg("raw", width_px, seq) if want != "enhanced" else b""
        head = {
            "seq": seq,
            "age_ms": self._unit.lag_ms,
            "sent_ms": time.monotonic() * 1000,
            "mode": "raw" if want == "raw" else "enhanced",
            "state": "frozen" if self._unit.state["frozen"] is not None else "live",
            "profile": self._unit.reference_record["shown"] or self._unit.state["profile"],
            "view": want,
            "width": width_px,
            "height": width_px * 9 // 16,
            "enhanced_bytes": len(enhanced),
            "num_dropped": 0,
        }
        return head, enhanced + raw

    async def socket(self, request: web.Request) -> web.StreamResponse:
        if not self._unit.has_socket:
            return web.Response(status=404)
        answer = web.WebSocketResponse(max_msg_size=1024, compress=False)
        await answer.prepare(request)
        self._unit.sockets.add(answer)
        wish, asks, last = {"want": "enhanced", "width": 1920}, asyncio.Event(), (-1, "")

        async def send() -> None:
            nonlocal last
            while not answer.closed:
                await asks.wait()
                asks.clear()
                begun_s = time.monotonic()
                while (self._unit.seq(), json.dumps(wish)) == last or self._unit.is_silent:
                    await asyncio.sleep(0.005)
                if self._unit.state["frozen"] is not None and last[1] == json.dumps(wish):
                    await asyncio.sleep(max(0.0, 0.3 - (time.monotonic() - begun_s)))
                last = self._unit.seq(), json.dumps(wish)
                head, body = self._picture(str(wish["want"]), int(wish["width"]))
                text = json.dumps(head).encode()
                await answer.send_bytes(struct.pack(">I", len(text)) + text + body)

        sending = asyncio.ensure_future(send())
        try:
            async for message in answer:
                if message.type != WSMsgType.TEXT:
                    break
                told = json.loads(message.data)
                if "want" in told:
                    is_first = not asks.is_set() and last == (-1, "")
                    wish = told
                    self._unit.wishes.append(told)
                    if is_first:
                        asks.set()
                if "next" in told:
                    asks.set()
        finally:
            sending.cancel()
            self._unit.sockets.discard(answer)
        return answer

    async def mjpeg(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "multipart/x-mixed-replace; boundary=frame"})
        await answer.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                while self._unit.is_silent:
                    await asyncio.sleep(0.05)
                head, body = self._picture(request.query.get("view", "enhanced"), 960)
                lines = {
                    "Content-Type": "image/jpeg",
                    "Content-Length": len(body),
                    "X-Seq": head["seq"],
                    "X-Mode": head["mode"],
                    "X-State": head["state"],
                    "X-Age-Ms": head["age_ms"],
                    "X-Sent-Ms": head["sent_ms"],
                }
                if head["view"] == "pair":
                    lines["X-Enhanced-Bytes"] = head["enhanced_bytes"]
                told = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
                await answer.write(f"--frame\r\n{told}\r\n".encode() + body + b"\r\n")
                await asyncio.sleep(1 / FPS)
        return answer
