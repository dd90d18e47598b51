"""Both browsers take pictures over the WebSocket under the page's own policy, and see in the pixels what they show."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.web import state_strip
from tests.doubles.firefox import FIREFOX, started_firefox
from tests.doubles.studio import Studio
from tests.doubles.waiting import GUARD_S

pytestmark = pytest.mark.slow

CHROMIUM = Path("/usr/bin/chromium")
LOOK = """new Promise((done) => {
    const socket = new WebSocket(new URL("stream.ws", location.href.replace(/^http/, "ws")));
    const canvas = document.createElement("canvas");
    const seen = [];
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(JSON.stringify({ want: "pair", width: 640 }));
    socket.onclose = ({ code, reason }) => done(JSON.stringify({ closed: code, reason }));
    socket.onmessage = async ({ data }) => {
        const size = new DataView(data).getUint32(0);
        const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, size)));
        const jpeg = new Uint8Array(data, 4 + size, header.enhanced_bytes);
        const picture = await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }));
        canvas.width = picture.width;
        canvas.height = picture.height;
        canvas.getContext("2d").drawImage(picture, 0, 0);
        if (header.state === "live") seen.push([header, canvas.toDataURL("image/png")]);
        if (seen.length < 5) return socket.send(JSON.stringify({ next: header.seq }));
        socket.onclose = null;
        socket.close();
        done(JSON.stringify({ seen }));
    };
})"""


@contextlib.contextmanager
def started_chromium(folder: Path) -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make venv-dev)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(GUARD_S * 1000)
        yield page
        browser.close()


@pytest.fixture(params=["Chromium", "Firefox"])
def page(request: pytest.FixtureRequest, tmp_path: Path, studio: Studio) -> Iterator[Any]:
    """The unit's page, loaded."""
    if request.param == "Chromium" and not CHROMIUM.exists():
        pytest.skip("chromium is not installed (apt-get install chromium)")
    if request.param == "Firefox" and FIREFOX is None:
        pytest.skip("Firefox is not installed (apt-get install firefox-esr)")
    start = started_chromium if request.param == "Chromium" else started_firefox
    with start(tmp_path) as page:
        page.goto(studio.url)
        for _ in range(GUARD_S * 10):
            if page.evaluate(f"location.href === '{studio.url}' && document.readyState !== 'loading'"):
                break
            time.sleep(0.1)
        yield page


def test_a_browser_reads_the_strip_of_what_it_draws(studio: Studio, page: Any) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
    studio.roll(noise, noise)
    told = json.loads(page.evaluate(LOOK))
    assert "seen" in told, told
    seqs = []
    for header, url in told["seen"]:
        png = np.frombuffer(base64.b64decode(url.partition(",")[2]), np.uint8)
        picture = np.asarray(cv2.imdecode(png, cv2.IMREAD_COLOR_RGB), np.uint8)
        assert picture.shape == (360, 640, 3)
        assert state_strip.read(picture) == state_strip.Stripe(header["seq"], "live", "enhanced")
        seqs.append(header["seq"])
    assert seqs == sorted(set(seqs))
