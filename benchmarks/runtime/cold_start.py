"""Cold start: from exec to the first raw and the first enhanced picture that a viewer receives.

python -m benchmarks.runtime.cold_start --num 10
"""

from __future__ import annotations

import argparse
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cv2

from edge.health.machine import machine_line
from edge.sources.demo.render import DemoRenderer
from firmware_bridge.command_line import Parser

GIVE_UP_S = 120.0


@dataclass(frozen=True)
class Start:
    """Seconds from exec until the whole JPEG was received."""

    first_raw_s: float
    first_enhanced_s: float


def cold_start(source: str) -> Start:
    """Start the program once, as a service would, with a viewer that asks from the first moment on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = [sys.executable, "-m", "edge.cli", "--live", "--source", source, "--listen", f"127.0.0.1:{port}"]
    begin = time.monotonic()
    program = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ})
    seen: dict[str, float] = {}
    try:
        stream = _first_answer(program, port, begin)
        size, mode, state = 0, "", ""
        while "enhanced" not in seen and time.monotonic() - begin < GIVE_UP_S:
            line = stream.readline()
            if not line:
                raise RuntimeError("the stream ended before an enhanced picture came")
            name, _, value = line.decode("latin-1").strip().partition(": ")
            if name == "Content-Length":
                size = int(value)
            elif name == "X-Mode":
                mode = value
            elif name == "X-State":
                state = value
            elif not name and size:
                stream.read(size)
                size = 0
                if state == "live":
                    seen.setdefault(mode, time.monotonic() - begin)
                    seen.setdefault("raw", seen[mode])  # an enhanced picture first: there was no raw one to wait for
    finally:
        program.send_signal(signal.SIGTERM)
        program.wait(20)
    return Start(seen["raw"], seen["enhanced"])


def _picture(folder: Path) -> str:
    """One frame of the demo as a file."""
    path = folder / "throat.png"
    cv2.imwrite(str(path), cv2.cvtColor(DemoRenderer(0, 30.0).degraded(12), cv2.COLOR_RGB2BGR))
    return str(path)


def _first_answer(program: subprocess.Popen[bytes], port: int, begin: float) -> http.client.HTTPResponse:
    while time.monotonic() - begin < GIVE_UP_S:
        if program.poll() is not None:
            raise RuntimeError(f"the program ended with code {program.returncode}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP_S)
        try:
            connection.request("GET", "/stream.mjpg?view=enhanced")
            return connection.getresponse()
        except ConnectionError:
            time.sleep(0.005)
    raise RuntimeError("the program did not answer")


def main() -> int:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num", type=int, default=10, help="starts; the median counts (default 10)")
    parser.add_argument("--source", help="a picture by default: it opens as fast as a camera, the demo first paints")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cold-start-") as folder:
        source = args.source or _picture(Path(folder))
        starts = [cold_start(source) for _ in range(args.num)]
    raw = sorted(start.first_raw_s for start in starts)
    enhanced = sorted(start.first_enhanced_s for start in starts)
    sys.stdout.write(f"{args.num} starts; {machine_line()}\n\n")
    sys.stdout.write("| cold start, s | median | max |\n|---|---|---|\n")
    sys.stdout.write(f"| to the first raw picture | {median(raw):.2f} | {raw[-1]:.2f} |\n")
    sys.stdout.write(f"| to the first enhanced picture | {median(enhanced):.2f} | {enhanced[-1]:.2f} |\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
