"""One direction of a bad cable: bytes lost, altered, repeated and late, but never out of order."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LineFaults:
    """Shares are of bytes, from 0 to 1; `repeat` is of whole writes.

    Attributes:
        delay_ms: what every write takes longer.
        jitter_ms: up to so much more, drawn for each write.
    """

    drop: float = 0.0
    corrupt: float = 0.0
    duplicate: float = 0.0
    repeat: float = 0.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0


class FaultyLine:
    """Bytes put in at one end come out, damaged, at the other."""

    def __init__(self, faults: LineFaults = LineFaults(), seed: int | None = None) -> None:
        self.faults = faults
        self._random = random.Random(seed)
        self._on_the_way: deque[tuple[int, bytes]] = deque()

    def put(self, data: bytes, now_ns: int) -> None:
        """Write at one end."""
        if not data:
            return
        if self._random.random() < self.faults.repeat:
            data += data
        late_ms = self.faults.delay_ms + self._random.random() * self.faults.jitter_ms
        due_ns = now_ns + round(late_ms * 1e6)
        if self._on_the_way:
            due_ns = max(due_ns, self._on_the_way[-1][0])
        self._on_the_way.append((due_ns, self._damaged(data)))

    def take(self, now_ns: int) -> bytes:
        """Read at the other end what has come through by now."""
        arrived = bytearray()
        while self._on_the_way and self._on_the_way[0][0] <= now_ns:
            arrived += self._on_the_way.popleft()[1]
        return bytes(arrived)

    def clear(self) -> None:
        """Lose everything that is on the way, as when the plug is pulled."""
        self._on_the_way.clear()

    def _damaged(self, data: bytes) -> bytes:
        drop, corrupt, duplicate = self.faults.drop, self.faults.corrupt, self.faults.duplicate
        if not (drop or corrupt or duplicate):
            return data
        draw = self._random.random
        out = bytearray()
        for byte in data:
            if draw() < drop:
                continue
            if draw() < corrupt:
                byte ^= self._random.randrange(1, 256)
            out.append(byte)
            if draw() < duplicate:
                out.append(byte)
        return bytes(out)
