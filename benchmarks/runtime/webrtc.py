"""`python -m benchmarks.runtime.webrtc`: from a picture to its pixels in Chromium, by WebRTC.

A unit that is only its web interface and its video process (`tests/doubles/video_unit.py`) shows 1080p30. A page takes
it by `edge/web/page/webrtc.js`, draws each picture into a canvas and reads back from its pixels which one it is; the
unit has written down when it took that one. Clocks are this machine's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from playwright.sync_api import sync_playwright

from edge.health.machine import machine_line
from firmware_bridge.command_line import Parser

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--allow-loopback-in-peer-connection"]
WATCH = """async (view) => {
    const { VideoStream, readStrip } = await import("/webrtc.js");
    window.got = [];
    const canvas = Object.assign(document.createElement("canvas"), { width: 1920, height: 1080 });
    const pen = canvas.getContext("2d");
    window.stream = new VideoStream(({ enhanced, raw }) => {
        pen.drawImage(enhanced ?? raw, 0, 0);
        const { seq } = readStrip(canvas) ?? {};
        got.push([seq, performance.timeOrigin + performance.now()]);
        enhanced?.close();
        raw?.close();
    });
    stream.want(view);
    stream.run(new AbortController().signal);
}"""


def spent_s(process: psutil.Process) -> float:
    """Processor time of a process and its children."""
    return sum(sum(one.cpu_times()[:2]) for one in [process, *process.children(recursive=True)])


def watched(url: str, view: str, seconds: float, unit: psutil.Process) -> tuple[list[list[float]], float]:
    """What was drawn and when, and processor time of the unit a second."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page: Any = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.goto(f"{url}login")
        page.evaluate(WATCH, view)
        until_s = time.monotonic() + 60
        while page.evaluate("got.length") < 30 and time.monotonic() < until_s:
            time.sleep(0.1)
        page.evaluate("got.length = 0")
        begin_s, spent_before_s = time.monotonic(), spent_s(unit)
        time.sleep(seconds)
        got, took_s = page.evaluate("got"), time.monotonic() - begin_s
        spent = (spent_s(unit) - spent_before_s) / took_s
        browser.close()
    return got, spent


def main() -> None:
    parser = Parser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--fps", type=float, default=30)
    parser.add_argument("--view", choices=("enhanced", "raw", "pair"), default="raw")
    args = parser.parse_args()
    print(machine_line())
    with tempfile.TemporaryDirectory() as folder:
        moments = Path(folder) / "moments"
        command = [sys.executable, "-m", "tests.doubles.video_unit", "--fps", str(args.fps), "--moments", str(moments)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as unit:
            assert unit.stdout is not None, "a pipe was asked for"
            try:
                url = json.loads(unit.stdout.readline())["url"]
                got, spent = watched(url, args.view, args.seconds, psutil.Process(unit.pid))
            finally:
                unit.terminate()
        taken = {int(seq): float(ms) for seq, ms in (line.split() for line in moments.read_text().splitlines())}
    ages_ms = [drawn_ms - taken[int(seq)] for seq, drawn_ms in got if seq is not None]
    if not ages_ms:
        sys.exit("nothing was shown")
    p50, p95 = np.percentile(ages_ms, [50, 95])
    print(
        f"{args.view}: {len(ages_ms) / args.seconds:.1f} pictures/s, p50 {p50:.0f} ms, p95 {p95:.0f} ms, "
        f"unit {spent:.0%} of a core (its painting of test pictures included)"
    )


if __name__ == "__main__":
    main()
