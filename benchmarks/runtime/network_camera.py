"""`python -m benchmarks.runtime.network_camera`: CPU time of a network camera's pictures, beside OpenCV's reader.

A camera of our own (`tests/doubles/network_camera`) sends 1080p30. Each reader runs in a process of its own, in turn;
its children count.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import cv2
import psutil

from edge.health.machine import machine_line
from edge.sources.network.open import open_network_camera
from firmware_bridge.command_line import Parser
from tests.doubles.network_camera.camera import NetworkCamera


def opencv_reader(uri: str) -> Callable[[], Any]:
    """Decoded by FFmpeg inside OpenCV with one thread, channels swapped in place."""
    capture = cv2.VideoCapture(uri, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])

    def read() -> Any:
        _, bgr = capture.read()
        return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=bgr)

    return read


def cpu_ms_per_frame(read: Callable[[], Any], seconds: float) -> float:
    """Of this process and its children."""
    read()
    here = psutil.Process()
    processes = [here, *here.children(recursive=True)]
    begin_s = [sum(one.cpu_times()[:2]) for one in processes]
    end_s, num = time.monotonic() + seconds, 0
    while time.monotonic() < end_s:
        read()
        num += 1
    spent_s = sum(sum(one.cpu_times()[:2]) - before for one, before in zip(processes, begin_s, strict=True))
    return 1e3 * spent_s / num


def main() -> None:
    parser = Parser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--reader", choices=("opencv", "ours"), help=argparse.SUPPRESS)
    parser.add_argument("--uri", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.reader:
        source = opencv_reader(args.uri) if args.reader == "opencv" else open_network_camera(args.uri).read
        print(cpu_ms_per_frame(source, args.seconds), flush=True)
        return
    print(machine_line())
    for scheme in ("http", "rtsp"):
        with NetworkCamera() as camera:
            found: dict[str, list[float]] = {"opencv": [], "ours": []}
            for _ in range(args.rounds):
                for name, figures in found.items():
                    figures.append(_measured(name, camera.url(scheme), args.seconds))
        ratio = median(ours / theirs for ours, theirs in zip(found["ours"], found["opencv"], strict=True))
        ours, theirs = median(found["ours"]), median(found["opencv"])
        print(f"{scheme}: OpenCV {theirs:.1f}, ours {ours:.1f} ms CPU a frame: {ratio:.2f}")


def _measured(name: str, uri: str, seconds: float) -> float:
    command = [sys.executable, "-m", "benchmarks.runtime.network_camera", "--reader", name, "--uri", uri]
    done = subprocess.run([*command, "--seconds", str(seconds)], capture_output=True, text=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    main()
