"""The real program with one real viewer, watched from outside."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import mean
from typing import Any

import psutil

WARM_UP_S = 5.0


@dataclass(frozen=True)
class Run:
    """What was seen of one run.

    Attributes:
        fps: distinct pictures per second that the viewer received.
        health: the last /health.
        rss_mib: resident memory, once a second.
    """

    fps: float
    health: dict[str, Any]
    rss_mib: list[float]

    def memory_growth(self) -> float | None:
        """Mean of the last minute over the mean of the second one, minus 1; None for runs under three minutes."""
        if len(self.rss_mib) < 180:
            return None
        return mean(self.rss_mib[-60:]) / mean(self.rss_mib[60:120]) - 1


@contextmanager
def _program(source: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "edge.cli", "--live", "--source", source, "--listen", f"127.0.0.1:{port}"]
    program = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield program
    finally:
        program.terminate()
        program.wait(10)


def get_json(port: int) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return dict(json.loads(connection.getresponse().read()))
    finally:
        connection.close()


class Viewer(threading.Thread):
    """Reads the MJPEG stream and notes when each new picture, by its X-Seq, has come whole."""

    def __init__(self, port: int, view: str) -> None:
        super().__init__(daemon=True)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._view = view
        self.arrivals_s: list[float] = []

    @property
    def num_pictures(self) -> int:
        return len(self.arrivals_s)

    def run(self) -> None:
        self._connection.request("GET", f"/stream.mjpg?view={self._view}")
        stream, seq, seen = self._connection.getresponse(), b"", b""
        size = 0
        while line := stream.readline():
            name, _, value = line.strip().partition(b": ")
            if name.lower() == b"content-length":
                size = int(value)
            elif name.lower() == b"x-seq":
                seq = value
            elif not line.strip() and size:
                stream.read(size)
                size = 0
                if seq != seen:
                    seen = seq
                    self.arrivals_s.append(time.monotonic())


def watch(source: str, port: int, seconds: float) -> Run:
    """Start the program, look at the enhanced view for so long, stop it."""
    with _program(source, port) as program:
        deadline = time.monotonic() + 60
        while True:
            try:
                if get_json(port)["frames"] > 0:
                    break
            except OSError:
                if program.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the program did not start on port {port}") from None
            time.sleep(0.2)
        viewer = Viewer(port, "enhanced")
        viewer.start()
        time.sleep(WARM_UP_S)
        process, rss_mib = psutil.Process(program.pid), []
        begin, first = time.monotonic(), viewer.num_pictures
        while (elapsed := time.monotonic() - begin) < seconds:
            rss_mib.append(process.memory_info().rss / 2**20)
            time.sleep(min(1.0, seconds - elapsed))
        fps = (viewer.num_pictures - first) / (time.monotonic() - begin)
        return Run(fps, get_json(port), rss_mib)
