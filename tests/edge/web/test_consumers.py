"""The stream of the real program in foreign players: each decodes it, and what it shows moves on.

The program's source is our network camera, whose pictures carry the time at which they were taken.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
import pytest
import simplejpeg

from edge.pictures.image import Image
from tests.doubles.firefox import FIREFOX, started_firefox
from tests.doubles.network_camera.camera import NetworkCamera
from tests.doubles.network_camera.painting import DAMAGED_BEYOND, worst_difference
from tests.doubles.network_camera.timecode import is_of_one_moment, timecode_ns
from tests.doubles.ports import free_port
from tests.doubles.waiting import GUARD_S

pytestmark = [pytest.mark.slow, pytest.mark.alone]  # a picture that is late is covered

NUM_PICTURES = 6
FPS = 10.0
CHROMIUM = shutil.which("chromium")
_BYTES = 1920 * 1080 * 3

OPENCV_PLAYER = """
import sys, cv2
capture = cv2.VideoCapture(sys.argv[1], cv2.CAP_FFMPEG)
while True:
    is_there, picture = capture.read()
    if not is_there:
        sys.exit("the stream ended")
    sys.stdout.buffer.write(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).tobytes())
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page's address of a program that is live."""
    port = free_port()
    log_path = tmp_path_factory.mktemp("unit") / "log"
    with NetworkCamera(fps=FPS) as camera, log_path.open("wb") as log:
        command = [sys.executable, "-m", "edge.cli", "--live", "--source", camera.url()]
        unit = subprocess.Popen([*command, "--listen", f"127.0.0.1:{port}"], stdout=log, stderr=log)
        try:
            wait_live(port, log_path)
            yield f"http://127.0.0.1:{port}/"
        finally:
            unit.terminate()
            unit.wait(GUARD_S)


def wait_live(port: int, log_path: Path) -> None:
    until_s = time.monotonic() + GUARD_S
    while time.monotonic() < until_s:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as got:
            if json.load(got)["state"] == "live":
                return
        time.sleep(0.1)
    raise AssertionError(f"not live: {log_path.read_text()[-2000:]}")


def stream(address: str) -> str:
    return f"{address}stream.mjpg?view=raw"


def judge(pictures: list[Image], began_ns: int) -> None:
    """All whole, of the right size, each newer than the one before, and new ones at the end."""
    for picture in pictures:
        assert picture.shape == (1080, 1920, 3)
        assert is_of_one_moment(picture)
        assert (worst_difference(picture) or 255.0) < DAMAGED_BEYOND
    codes = [timecode_ns(picture) for picture in pictures]
    moments = sorted({code for code in codes if code is not None})
    assert [code for code, before in zip(codes, [None, *codes], strict=False) if code != before] == moments
    assert len(moments) >= NUM_PICTURES, "a player may show a picture again, but not only that"
    assert moments[-1] > began_ns, "the last is not one of before the player came"


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[IO[bytes]]:
    """A player's standard output; it ends with the block, or when it takes too long."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        guard = threading.Timer(GUARD_S, process.kill)
        guard.start()
        try:
            assert process.stdout is not None, "a pipe was asked for"
            yield process.stdout
        finally:
            guard.cancel()
            process.kill()


def needed(*programs: str, package: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (apt-get install {package})")


def raw_pictures(command: list[str]) -> list[Image]:
    """What a player writes as RGB; a few more than needed."""
    found: list[Image] = []
    with running(command) as pipe:
        while len(found) < 2 * NUM_PICTURES and len(data := pipe.read(_BYTES)) == _BYTES:
            found.append(np.frombuffer(data, np.uint8).reshape(1080, 1920, 3))
    return found


# ---- players


def by_ffmpeg(url: str) -> list[Image]:
    needed("ffmpeg", package="ffmpeg")
    return raw_pictures(
        ["ffmpeg", "-v", "error", "-nostdin", "-i", url, "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"]
    )


def by_gstreamer(url: str) -> list[Image]:
    package = "gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good"
    needed("gst-launch-1.0", "gst-inspect-1.0", package=package)
    for element in ("souphttpsrc", "multipartdemux", "jpegdec", "videoconvert"):
        if subprocess.run(["gst-inspect-1.0", element], check=False, capture_output=True).returncode:
            pytest.skip(f"GStreamer has no {element} (apt-get install {package})")
    way = f"souphttpsrc location={url} ! multipartdemux ! jpegdec ! videoconvert ! video/x-raw,format=RGB ! fdsink"
    return raw_pictures(["gst-launch-1.0", "-q", *way.split()])


def by_opencv(url: str) -> list[Image]:
    return raw_pictures([sys.executable, "-c", OPENCV_PLAYER, url])


def by_vlc(url: str) -> list[Image]:
    """VLC refuses to run as root; then it plays as nobody."""
    needed("cvlc", package="vlc-bin vlc-plugin-base")
    with tempfile.TemporaryDirectory(prefix="vlc-") as folder:
        Path(folder).chmod(0o777)
        command = ["cvlc", "-q", "--no-audio", "--vout=dummy", "--video-filter=scene", "--scene-format=jpg"]
        command += ["--scene-ratio=2", f"--scene-path={folder}", url]
        who: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        environment = {**os.environ, "HOME": folder}
        player = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **who)
        try:
            until_s = time.monotonic() + GUARD_S
            found: list[Path] = []
            while time.monotonic() < until_s and len(found) < 6 * NUM_PICTURES:
                found = sorted(Path(folder).glob("scene*.jpg"))[:-1]  # the last is being written
                time.sleep(0.1)
        finally:
            player.kill()
            player.wait()
        return [simplejpeg.decode_jpeg(path.read_bytes())[:1080] for path in found]  # VLC writes whole blocks, 1088


def by_curl(url: str) -> list[Image]:
    needed("curl", package="curl")
    found = []
    with running(["curl", "-sN", url]) as pipe:
        while len(found) < NUM_PICTURES + 1 and (line := pipe.readline()):
            if line.lower().startswith(b"content-length:"):
                num_bytes = int(line.split(b":")[1])
                while pipe.readline().strip():
                    pass
                found.append(simplejpeg.decode_jpeg(pipe.read(num_bytes)))
    return found


PLAYERS: dict[str, Callable[[str], list[Image]]] = {
    "FFmpeg": by_ffmpeg,
    "VLC": by_vlc,
    "GStreamer": by_gstreamer,
    "OpenCV": by_opencv,
    "curl": by_curl,
}


@pytest.mark.parametrize("player", PLAYERS)
def test_a_player_shows_what_the_camera_takes(address: str, player: str) -> None:
    began_ns = time.monotonic_ns()
    judge(PLAYERS[player](stream(address)), began_ns)


# ---- browsers


@contextlib.contextmanager
def started_chromium(folder: Path) -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make venv-dev)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.set_default_timeout(GUARD_S * 1000)
        goto = page.goto
        page.goto = lambda url: goto(url, wait_until="commit")
        yield page
        browser.close()


@pytest.fixture(scope="module", params=["Chromium", "Firefox"])
def browser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A page of 1920x1080: `goto`, `evaluate`, `screenshot`, `set_viewport_size`."""
    if request.param == "Chromium" and CHROMIUM is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    if request.param == "Firefox" and FIREFOX is None:
        pytest.skip("Firefox is not installed (apt-get install firefox-esr)")
    start = started_chromium if request.param == "Chromium" else started_firefox
    with start(tmp_path_factory.mktemp("browser")) as page:
        yield page


def different(look: Callable[[], Image | None]) -> list[Image]:
    """What one sees when one looks again and again, until it has changed often enough."""
    found: list[Image] = []
    codes: set[int | None] = {None}
    until_s = time.monotonic() + GUARD_S
    while len(found) < NUM_PICTURES and time.monotonic() < until_s:
        picture = look()
        code = None if picture is None else timecode_ns(picture)
        if picture is not None and code not in codes:
            codes.add(code)
            found.append(picture)
        time.sleep(0.05)
    return found


def test_a_browser_shows_the_plain_stream(address: str, browser: Any) -> None:
    began_ns = time.monotonic_ns()
    browser.goto(stream(address))

    def look() -> Image | None:
        seen = cv2.imdecode(np.frombuffer(browser.screenshot(), np.uint8), cv2.IMREAD_COLOR)
        return np.asarray(cv2.cvtColor(seen, cv2.COLOR_BGR2RGB))

    judge(different(look), began_ns)


def test_a_browser_shows_the_page(address: str, browser: Any) -> None:
    began_ns = time.monotonic_ns()
    browser.set_viewport_size({"width": 1920, "height": 1200})  # room for all of the picture, and the bar beneath it
    browser.goto(address)

    def look() -> Image | None:
        state = "document.getElementById('picture')?.dataset.state ?? ''"
        if browser.evaluate(state) != "live":
            return None
        browser.evaluate("document.querySelector('input[name=view][value=raw]').click()")
        if browser.evaluate("document.getElementById('picture').width") != 1920:
            return None
        if browser.evaluate("document.getElementById('picture').dataset.mode") != "raw":
            return None
        url = browser.evaluate("document.getElementById('picture').toDataURL('image/jpeg', 0.9)")
        return np.asarray(simplejpeg.decode_jpeg(base64.b64decode(url.partition(",")[2])))

    pictures = different(look)
    judge(pictures, began_ns)
    assert browser.evaluate("document.getElementById('cover').hidden") is True
