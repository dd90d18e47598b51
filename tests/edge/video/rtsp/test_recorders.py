"""Real recorders of the real video process: FFmpeg, GStreamer, VLC, and the unit's own reader of network cameras.

The pictures carry the time at which they were taken.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.access.self_made import ensure_self_made
from edge.pictures.image import Image
from edge.sources.judgement import FrameJudge
from edge.sources.network.open import open_network_camera
from edge.web import state_strip
from tests.doubles.guarded import with_token, write_users
from tests.doubles.network_camera.timecode import is_of_one_moment, timecode_ns
from tests.doubles.waiting import GUARD_S

HAS_PARTS = subprocess.run(
    ["/usr/bin/python3", "-I", "-c", "import gi; gi.require_version('GstWebRTC', '1.0')"], check=False
).returncode
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(HAS_PARTS != 0, reason="apt-get install gir1.2-gst-plugins-bad-1.0 gstreamer1.0-plugins-bad"),
]
NUM_PICTURES = 12
SIZE = 1280, 720


@contextlib.contextmanager
def unit(*more: str) -> Iterator[str]:
    """The RTSP address of a unit."""
    command = [sys.executable, "-m", "tests.doubles.video_unit", "--fps", "15", "--size", f"{SIZE[0]}x{SIZE[1]}"]
    with subprocess.Popen([*command, "--rtsp", "127.0.0.1:0", *more], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["rtsp"]
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with unit() as url:
        yield url


def judge(pictures: list[Image], began_ns: int) -> None:
    """Each whole and newer than the one before; strip and time code tell of one picture."""
    assert len(pictures) >= NUM_PICTURES
    moments = []
    for picture in pictures:
        assert picture.shape == (SIZE[1], SIZE[0], 3)
        larger = cv2.resize(picture, (1920, 1080), interpolation=cv2.INTER_NEAREST)
        assert is_of_one_moment(larger)
        taken_ns = timecode_ns(larger)
        assert taken_ns is not None
        moments.append(taken_ns)
    assert moments == sorted(moments)
    assert len(set(moments)) > NUM_PICTURES // 2
    assert moments[-1] > began_ns


def rgb_of(command: list[str]) -> list[Image]:
    """What a player writes as RGB."""
    num_bytes = SIZE[0] * SIZE[1] * 3
    found: list[Image] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as player:
        until_s = time.monotonic() + GUARD_S
        try:
            assert player.stdout is not None
            while len(found) < NUM_PICTURES and time.monotonic() < until_s:
                content = player.stdout.read(num_bytes)
                if len(content) < num_bytes:
                    break
                found.append(np.frombuffer(content, np.uint8).reshape(SIZE[1], SIZE[0], 3))
        finally:
            player.kill()
    return found


def ffmpeg(url: str, *more: str) -> list[Image]:
    if shutil.which("ffmpeg") is None:
        pytest.skip("apt-get install ffmpeg")
    out = ["-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"]
    return rgb_of(["ffmpeg", "-v", "error", "-nostdin", *more, "-i", url, *out])  # no picture twice


def judged(play: Callable[[], list[Image]]) -> list[Image]:
    """What a player wrote; it plays again where a busy unit told it to try again, or cut it for standing still."""
    until_s = time.monotonic() + GUARD_S
    while True:
        began_ns = time.monotonic_ns()
        pictures = play()
        if len(pictures) >= NUM_PICTURES or time.monotonic() > until_s:
            judge(pictures, began_ns)
            return pictures
        time.sleep(0.5)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("view", ["enhanced", "raw"])
def test_ffmpeg(address: str, transport: str, view: str) -> None:
    until_s = time.monotonic() + GUARD_S
    told: set[tuple[str, str]] = set()
    while told != {("live", view)}:  # on a busy machine one or the other may be stale: then they are taken anew
        assert time.monotonic() < until_s, told
        pictures = judged(lambda: ffmpeg(f"{address}{view}", "-rtsp_transport", transport))
        stripes = [state_strip.read(picture) for picture in pictures]
        told = {(stripe.state, stripe.mode) for stripe in stripes if stripe}
        assert {mode for _, mode in told} == {view}


@pytest.mark.parametrize("protocols", ["tcp", "udp"])
def test_gstreamer(address: str, protocols: str) -> None:
    if shutil.which("gst-launch-1.0") is None:
        pytest.skip("apt-get install gstreamer1.0-tools")
    way = f"rtspsrc location={address}raw protocols={protocols} latency=0 ! rtph264depay ! avdec_h264 ! videoconvert"
    if subprocess.run(["gst-inspect-1.0", "avdec_h264"], check=False, capture_output=True).returncode:
        way = way.replace("avdec_h264", "h264parse ! openh264dec")
    judged(lambda: rgb_of(["gst-launch-1.0", "-q", *f"{way} ! video/x-raw,format=RGB ! fdsink".split()]))


@pytest.mark.parametrize("tcp", [True, False])
def test_vlc(address: str, tcp: bool) -> None:
    """VLC refuses to run as root; then it plays as nobody."""
    if shutil.which("cvlc") is None:
        pytest.skip("apt-get install vlc-bin vlc-plugin-base")
    if not any(Path("/usr/lib").glob("*/vlc/plugins/access/liblive555_plugin.so")):
        pytest.skip("this VLC is built without live555, as Debian's is: it speaks no RTSP")
    with tempfile.TemporaryDirectory(prefix="vlc-") as folder:
        Path(folder).chmod(0o777)
        command = ["cvlc", "-q", "--no-audio", "--vout=dummy", "--video-filter=scene", "--scene-format=png"]
        command += [f"--scene-path={folder}", "--scene-ratio=1", *(["--rtsp-tcp"] if tcp else []), f"{address}raw"]
        as_nobody = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        began_ns = time.monotonic_ns()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        player = subprocess.Popen(command, env={**os.environ, "HOME": folder}, **quiet, **as_nobody)
        try:
            until_s, files = time.monotonic() + GUARD_S, []
            while len(files) < NUM_PICTURES and time.monotonic() < until_s:
                files = sorted(Path(folder).glob("scene*.png"))[:-1]  # the last is being written
                time.sleep(0.1)
        finally:
            player.kill()
            player.wait()
        pictures = [cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB) for file in files]
    judge([np.asarray(picture) for picture in pictures], began_ns)


def test_another_unit_reads_it_as_old_as_it_is(address: str) -> None:
    source = open_network_camera(f"{address}raw", judge=FrameJudge())
    try:
        off_ms = []
        for _ in range(40):
            frame = source.read()
            assert frame is not None
            taken_ns = timecode_ns(frame.image)
            assert taken_ns is not None
            off_ms.append((frame.t_capture_ns - taken_ns) / 1e6)
    finally:
        source.close()
    assert abs(statistics.median(off_ms[10:])) < 20


def test_over_tls_with_a_token(tmp_path: Path) -> None:
    ensure_self_made(tmp_path, ["127.0.0.1", "localhost"])
    certificate, key = sorted(tmp_path.glob("*.pem"))[0], next(iter(tmp_path.glob("*key*")))
    users = write_users(tmp_path / "users.toml")
    text = with_token(users, "viewer", datetime.now(timezone.utc))
    more = ["--users", str(users), "--certificate", str(certificate), "--key", str(key), "--rtsp", "0.0.0.0:0"]
    with unit(*more) as url:
        assert url.startswith("rtsps://")
        assert ffmpeg(f"{url}raw") == []
        judged(lambda: ffmpeg(url.replace("//", f"//recorder:{text}@") + "raw"))
