"""What a live pipeline costs: the age of its pictures when they are in the program's frames, and processor time.

    python -m benchmarks.runtime.gst_source [--seconds 10] [--format NV12]

`videotestsrc` draws at 1080p30 by itself, so the pipeline alone, into a `fakesink`, is measured beside.
"""

from __future__ import annotations

import argparse
import subprocess
import time

import psutil

from edge.guard.shared_frames import SharedFrames
from edge.health.figures import quantiles
from edge.sources.gstreamer.source import GstSource
from firmware_bridge.command_line import Parser

_SOURCE = "videotestsrc is-live=true pattern=smpte ! video/x-raw,format={},width=1920,height=1080,framerate=30/1"


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--format", default="NV12")
    args = parser.parse_args()
    pipeline = _SOURCE.format(args.format)
    alone_s = seconds_of(pipeline, args.seconds)
    frames = SharedFrames()
    source = GstSource("gst:", "gst:", pipeline, lend=frames.lend, shared=frames)
    child, own = psutil.Process(source.child_pid), psutil.Process()
    begin, before_s, own_before_s = time.monotonic(), spent_s(child), spent_s(own)
    ages_ms, num_elsewhere = [], 0
    while time.monotonic() - begin < args.seconds:
        frame = source.read()
        assert frame is not None
        ages_ms.append((time.monotonic_ns() - frame.t_capture_ns) / 1e6)
        num_elsewhere += frames.index_of(frame.image) is None
    took_s = time.monotonic() - begin
    print(f"{args.format}: {len(ages_ms) / took_s:.1f} pictures/s, {num_elsewhere} of them copied")
    print(f"age when the program has it, in ms: {quantiles(ages_ms, {'p50': 0.5, 'p95': 0.95})}")
    each = 1e3 / len(ages_ms)
    child_s, own_s = spent_s(child) - before_s, spent_s(own) - own_before_s
    print(
        f"processor time a picture: {child_s * each:.1f} ms in the process, {alone_s * each:.1f} ms of it for drawing;"
    )
    print(f"{own_s * each:.1f} ms in this program")
    source.close()


def spent_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def seconds_of(pipeline: str, seconds: float) -> float:
    """Processor time of the pipeline by itself."""
    running = subprocess.Popen(["gst-launch-1.0", "-q", *f"{pipeline} ! fakesink sync=false".split()])
    time.sleep(2.0)
    before_s = spent_s(psutil.Process(running.pid))
    time.sleep(seconds)
    took_s = spent_s(psutil.Process(running.pid)) - before_s
    running.kill()
    running.wait()
    return took_s


if __name__ == "__main__":
    main()
