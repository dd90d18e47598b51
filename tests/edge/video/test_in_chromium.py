"""WebRTC from the real video process to a real Chromium: what is shown, how old it is told to be, and who goes away."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.config import VideoConfig
from edge.pictures.image import Image
from edge.video.peer_limits import SILENT_S
from tests.doubles.studio import ENHANCED_RED, RAW_GREEN
from tests.doubles.video_unit import VideoStudio
from tests.doubles.waiting import GUARD_S

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make venv-dev)")

CHROMIUM = Path("/usr/bin/chromium")
HAS_PARTS = subprocess.run(
    ["/usr/bin/python3", "-I", "-c", "import gi; gi.require_version('GstWebRTC', '1.0')"], check=False
).returncode
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM}"),
    pytest.mark.skipif(HAS_PARTS != 0, reason="apt-get install gir1.2-gst-plugins-bad-1.0 gstreamer1.0-nice"),
]
ON_LOOPBACK = ["--no-sandbox", "--allow-loopback-in-peer-connection"]
WATCH = """async (view) => {
    const { VideoStream } = await import("/webrtc.js");
    const colourOf = (picture) => {
        if (!picture) return null;
        const pen = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
        pen.drawImage(picture, 0, 0);
        return [...pen.getImageData(picture.width * 0.5, picture.height * 0.7, 1, 1).data].slice(0, 3);
    };
    window.got = [];
    window.ending = new AbortController();
    window.stream = new VideoStream(({ enhanced, raw, bornMs, ...told }) => {
        const colours = { enhanced: colourOf(enhanced), raw: colourOf(raw) };
        got.push({ ...told, ...colours, bornUnixMs: performance.timeOrigin + bornMs });
        enhanced?.close();
        raw?.close();
    });
    stream.want(view);
    window.ended = null;
    const end = (told) => { window.ended = told; };
    stream.run(ending.signal).then((shown) => end({ shown }), (error) => end({ error: error.message }));
}"""


def big(colour: tuple[int, int, int]) -> Image:
    return np.full((540, 960, 3), colour, np.uint8)


def wait_until(holds: Callable[[], object], what: str) -> None:
    until_s = time.monotonic() + GUARD_S
    while not holds():
        assert time.monotonic() < until_s, f"did not come true: {what}"
        time.sleep(0.05)


def watch(page: Any, url: str, view: str) -> None:
    """Begin, and wait for pictures."""
    wait_can(url)
    page.goto(f"{url}login")
    for _ in range(3):  # a machine that is too busy to answer is asked again, as by the page
        page.evaluate(WATCH, view)
        wait_until(lambda: num_got(page) > 3 or page.evaluate("ended"), f"pictures of {view}")
        if page.evaluate("ended") is None:
            return
    raise AssertionError(page.evaluate("ended"))


def wait_can(url: str) -> None:
    def can() -> bool:
        with urllib.request.urlopen(f"{url}api/state", timeout=GUARD_S) as answer:
            return bool(json.load(answer)["can"]["webrtc"])

    wait_until(can, "the unit can WebRTC")


def num_got(page: Any) -> int:
    return int(page.evaluate("got.length"))


def goes_on(page: Any) -> None:
    """New pictures come."""
    before = num_got(page)
    wait_until(lambda: num_got(page) > before + 3, "new pictures")


@contextlib.contextmanager
def chromium(*more: str) -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=[*ON_LOOPBACK, *more])
        yield browser
        with contextlib.suppress(playwright.Error):
            browser.close()


@pytest.fixture
def unit() -> Iterator[VideoStudio]:
    made = VideoStudio()
    made.taken_unix_ms = {}
    show = made.show

    def noted(*args: Any, **more: Any) -> Any:
        pair = show(*args, **more)
        ago_ms = (time.monotonic_ns() - pair.raw.t_capture_ns) / 1e6
        made.taken_unix_ms[pair.raw.seq] = time.time() * 1e3 - ago_ms
        return pair

    made.show = noted
    made.roll(big(RAW_GREEN), big(ENHANCED_RED))
    yield made
    made.close()


def is_near(colour: list[int], expected: tuple[int, int, int]) -> bool:
    return all(abs(got - want) < 12 for got, want in zip(colour, expected, strict=True))


def test_raw_and_enhanced_of_one_frame_come_together_as_old_as_they_are(unit: VideoStudio) -> None:
    with chromium() as browser:
        page = browser.new_page()
        watch(page, unit.url, "pair")
        wait_until(lambda: num_got(page) > 40, "forty pictures")
        got = page.evaluate("got")
        assert page.evaluate("stream.numUnread") == 0
    seqs = [one["seq"] for one in got]
    assert seqs == sorted(seqs)  # the same again where none that is newer was live
    assert all(is_near(one["enhanced"], ENHANCED_RED) and is_near(one["raw"], RAW_GREEN) for one in got)
    assert {(one["width"], one["height"]) for one in got} == {(640, 360)}
    live = [one for one in got[10:] if one["state"] == "live"]
    assert live
    off_ms = [one["bornUnixMs"] - unit.taken_unix_ms[one["seq"]] for one in live]
    assert abs(statistics.median(off_ms)) < 30, "told to be as old as it is"


@pytest.mark.parametrize(("view", "expected"), [("enhanced", ENHANCED_RED), ("raw", RAW_GREEN)])
def test_a_view_alone(unit: VideoStudio, view: str, expected: tuple[int, int, int]) -> None:
    with chromium() as browser:
        page = browser.new_page()
        watch(page, unit.url, view)
        one = page.evaluate("got.at(-1)")
        assert is_near(one[view], expected)
        assert one["mode"] == view
        assert one["enhanced" if view == "raw" else "raw"] is None


@pytest.mark.parametrize("encoder", ["x264enc", "openh264enc"])
def test_colours_of_large_pictures(encoder: str) -> None:
    """Browsers take what says nothing of its colours for ITU-R BT.601 or BT.709 by its size."""
    if subprocess.run(["gst-inspect-1.0", encoder], check=False, capture_output=True).returncode:
        pytest.skip(f"GStreamer has no {encoder}")
    unit = VideoStudio(VideoConfig(encoder=encoder))
    unit.roll(np.full((720, 1280, 3), RAW_GREEN, np.uint8), np.full((720, 1280, 3), ENHANCED_RED, np.uint8))
    try:
        with chromium() as browser:
            page = browser.new_page()
            watch(page, unit.url, "enhanced")
            one = page.evaluate("got.at(-1)")
    finally:
        unit.close()
    assert (one["width"], one["height"]) == (1280, 720)
    assert all(abs(got - want) < 6 for got, want in zip(one["enhanced"], ENHANCED_RED, strict=True))


def test_a_frozen_picture_says_so(unit: VideoStudio) -> None:
    with chromium() as browser:
        page = browser.new_page()
        watch(page, unit.url, "enhanced")
        seq = unit.freeze().raw.seq
        wait_until(lambda: page.evaluate("got.at(-1).state") == "frozen", "frozen")
        assert page.evaluate("got.at(-1).seq") == seq
        goes_on(page)  # its age counts up


def test_of_three_viewers_one_is_stopped_and_one_killed(unit: VideoStudio) -> None:
    mark = f"--edge-{secrets.token_hex(6)}"
    with chromium() as browser, chromium_of_its_own(unit.url, mark) as other:
        page = browser.new_page()
        watch(page, unit.url, "enhanced")
        wait_until(lambda: unit.parts.num_viewers() == 2, "two look")
        os.killpg(other, signal.SIGSTOP)
        goes_on(page)
        wait_until(lambda: unit.parts.num_viewers() == 1, f"the stopped one is dropped after {SILENT_S} s")
        goes_on(page)
        page.close()  # without a goodbye to speak of
        wait_until(lambda: unit.parts.num_viewers() == 0, "the closed one is gone")


@contextlib.contextmanager
def chromium_of_its_own(url: str, mark: str) -> Iterator[int]:
    """A viewer in a process group of its own."""
    script = (
        "import sys; from tests.edge.video.test_in_chromium import *\n"
        f"with chromium('{mark}') as browser:\n"
        f"    watch(browser.new_page(), '{url}', 'enhanced')\n"
        "    print('ready', flush=True); sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    group = 0
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        group = next(os.getpgid(pid) for pid in pids_with(mark))
        yield group
    finally:
        for one in {group, process.pid} - {0}:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one, signal.SIGKILL)
        process.wait()


def pids_with(mark: str) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if mark.encode() in words and b"--type=renderer" not in words:
                    yield int(entry.name)


def test_a_unit_that_is_stopped_gives_no_picture_that_counts_as_new() -> None:
    command = [sys.executable, "-m", "tests.doubles.video_unit", "--fps", "15", "--size", "640x360"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as unit:
        try:
            assert unit.stdout is not None
            url = json.loads(unit.stdout.readline())["url"]
            with chromium() as browser:
                page = browser.new_page()
                watch(page, url, "enhanced")
                unit.send_signal(signal.SIGSTOP)
                seen = [[0.0, 0]]

                def is_over() -> bool:
                    time.sleep(1.0)
                    seen.append(page.evaluate("[stream.lastPartMs, got.at(-1).seq]"))
                    return seen[-1] == seen[-2]

                wait_until(is_over, "what was on its way has arrived")
                last_ms, last_seq = seen[-1]
                time.sleep(1.5)
                assert page.evaluate("[stream.lastPartMs, got.at(-1).seq]") == [last_ms, last_seq]
                assert page.evaluate("performance.now() - stream.lastPartMs") > 1500
                unit.send_signal(signal.SIGCONT)
                wait_until(lambda: page.evaluate("ended") or num_got(page), "it ends or goes on")
        finally:
            unit.send_signal(signal.SIGCONT)
            unit.terminate()


def test_a_video_process_that_dies_ends_the_stream_and_comes_back(unit: VideoStudio) -> None:
    with chromium() as browser:
        page = browser.new_page()
        watch(page, unit.url, "enhanced")
        os.kill(unit.parts.process_id, signal.SIGKILL)
        wait_until(lambda: page.evaluate("ended"), "the page is told")
        assert page.evaluate("ended") == {"shown": True}
        wait_until(lambda: unit.parts.num_viewers() == 0, "nobody looks")
        watch(page, unit.url, "enhanced")
