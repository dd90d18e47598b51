"""The transports that are measured. Another one is a line here and, in a browser, a function in `page/drawing.js`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.runtime.streams.measured import Meter, Seen, Wish

CHROMIUM = "/usr/bin/chromium"
PAGE_DIR = Path(__file__).parent / "page"
WARM_UP_S = 5.0
Measure = Callable[[psutil.Process, str, Wish], Seen]


def in_chromium(transport: str, unit: psutil.Process, address: str, wish: Wish) -> Seen:
    """What a headless Chromium draws, software rendering.

    Args:
        transport: its function in `page/drawing.js`; empty for the unit's own page as it is.
    """
    from playwright.sync_api import sync_playwright

    width_px, height_px = wish.window_px
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            page = browser.new_page(viewport={"width": width_px, "height": height_px})
            page.on("console", _tell)
            if transport:
                page.goto(f"{address}health")  # of the unit, and without a policy that forbids what follows
                wished = json.dumps({"view": wish.view, "width": min(width_px, 1920)})
                begin = f"setTimeout(() => TRANSPORTS[{transport!r}]({wished}), 0)"  # it may never end: not waited for
                page.evaluate(f"{_script('reading.js', 'drawing.js')}; {begin}")
            else:
                page.add_init_script(f"{_script('reading.js', 'watching.js')}; watch()")
                page.goto(address)
            _wait_for_pictures(page)
            time.sleep(WARM_UP_S)
            page.evaluate("window.samples = []; window.notLive = window.covered = 0")
            ours, viewer = Meter(unit), Meter(psutil.Process(os.getpid()))
            time.sleep(wish.seconds)
            samples, not_live, covered = page.evaluate("[window.samples, window.notLive, window.covered]")
            cores = ours.cores()
            covered = None if transport else covered
            return Seen(np.asarray(samples, float), not_live, covered, cores, viewer.cores() - cores)
        finally:
            browser.close()


def _tell(message: Any) -> None:
    if message.type == "error" and "Failed to load resource" not in message.text:  # a favicon
        print(f"  page: {message.text}")


def _script(*names: str) -> str:
    return ";".join((PAGE_DIR / name).read_text() for name in names)


def _wait_for_pictures(page: Any) -> None:
    until_s = time.monotonic() + 60
    while time.monotonic() < until_s:
        if page.evaluate("window.samples.length") > 0:
            return
        time.sleep(0.2)
    raise RuntimeError("no picture was drawn for a minute")


TRANSPORTS: Mapping[str, Measure] = {
    **{name: partial(in_chromium, name) for name in ("websocket", "websocket, asked ahead", "mjpeg")},
    "the unit's page": partial(in_chromium, ""),
}
