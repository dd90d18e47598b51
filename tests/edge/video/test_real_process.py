"""The real video process, encoder by encoder: what its units are."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from edge.config import VideoConfig
from edge.video.listening import Coded, Listener
from edge.video.rtsp.packets import nals_of
from edge.video.sdp import wish_of
from tests.doubles.video_unit import VideoStudio
from tests.doubles.waiting import GUARD_S
from tests.edge.video.test_sdp import OFFER

HAS_PARTS = subprocess.run(
    ["/usr/bin/python3", "-I", "-c", "import gi; gi.require_version('GstWebRTC', '1.0')"], check=False
).returncode
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(HAS_PARTS != 0, reason="apt-get install gir1.2-gst-plugins-bad-1.0 gstreamer1.0-plugins-bad"),
]


@pytest.fixture(params=["x264enc", "openh264enc"])
def studio(request: pytest.FixtureRequest) -> Iterator[VideoStudio]:
    if subprocess.run(["gst-inspect-1.0", request.param], check=False, capture_output=True).returncode:
        pytest.skip(f"GStreamer has no {request.param}")
    made = VideoStudio(VideoConfig(encoder=request.param))
    made.roll()
    yield made
    made.close()


def wait_until(holds: Callable[[], object]) -> None:
    until_s = time.monotonic() + GUARD_S
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.02)


def coded(studio: VideoStudio, name: str = "a") -> list[Coded]:
    """What comes from now on."""
    found: list[Coded] = []
    hub = studio.parts.hub
    hub.need()
    wait_until(lambda: not hub.is_starting)
    assert hub.lacks == ""
    hub.begin(name, Listener("enhanced", lambda why: None, found.append))
    return found


def test_units_are_as_browsers_want_them(studio: VideoStudio) -> None:
    found = coded(studio)
    wait_until(lambda: len(found) > 60)
    assert found[0].is_whole
    parameters = next(bytes(nal) for nal in nals_of(found[0].unit) if nal[0] & 0x1F == 7)
    assert parameters[1] == 66
    assert parameters[2] & 0x40, "Constrained Baseline"
    assert all(any(nal[0] & 0x1F == 7 for nal in nals_of(one.unit)) == one.is_whole for one in found)
    times_ns = [one.t_ns for one in found]
    assert times_ns == sorted(times_ns)
    assert 0 < time.monotonic_ns() - times_ns[-1] < GUARD_S * 1e9, "the camera's time, of the monotonic clock"
    wholes_ns = [one.t_ns for one in found if one.is_whole]
    gaps_s = [(later - before) / 1e9 for before, later in pairwise(wholes_ns)]
    assert gaps_s
    worst_gap_s = max(later - before for before, later in pairwise(times_ns)) / 1e9
    assert max(gaps_s) < 1.0 + 3 * worst_gap_s


def test_who_joins_gets_a_whole_picture_soon(studio: VideoStudio) -> None:
    first = coded(studio)
    wait_until(lambda: len(first) > 5)
    for number in range(3):
        time.sleep(0.4)  # more than the least that lies between two
        joined = coded(studio, f"joined-{number}")
        wait_until(lambda joined=joined: any(one.is_whole for one in joined))
        assert [one.is_whole for one in joined].index(True) < 8


def test_colours_come_back(studio: VideoStudio) -> None:
    """Decoded by what the stream itself says of its colours."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("apt-get install ffmpeg")
    found = coded(studio)
    wait_until(lambda: len(found) > 5)
    command = ["ffmpeg", "-v", "error", "-f", "h264", "-i", "pipe:0", "-frames:v", "1", "-pix_fmt", "rgb24"]
    content = b"".join(one.unit for one in found[:5])
    rgb = subprocess.run([*command, "-f", "rawvideo", "pipe:1"], input=content, capture_output=True, check=True).stdout
    at = (200 * 480 + 240) * 3
    assert all(abs(got - want) < 10 for got, want in zip(rgb[at : at + 3], (190, 50, 40), strict=True))


def test_a_webrtc_viewer_that_has_gone_leaves_nothing_behind(studio: VideoStudio) -> None:
    coded(studio)
    hub, wish = studio.parts.hub, wish_of(OFFER.encode())
    told = {"sdp": wish.sdp, "payload": wish.payload, "profile": wish.profile, "address": "127.0.0.1", "ports": [0, 0]}

    def watch(name: str) -> None:
        answers: list[str] = []
        hub.begin(name, Listener("enhanced", lambda why: None, on_answer=answers.append))
        hub.offer(name, told)
        wait_until(lambda: answers)
        hub.end(name)

    def num_descriptors() -> int:
        return len(list(Path(f"/proc/{hub.process_id}/fd").iterdir()))

    before = num_descriptors()
    for number in range(6):
        watch(f"viewer-{number}")
    wait_until(lambda: num_descriptors() < before + 12)  # each has six, and what they share stays
