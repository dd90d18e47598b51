"""A real window on a real X server, read back from its frame buffer: what it shows, also when all stands still."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest

from edge.basics.errors import EdgeError
from edge.frames.frame import Frame, FramePair
from edge.gstreamer.program import gstreamer_words
from edge.health.state import Verdict
from edge.pictures.geometry import FRAME_SHAPE
from edge.pictures.image import Image
from edge.web import state_strip
from edge.web.screen_picture import draw_screen
from tests.doubles.network_camera.timecode import timecode_ns
from tests.doubles.waiting import GUARD_S
from tests.doubles.x_screen import XScreen, served
from tests.paths import REPOSITORY


@pytest.fixture(scope="module", autouse=True)
def gstreamer() -> None:
    try:
        gstreamer_words()
    except EdgeError as error:
        pytest.skip(str(error))
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed (apt-get install xvfb)")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[XScreen]:
    with served(tmp_path, "1920x1080") as made:
        yield made


@contextmanager
def shown(server: XScreen, sink: str = "auto") -> Iterator[psutil.Process]:
    environment = {name: value for name, value in os.environ.items() if name != "WAYLAND_DISPLAY"}
    unit = subprocess.Popen(
        [sys.executable, "-m", "tests.doubles.screen_unit", sink],
        cwd=REPOSITORY,
        env={**environment, "DISPLAY": server.name},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield psutil.Process(unit.pid)
    finally:
        unit.kill()
        unit.wait()


def until(holds: Callable[[], object], what: str, within_s: float = GUARD_S) -> float:
    """Wait; how long that took, in seconds."""
    begin = time.monotonic()
    while not holds():
        assert time.monotonic() - begin < within_s, what
        time.sleep(0.02)
    return time.monotonic() - begin


def live_picture(server: XScreen) -> Image:
    """One that is seen as live, whatever is seen when one looks again."""
    seen: list[Image] = []

    def is_seen() -> bool:
        picture = server.live()
        seen.extend([] if picture is None else [picture])
        return picture is not None

    until(is_seen, "a live picture")
    return seen[0]


@pytest.mark.parametrize("size", ["1920x1080", "1280x720", "1600x1200"])
def test_the_live_picture_with_its_banner_fills_the_screen(tmp_path, size):
    with served(tmp_path, size) as server, shown(server):
        picture = live_picture(server)
        if size == "1920x1080":  # the strip is read at the size at which it was drawn
            strip = state_strip.read(picture)
            assert strip is not None and (strip.state, strip.mode) == ("live", "raw") and strip.seq > 0
    plain = np.full(FRAME_SHAPE, 90, np.uint8)
    frame = Frame(plain, 1, 0)
    expected = np.empty_like(plain)
    draw_screen(FramePair(frame, frame), Verdict("live"), "enhanced", expected)
    pill = (slice(20, 70), slice(20, 300))
    assert np.abs(picture[pill].astype(int) - expected[pill]).mean() < 6
    assert np.abs(picture[pill].astype(int) - plain[pill]).mean() > 15


def test_a_program_that_stands_still_is_covered_by_the_screens_own_process(server):
    """The watchdog's limits are measured by `benchmarks/`; here the cover must come, stay, and go."""
    with shown(server) as unit:
        until(server.is_live, "a live picture")
        unit.suspend()
        stopped_ns = time.monotonic_ns()
        until(server.is_covered, "the cover")
        time.sleep(1.0)
        assert server.is_covered()
        unit.resume()
        assert timecode_ns(live_picture(server)) > stopped_ns + 1_000_000_000  # none that had waited


@pytest.mark.slow
def test_a_screens_process_that_stands_still_is_ended_with_its_picture(server):
    with shown(server) as unit:
        until(server.is_live, "a live picture")
        [first] = unit.children()
        first.send_signal(signal.SIGSTOP)
        until(lambda: not first.is_running() or first.status() == psutil.STATUS_ZOMBIE, "the end of it")
        until(server.is_live, "a live picture by another process")
        assert [child.pid for child in unit.children()] != [first.pid]


def test_the_picture_ends_with_the_program(server):
    with shown(server) as unit:
        until(server.is_live, "a live picture")
        unit.send_signal(signal.SIGKILL)
        until(server.is_dark, "a dark screen")


@pytest.mark.slow
def test_a_screen_that_is_lost_or_comes_late_is_found(tmp_path):
    """As an HDMI cable that is pulled out and put in again."""
    with served(tmp_path, "1280x720") as server:
        name = server.name
    with shown(server, "ximagesink") as unit:
        time.sleep(2)
        assert unit.is_running()
        for _ in range(2):
            with served(tmp_path, "1280x720", name) as server:
                until(server.is_live, "a live picture")
        assert unit.is_running()
