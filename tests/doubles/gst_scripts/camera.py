"""Plays `edge/gstreamer/scripts/camera.py` without GStreamer: the pipeline's text says, in JSON, what it does.

Keys: `caps` are told in the place of the usual ones; `pictures` are given; `then` it does `hang`, `die`, `crash`,
`nonsense`, `elsewhere` (a picture where it may not write) or `fail` with `reason`, `why` and `element`; `begin` does
one of these instead of telling caps; `stamped` makes pictures as old as so many ms, null gives no time stamp;
`leftover` starts a process that outlives it, and writes its number there.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parents[3] / "edge" / "gstreamer" / "scripts"
sys.path.insert(0, str(SCRIPTS))

from link import Link, Mapped, run  # noqa: E402

CAPS = {
    "is": "caps", "width": 1920, "height": 1080, "row_bytes": 5760, "format": "RGB", "fps": 30.0, "pixel_aspect": 1.0,
    "is_live": True, "interlaced": False,
}  # fmt: skip


def end(link: Link, wish: dict[str, Any], how: str) -> None:
    if how == "hang":
        time.sleep(600)
    elif how == "crash":
        ctypes.string_at(0)
    elif how == "nonsense":
        link.send({"is": "picture", "offset": "everywhere"})
        time.sleep(600)
    elif how == "elsewhere":
        link.send({"is": "picture", "offset": 12345, "seq": 9, "taken_ns": None, "arrived_ns": time.monotonic_ns()})
        time.sleep(600)
    elif how == "fail":
        words = {key: wish.get(key, "") for key in ("why", "reason", "element")}
        link.send({"is": "failed", **words})


def work(link: Link) -> None:
    wish = json.loads(link.expect("open", 10)["pipeline"])
    if "leftover" in wish:
        child = subprocess.Popen(["sleep", "600"])
        Path(wish["leftover"]).write_text(str(child.pid))
    if "begin" in wish:
        end(link, wish, wish["begin"])
        os._exit(0)
    caps = {**CAPS, **wish.get("caps", {})}
    link.send(caps)
    memory, seq = None, 0
    while seq < wish.get("pictures", 10**9):
        message = link.receive(0.01)
        if message is None:
            continue
        if message["is"] == "memory":
            memory = Mapped(message["descriptor"], message["num_bytes"])
            continue
        seq += 1
        assert memory is not None
        ctypes.memset(memory.address + message["offset"], seq % 200, caps["height"] * caps["row_bytes"])
        ctypes.memset(memory.address + message["offset"], 255, 30)  # no picture of one colour
        now_ns, late_ms = time.monotonic_ns(), wish.get("stamped", 20)
        taken_ns = None if late_ms is None else now_ns - late_ms * 1_000_000
        link.send(
            {"is": "picture", "offset": message["offset"], "seq": seq, "taken_ns": taken_ns, "arrived_ns": now_ns}
        )
        time.sleep(wish.get("pause_s", 0.01))
    end(link, wish, wish.get("then", "hang"))


if __name__ == "__main__":
    run(work, sys.argv)
