"""The source before a camera of our own, whose pictures carry the time at which they were taken."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from edge.basics.errors import CameraLost, DeviceMissing
from edge.sources.judgement import REPEATED_NS, FrameJudge
from edge.sources.network import source as source_module
from edge.sources.network.feed import FeedEnded, Received
from edge.sources.network.open import open_network_camera
from edge.sources.network.source import NetworkSource
from tests.doubles.network_camera.camera import NetworkCamera
from tests.doubles.network_camera.timecode import is_of_one_moment, timecode_ns
from tests.doubles.waiting import GUARD_S

MS = 1_000_000
SMALL = {"width_px": 640, "height_px": 360, "fps": 20.0}


@pytest.fixture(scope="module")
def camera() -> Iterator[NetworkCamera]:
    with NetworkCamera(**SMALL) as made:
        yield made


@contextmanager
def opened(uri: str, **options) -> Iterator[tuple[NetworkSource, FrameJudge]]:
    """The source of a camera that is not lost because the machine lets it or the test stand still for two seconds."""
    judge = FrameJudge()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source_module, "SILENCE_S", float(GUARD_S))
        source = open_network_camera(uri, judge=judge, **options)
        try:
            yield source, judge
        finally:
            source.close()


MANY = 300
"""Pictures, of a camera that spoils some of them by chance: so many without one do not happen."""


def read_until(source: NetworkSource, is_seen: Callable[[], bool]) -> None:
    """Go on reading until the judge has seen it; each picture that is given is of one moment."""
    for _ in range(MANY):
        told_minus_true_ms(source, 1)
        if is_seen():
            return
    raise AssertionError(f"not seen in {MANY} pictures")


def told_minus_true_ms(source: NetworkSource, num: int) -> list[float]:
    """By how much the told time of each frame is too young; each is shown to be of one moment too."""
    found = []
    for _ in range(num):
        frame = source.read()
        assert frame is not None
        assert frame.image.shape == (1080, 1920, 3)
        assert is_of_one_moment(frame.image)
        found.append((frame.t_capture_ns - timecode_ns(frame.image)) / MS)
    return found


def read_until_soon(source: NetworkSource, judge: FrameJudge, num: int) -> None:
    """Go on reading until so many in a row were on time: on a busy machine some are not, of a source that lets
    pictures queue none is.
    """
    found: list[float] = []
    lates = [0]

    def is_soon() -> bool:
        found.extend(told_minus_true_ms(source, 1))
        lates.append(judge.record()["late"])
        return len(found) >= num and median(found[-num:]) < 100 and lates[-1] == lates[-1 - num]

    read_until(source, is_soon)


@pytest.mark.parametrize("part_headers", ["full", "length", "type", "none", "bare", "jpegs"])
def test_mjpeg_with_whatever_headers_is_as_old_as_it_says(camera, part_headers):
    with camera.having(part_headers=part_headers), opened(camera.url("http")) as (source, judge):
        read_until_soon(source, judge, 12)
        assert not {name for name, num in judge.record().items() if num} - {"skipped", "late"}
        assert source.about()["granted"] == "MJPEG over HTTP"


@pytest.mark.parametrize("fault", [{"cut": 0.4}, {"cut": 0.4, "whole_length": True}])
def test_no_broken_picture_is_given(camera, fault):
    with camera.having(**fault), opened(camera.url("http")) as (source, judge):
        read_until(source, lambda: judge.record()["incomplete"] + judge.record()["damaged"] > 2)


def test_pictures_with_bytes_written_over_are_dropped_and_counted(camera):
    with camera.having(damage=0.4), opened(camera.url("http")) as (source, judge):
        for _ in range(150):  # libjpeg does not see all of it: docs/testing.md
            source.read()
            if judge.record()["damaged"] > 2:
                break
        assert judge.record()["damaged"] > 2


def test_one_picture_again_and_again_ages_and_is_lost(camera):
    with opened(camera.url("http")) as (source, judge):
        told_minus_true_ms(source, 3)
        told_ns = {}
        times_ns = []
        with camera.having(repeat=True), pytest.raises(CameraLost, match="repeats one picture"):
            while True:
                frame = source.read()
                times_ns.append(frame.t_capture_ns)
                first_ns = told_ns.setdefault(timecode_ns(frame.image), frame.t_capture_ns)
                assert frame.t_capture_ns == first_ns, "it stays as old as it was when it first came"
        assert time.monotonic_ns() - times_ns[-1] > REPEATED_NS
        num_repeated = sum(before == after for before, after in pairwise(times_ns))
        assert judge.record()["repeated"] == num_repeated + 1, "and the one that was too many"


def test_a_reader_that_is_slow_gets_the_newest(camera):
    with opened(camera.url("http")) as (source, judge):
        found: list[float] = []

        def is_skipped() -> bool:
            time.sleep(0.25)
            found.extend(told_minus_true_ms(source, 1))
            return judge.record()["skipped"] >= 10 and len(found) > 5 and median(found[-6:]) < 100

        read_until(source, is_skipped)


def test_the_camera_s_time_stamps_tell_what_came_late(camera):
    with camera.having(timestamps=True, late_s=1.0), opened(camera.url("http")) as (source, judge):
        assert abs(median(told_minus_true_ms(source, 8))) < 50
        assert judge.record()["late"] >= 8
        assert source.about()["clock"] == "camera's time of day"


@pytest.mark.parametrize(
    ("switches", "login", "said"),
    [
        ({"auth": "digest"}, "", "asks for a user"),
        ({"auth": "digest"}, "wrong", "refuses this user"),
        ({"auth": "basic"}, "wrong", "refuses this user"),
        ({"answer": "snapshot"}, "", "one picture and no stream"),
        ({"answer": "404"}, "", "answers 404"),
        ({"answer": "html"}, "", "gives text/html"),
        ({"answer": "hls"}, "", "is a playlist"),
        ({"answer": "headers"}, "", "no HTTP answer"),
        ({"answer": "one-header"}, "", "no HTTP answer"),
        ({"answer": "garbage"}, "", "no HTTP answer"),
        ({"answer": "redirect", "location": "file:///etc/passwd"}, "", "sends on to"),
        ({"refuse": True}, "", "nobody answers"),
    ],
)
def test_what_is_no_camera_is_one_line(camera, switches, login, said):
    with camera.having(**switches), pytest.raises(DeviceMissing, match=said) as caught:
        open_network_camera(camera.url("http", login=login))
    assert len(str(caught.value).splitlines()) == 1
    assert "wrong" not in str(caught.value).replace("wrong address", "")


class RoundAndRound(http.server.BaseHTTPRequestHandler):
    """Sends everybody on to itself."""

    def do_GET(self):
        self.send_response(302)
        self.send_header("Location", f"{self.path}x")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_redirects_without_end_are_one_line():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), RoundAndRound) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(DeviceMissing, match="again and again"):
            open_network_camera(f"http://127.0.0.1:{server.server_address[1]}/")
        server.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize("auth", ["basic", "digest"])
@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_the_right_password_opens(camera, scheme, auth):
    with camera.having(auth=auth), opened(camera.url(scheme, login="right")) as (source, _):
        assert source.read() is not None
        assert camera.faults.password not in source.uri


def test_close_ends_a_waiting_read(camera):
    with camera.having(silent=True), opened(camera.url("http")) as (source, _):
        source.close()
        assert source.read() is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("switches", "granted"),
    [
        ({}, "H.264 over RTSP (TCP)"),
        ({"transport": "udp"}, "H.264 over RTSP (UDP)"),
        ({"codec": "mjpeg"}, "MJPEG over RTSP (TCP)"),
        pytest.param({"codec": "h265"}, "H.265 over RTSP (TCP)", marks=pytest.mark.slow),
        pytest.param({"transport": "udp", "reorder": 0.05}, "H.264 over RTSP (UDP)", marks=pytest.mark.slow),
    ],
)
def test_rtsp_is_as_old_as_it_says(camera, switches, granted):
    with camera.having(**switches), opened(camera.url("rtsp")) as (source, _):
        assert abs(median(told_minus_true_ms(source, 15))) < 100
        assert source.about()["granted"] == granted
        assert source.about()["clock"] == "camera's time of day"


@pytest.mark.slow
@pytest.mark.parametrize("off_s", [-7200.0, 86400.0])
def test_a_camera_whose_clock_is_wrong_is_taken_by_arrival(camera, off_s):
    with camera.having(clock_off_s=off_s), opened(camera.url("rtsp")) as (source, _):
        assert abs(median(told_minus_true_ms(source, 15))) < 100
        assert "set both by NTP" in source.about()["clock"]


@pytest.mark.slow
@pytest.mark.parametrize("switches", [{"loss": 0.01, "transport": "udp"}, {"damage": 0.005}])
def test_lost_and_damaged_packets_show_in_no_picture(camera, switches):
    begun_s = time.monotonic()
    counted = {"incomplete": 0, "damaged": 0}
    num = 0

    def is_enough(found) -> bool:
        took_s = time.monotonic() - begun_s
        assert took_s < GUARD_S, "none was lost or damaged"
        return took_s > 8 and num > 0 and sum(found[name] for name in counted) > 0

    with camera.having(**switches):
        while not is_enough(counted):
            with opened(camera.url("rtsp")) as (source, judge):
                try:
                    while not is_enough({name: counted[name] + judge.record()[name] for name in counted}):
                        told_minus_true_ms(source, 1)
                        num += 1
                except CameraLost:
                    pass
                counted = {name: counted[name] + judge.record()[name] for name in counted}


@pytest.mark.slow
def test_a_key_frame_every_ten_seconds_is_waited_for():
    with NetworkCamera(key_frame_s=10, **SMALL) as camera, opened(camera.url("rtsp")) as (source, _):
        told_minus_true_ms(source, 5)  # and is not given up as lost


@pytest.mark.slow
def test_a_session_that_ends_without_a_word_from_us_is_kept_alive(camera):
    """Each word is said after half of the time that it has: the rest is for a machine that is busy."""
    session_s = 6
    with camera.having(session_s=session_s, expires=True), opened(camera.url("rtsp")) as (source, _):
        end_s = time.monotonic() + session_s + 1
        while time.monotonic() < end_s:
            told_minus_true_ms(source, 1)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_another_size_in_the_middle_goes_on(camera, scheme):
    with opened(camera.url(scheme)) as (source, _):
        told_minus_true_ms(source, 5)
        assert source.about()["picture"]["width_px"] == 640
        with camera.having(width_px=960, height_px=540):
            read_until(source, lambda: source.about()["picture"]["width_px"] == 960)
            told_minus_true_ms(source, 5)


@pytest.mark.parametrize("scheme", ["https", pytest.param("rtsps", marks=pytest.mark.slow)])
def test_a_certificate_that_is_not_known_gets_no_password(tmp_path, scheme):
    with NetworkCamera(tls="own", auth="basic", **SMALL) as camera:
        with pytest.raises(DeviceMissing, match="certificate is not accepted"):
            open_network_camera(camera.url(scheme, login="right"))
        assert camera.counters()["requests"] == []
        with opened(camera.url(scheme, login="right"), ca=Path(camera.certificate)) as (source, _):
            told_minus_true_ms(source, 2)


@pytest.mark.slow
def test_a_certificate_of_another_name_is_refused():
    with NetworkCamera(tls="other", **SMALL) as camera, pytest.raises(DeviceMissing, match="is not accepted"):
        open_network_camera(camera.url("https"), ca=Path(camera.certificate))


class ScriptedFeed:
    """Gives what the test says, then waits or ends."""

    granted, patience_s = "script", 10.0

    def __init__(self, pictures, error=None):
        self.pictures, self.error = pictures, error

    def run(self, give):
        for picture in self.pictures:
            give.picture(picture)
        if self.error is not None:
            raise self.error

    def about_clock(self):
        return "script"

    def close(self):
        pass


def test_the_first_picture_is_waited_for_ten_seconds_and_later_ones_for_two():
    now_ns = [0]
    source = NetworkSource("cam", ScriptedFeed([]), clock_ns=lambda: now_ns[0])
    source._thread.join()
    source._ended = None
    now_ns[0] = 9_900 * MS
    source._refuse_silence()
    now_ns[0] = 10_100 * MS
    with pytest.raises(CameraLost, match="no picture for 10 s after it was opened"):
        source._refuse_silence()
    source._has_given, source._last_ns = True, now_ns[0]
    now_ns[0] += 1_900 * MS
    source._refuse_silence()
    now_ns[0] += 200 * MS
    with pytest.raises(CameraLost, match="no picture for 2 s"):
        source._refuse_silence()


def test_why_a_feed_ended_is_raised_to_the_reader():
    source = NetworkSource("cam", ScriptedFeed([Received(b"", 0, None, 0)], FeedEnded("cam: hung up")))
    with pytest.raises(FeedEnded, match="hung up"):
        source.read()
