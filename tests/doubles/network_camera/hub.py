"""Takes pictures at the camera's rate and hands each, in the wanted forms, to the connections that watch."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import simplejpeg

from tests.doubles.network_camera.encoding import Encoded, VideoEncoder
from tests.doubles.network_camera.faults import Faults
from tests.doubles.network_camera.painting import Picture, painted

_SLICE_S = 0.02
_LONGEST_QUEUE = {"jpeg": 2, "png": 2, "h264": 300, "h265": 300}
_QUALITY = 85
_ENCODER_STAYS_S = 10.0
_KEY_UNITS = {"h264": b"\x00\x00\x01\x67", "h265": b"\x00\x00\x01\x42\x01"}
"""A sequence parameter set stands before each key frame."""


@dataclass
class Counters:
    """What tests may ask for; `open` and `total` are connections, `requests` the last thousand."""

    open: int = 0
    total: int = 0
    pictures: int = 0
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=1000))

    def record(self) -> dict[str, Any]:
        return {"open": self.open, "total": self.total, "pictures": self.pictures, "requests": list(self.requests)}


class Watch:
    """One connection's pictures, as the faults let them through."""

    def __init__(self, hub: Hub, kind: str) -> None:
        self.kind = kind
        self._hub = hub
        self._queue: deque[tuple[Encoded, float]] = deque()
        self._arrived = asyncio.Event()
        self._began_s = time.monotonic()

    def put(self, encoded: Encoded) -> None:
        if not self._hub.faults.delays and len(self._queue) >= _LONGEST_QUEUE[self.kind]:
            self._queue.popleft()
        self._queue.append((encoded, time.monotonic()))
        self._arrived.set()

    async def pictures(self) -> AsyncIterator[Encoded]:
        num_given = 0
        link_free_s = held_since_s = 0.0
        while True:
            while not self._queue:
                self._arrived.clear()
                await self._arrived.wait()
            encoded, arrived_s = self._queue.popleft()
            faults = self._hub.faults
            if faults.silent or time.monotonic() - self._began_s < faults.first_frame_s:
                continue
            if faults.hold_s:
                held_since_s = held_since_s or arrived_s
                num_holds = (arrived_s - held_since_s) // faults.hold_s + 1
                await self._wait_until(held_since_s + num_holds * faults.hold_s)
            else:
                held_since_s = 0.0
            if faults.late_s:
                await self._wait_until(arrived_s + faults.late_s)
            if faults.link_bytes_s:
                link_free_s = max(link_free_s, arrived_s) + len(encoded.data) / faults.link_bytes_s
                await self._wait_until(link_free_s)
            if self._hub.faults.silent:
                continue
            yield encoded
            num_given += 1
            if 0 < self._hub.faults.close_after <= num_given:
                return

    async def _wait_until(self, moment_s: float) -> None:
        """Until then, or until no fault delays any more: what piled up is then sent at once."""
        while self._hub.faults.delays and (left_s := moment_s - time.monotonic()) > 0:
            await asyncio.sleep(min(left_s, _SLICE_S))


class Hub:
    """Shared by all connections; everything but the shooting happens in the event loop.

    Args:
        seed: of what the faults draw.
    """

    def __init__(self, faults: Faults, seed: int) -> None:
        self.faults = faults
        self.counters = Counters()
        self.random = np.random.default_rng(seed)
        self.last: dict[str, Encoded] = {}
        self._watches: list[Watch] = []
        self._loop = asyncio.get_running_loop()
        self._encoders: dict[str, VideoEncoder] = {}
        self._wanted_s: dict[str, float] = {}
        self._stopping = threading.Event()
        self._wanted: frozenset[str] = frozenset()
        threading.Thread(target=self._shoot, daemon=True).start()

    def watch(self, kind: str) -> Watch:
        watch = Watch(self, kind)
        self._watches.append(watch)
        self._want()
        return watch

    def leave(self, watch: Watch) -> None:
        self._watches.remove(watch)
        self._want()

    def exchange(self, watch: Watch, kind: str) -> None:
        """Another form of the pictures for a connection that goes on."""
        if watch.kind != kind:
            watch.kind = kind
            self._want()

    async def first(self, kind: str) -> Encoded:
        """The newest picture of this kind, or key frame ("h264 parameters"); starts what makes them."""
        watch = self.watch(kind.split()[0])
        try:
            while kind not in self.last:
                await asyncio.sleep(_SLICE_S)
            return self.last[kind]
        finally:
            self.leave(watch)

    def close(self) -> None:
        self._stopping.set()
        for encoder in self._encoders.values():
            encoder.close()

    def _want(self) -> None:
        self._wanted = frozenset(watch.kind for watch in self._watches)

    def _publish(self, kind: str, encoded: Encoded) -> None:
        self.last[kind] = encoded
        if kind in _KEY_UNITS and _KEY_UNITS[kind] in encoded.data[:200]:
            self.last[f"{kind} parameters"] = encoded
        self.counters.pictures += 1
        for watch in self._watches:
            if watch.kind == kind:
                watch.put(encoded)

    def _give(self, kind: str, encoded: Encoded) -> None:
        if not self._stopping.is_set():
            self._loop.call_soon_threadsafe(self._publish, kind, encoded)

    # ---- the shooting thread

    def _shoot(self) -> None:
        seq, due_s = 0, time.monotonic()
        picture: Picture | None = None
        while not self._stopping.is_set():
            faults = self.faults
            due_s = max(due_s + 1 / faults.fps, time.monotonic() - 0.1)
            if self._stopping.wait(max(0.0, due_s - time.monotonic())):
                return
            wanted = self._wanted | self._kept(faults.codec)
            if not wanted:
                picture = None
                continue
            if not faults.repeat or picture is None:
                picture = painted(faults.width_px, faults.height_px, time.monotonic_ns(), seq)
                seq += 1
            for kind in wanted:
                self._encode(kind, picture, faults)

    def _kept(self, codec: str) -> set[str]:
        """Encoders that run on although nobody watches: the codec's own, so that whoever comes finds it between key
        frames, and any other for a while. The rest end here."""
        now_s = time.monotonic()
        for kind in list(self._encoders):
            if kind in self._wanted or kind == codec:
                self._wanted_s[kind] = now_s
            elif now_s - self._wanted_s[kind] > _ENCODER_STAYS_S:
                self._encoders.pop(kind).close()
        return set(self._encoders)

    def _encode(self, kind: str, picture: Picture, faults: Faults) -> None:
        height_px, width_px = picture.luma.shape
        size_px = (width_px, height_px)
        if kind == "jpeg":
            planes = (picture.luma, picture.blue, picture.red)
            data = simplejpeg.encode_jpeg_yuv_planes(*planes, quality=_QUALITY, fastdct=True)
            self._give(kind, Encoded(data, picture.taken_ns, picture.seq, size_px))
        elif kind == "png":
            bgr = cv2.cvtColor(picture.luma, cv2.COLOR_GRAY2BGR)
            data = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
            self._give(kind, Encoded(data, picture.taken_ns, picture.seq, size_px))
        else:
            encoder = self._encoders.get(kind)
            if encoder is None or encoder.made_for != (kind, size_px, faults.fps, faults.key_frame_s):
                if encoder is not None:
                    encoder.close()
                encoder = VideoEncoder(
                    kind, size_px, faults.fps, faults.key_frame_s, lambda encoded: self._give(kind, encoded)
                )
                self._encoders[kind] = encoder
                self._wanted_s[kind] = time.monotonic()
            encoder.encode(picture)
