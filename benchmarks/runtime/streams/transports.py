"""The transports that are measured. Another one is a line here and, in a browser, a function in `page/app.js`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import psutil

from benchmarks.runtime.streams.measured import Meter, Seen, Wish

CHROMIUM = "/usr/bin/chromium"
WARM_UP_S = 5.0
Measure = Callable[[psutil.Process, str, Wish], Seen]


def in_chromium(transport: str, unit: psutil.Process, address: str, wish: Wish) -> Seen:
    """What a headless Chromium draws, software rendering.

    Args:
        transport: its function in `page/app.js`.
    """
    from playwright.sync_api import sync_playwright

    width_px, height_px = wish.window_px
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            page = browser.new_page(viewport={"width": width_px, "height": height_px})
            page.on("console", lambda message: print(f"  page: {message.text}") if message.type == "error" else None)
            page.goto(f"{address}?transport={transport}&view={wish.view}&width={min(width_px, 1920)}")
            _wait_for_pictures(page)
            time.sleep(WARM_UP_S)
            page.evaluate("window.samples = [], window.unread = window.notLive = 0")
            ours, viewer = Meter(unit), Meter(psutil.Process(os.getpid()))
            time.sleep(wish.seconds)
            seen = page.evaluate("[window.samples, window.unread, window.notLive]")
            return Seen(np.asarray(seen[0], float), seen[1], seen[2], ours.cores(), viewer.cores() - ours.cores())
        finally:
            browser.close()


def _wait_for_pictures(page: Any) -> None:
    until_s = time.monotonic() + 60
    while time.monotonic() < until_s:
        if page.evaluate("window.samples.length") > 0:
            return
        time.sleep(0.2)
    raise RuntimeError("no picture was drawn for a minute")


TRANSPORTS: Mapping[str, Measure] = {
    name: partial(in_chromium, name) for name in ("websocket", "websocket, asked ahead", "mjpeg")
}
