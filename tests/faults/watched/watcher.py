"""The independent watcher: reads the stream as a viewer does and writes down what each picture shows, a JSON line each.

A process of its own. It knows the stream's outer form (multipart, Content-Length, where the second half of a pair
begins); everything that it judges it reads from the pixels.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import simplejpeg

from tests.faults.watched.pictures import Reader, Seen

RECONNECT_S = 0.05
_CHUNK_BYTES = 1 << 18


@dataclass(frozen=True)
class Part:
    """One part of the multipart stream.

    Attributes:
        first_ns, last_ns: monotonic, when the first and the last byte of its pictures had come.
        sent_ms: the sender's own clock, from X-Sent-Ms; only the transport's time is measured by it.
        told_age_ms: X-Age-Ms, how old the sender said the picture was then; not a number where it said nothing.
    """

    body: bytes
    num_bytes_first: int
    first_ns: int
    last_ns: int
    sent_ms: float
    told_age_ms: float


class Stream:
    """A plain HTTP client, so that each byte's arrival is known."""

    def __init__(self, port: int, view: str, timeout_s: float = 30.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self._buffer = bytearray()
        request = f"GET /stream.mjpg?view={view} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
        self._socket.sendall(request.encode())
        head = self._until(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise ConnectionError(head.decode("latin-1"))
        self._chunked = b"chunked" in head.lower()
        self._plain = bytearray()

    def parts(self) -> Iterator[Part]:
        while True:
            head = self._plain_until(b"\r\n\r\n")
            fields = {}
            for line in head.split(b"\r\n"):
                name, colon, value = line.partition(b":")
                if colon:
                    fields[name.strip().lower()] = value.strip()
            if b"content-length" not in fields:
                continue
            length = int(fields[b"content-length"])
            first_ns = time.monotonic_ns()
            while len(self._plain) < length:
                self._more_plain()
            last_ns = time.monotonic_ns()
            body = bytes(self._plain[:length])
            del self._plain[:length]
            first = int(fields.get(b"x-enhanced-bytes", length))
            sent_ms, age_ms = (float(fields.get(name, b"nan")) for name in (b"x-sent-ms", b"x-age-ms"))
            yield Part(body, first, first_ns, last_ns, sent_ms, age_ms)

    def close(self) -> None:
        self._socket.close()

    def _more(self) -> None:
        data = self._socket.recv(_CHUNK_BYTES)
        if not data:
            raise ConnectionError("the stream ended")
        self._buffer += data

    def _until(self, mark: bytes) -> bytes:
        while (end := self._buffer.find(mark)) < 0:
            self._more()
        head = bytes(self._buffer[:end])
        del self._buffer[: end + len(mark)]
        return head

    def _more_plain(self) -> None:
        """Bytes as they come; in HTTP's chunked form the part of a chunk that is here counts at once."""
        if not self._chunked:
            if not self._buffer:
                self._more()
            self._plain += self._buffer
            self._buffer.clear()
            return
        size = int(self._until(b"\r\n").split(b";")[0], 16)
        if size == 0:
            raise ConnectionError("the stream ended")
        while len(self._buffer) < size + 2:
            self._more()
        self._plain += self._buffer[:size]
        del self._buffer[: size + 2]

    def _plain_until(self, mark: bytes) -> bytes:
        while (end := self._plain.find(mark)) < 0:
            self._more_plain()
        head = bytes(self._plain[:end])
        del self._plain[: end + len(mark)]
        return head


class Watch:
    """Receives in one thread and reads pixels in another: a slow reading never makes an arrival look late.

    Args:
        write: takes each record.
    """

    def __init__(self, port: int, reader: Reader, write: Any) -> None:
        self._port, self._reader, self._write = port, reader, write
        self._newest: Part | None = None
        self._num_skipped = 0
        self._changed = threading.Condition()

    def run(self) -> None:
        threading.Thread(target=self._read_pixels, daemon=True).start()
        while True:
            stream = None
            try:
                stream = Stream(self._port, "pair")
                self._write({"event": "connected", "at_ns": time.monotonic_ns()})
                for part in stream.parts():
                    with self._changed:
                        self._num_skipped += self._newest is not None
                        self._newest = part
                        self._changed.notify()
            except (OSError, ValueError) as error:
                if stream is not None:
                    self._write({"event": "disconnected", "at_ns": time.monotonic_ns(), "why": str(error)})
            finally:
                if stream is not None:
                    stream.close()
            time.sleep(RECONNECT_S)

    def _read_pixels(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None)
                part, self._newest = self._newest, None
                skipped, self._num_skipped = self._num_skipped, 0
            assert part is not None, "waited for"
            record: dict[str, Any] = {
                "event": "picture",
                "first_ns": part.first_ns,
                "last_ns": part.last_ns,
                "sent_ms": part.sent_ms,
                "skipped": skipped,
            }
            for name, jpeg in (
                ("enhanced", part.body[: part.num_bytes_first]),
                ("raw", part.body[part.num_bytes_first :]),
            ):
                record[name] = seen_record(self._seen(jpeg), part.last_ns)
            self._write(record)

    def _seen(self, jpeg: bytes) -> Seen | None:
        with contextlib.suppress(ValueError):
            image = simplejpeg.decode_jpeg(jpeg, "RGB", fastdct=True, min_height=540, min_width=960, min_factor=1)
            if image.shape[0] != 540:
                image = cv2.resize(image, (960, 540), interpolation=cv2.INTER_AREA)
            return self._reader.seen(image)
        return None


def seen_record(seen: Seen | None, arrived_ns: int) -> dict[str, Any] | None:
    """As it stands in a record; None for a picture that cannot be decoded."""
    if seen is None:
        return None
    code = seen.code
    return {
        "state": seen.state,
        "mode": seen.mode,
        "pixels": seen.pixels,
        "seq": None if code is None else code.seq,
        "kind": None if code is None else code.kind,
        "age_ms": None if code is None else round(code.age_ms(arrived_ns), 1),
        "difference": None if seen.difference is None else round(seen.difference, 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("frames")
    args = parser.parse_args()
    with contextlib.suppress(OSError):  # a watcher that waits for a core would see every picture late
        os.nice(-15)
    lock = threading.Lock()

    def write(record: dict[str, Any]) -> None:
        with lock:
            sys.stdout.write(json.dumps(record) + "\n")
            sys.stdout.flush()

    Watch(args.port, Reader(np.load(args.frames, mmap_mode="r")), write).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
