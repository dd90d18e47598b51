"""Plays `edge/gstreamer/scripts/screen.py` without a screen; what it does is the name of the sink.

`good` shows all, `bad` fails at once, `hangs` shows one picture and no more, `dies` ends after one, `absent` has no
GStreamer. What it shows it writes into the file that $EDGE_TEST_SCREEN names: a byte of the middle row, a line each.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[3] / "edge" / "gstreamer" / "scripts"
sys.path.insert(0, str(SCRIPTS))

from link import Link, Mapped, run  # noqa: E402


def work(link: Link) -> None:
    order = link.expect("open", 10)
    memory = Mapped(order["descriptor"], order["num_bytes"])
    sink = order["sinks"][0]
    if sink in ("bad", "absent"):
        why = "lost" if sink == "bad" else sink
        link.send({"is": "failed", "why": why, "reason": f"{sink}: it was asked to"})
        return
    link.send({"is": "ready", "sink": sink})
    num_shown = 0
    while True:
        message = link.receive(1.0)
        if message is None:
            continue
        num_shown += 1
        if num_shown > 1 and sink == "dies":
            return
        if num_shown > 1 and sink == "hangs":
            time.sleep(600)
        middle = memory.address + message["offset"] + 540 * 5760 + 3000
        with Path(os.environ["EDGE_TEST_SCREEN"]).open("a") as file:
            file.write(f"{ctypes.string_at(middle, 1)[0]}\n")
        link.send({"is": "shown", "offset": message["offset"], "shown_ns": time.monotonic_ns()})


if __name__ == "__main__":
    run(work, sys.argv)
