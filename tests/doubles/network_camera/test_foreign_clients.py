"""The double is worth something: foreign programs play it, and its faults are those that were asked for."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.network_camera.camera import NetworkCamera
from tests.doubles.network_camera.certificates import OPENSSL
from tests.doubles.network_camera.painting import DAMAGED_BEYOND
from tests.doubles.network_camera.playing import Played, played
from tests.doubles.waiting import GUARD_S, wait_until

pytestmark = pytest.mark.slow

SMALL = {"width_px": 1280, "height_px": 720, "fps": 10.0, "key_frame_s": 0.5}
TCP, UDP = ("-rtsp_transport", "tcp"), ("-rtsp_transport", "udp")
_NTP_EPOCH_S = 2_208_988_800
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed (apt-get install curl)")


@pytest.fixture(scope="module")
def running() -> Iterator[NetworkCamera]:
    with NetworkCamera(**SMALL) as camera:
        yield camera


@pytest.fixture
def camera(running: NetworkCamera) -> Iterator[NetworkCamera]:
    yield running
    running.reset()


STREAMS: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "http": ("http", {}, ()),
    "http, no part headers": ("http", {"part_headers": "none"}, ("-f", "mjpeg")),
    "rtsp, tcp, h264": ("rtsp", {}, TCP),
    "rtsp, udp, h264": ("rtsp", {}, UDP),
    "rtsp, tcp, h265": ("rtsp", {"codec": "h265"}, TCP),
    "rtsp, udp, mjpeg": ("rtsp", {"codec": "mjpeg"}, UDP),
}


@pytest.mark.parametrize("name", STREAMS)
def test_ffmpeg_reads_the_right_time_codes(camera: NetworkCamera, name: str) -> None:
    scheme, switches, options = STREAMS[name]
    camera.set(**switches)
    begin_ns = time.monotonic_ns()
    pictures = played(camera.url(scheme), 25, *options)
    whole = [picture for picture in pictures if picture.is_whole and told_difference(picture) < DAMAGED_BEYOND]
    assert len(pictures) == 25 and len(whole) >= 10, "a client that comes between key frames waits for the next"
    assert all(a.code.seq < b.code.seq for a, b in itertools.pairwise(whole))
    assert begin_ns - 1_000_000_000 < whole[0].code.taken_ns
    assert all(picture.code.taken_ns < picture.out_ns for picture in whole)
    if scheme == "rtsp":
        offsets_s = [picture.pts_s - picture.code.taken_ns / 1e9 for picture in whole]
        assert max(offsets_s) - min(offsets_s) < 0.016, "RTP's time stamps tell when a picture was taken"


def told_difference(picture: Played) -> float:
    return 255.0 if picture.difference is None else picture.difference


DAMAGES: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "cut": ("http", {"cut": 0.5}, ()),
    "holes": ("http", {"holes": 0.5}, ()),
    "damage": ("http", {"damage": 0.5}, ()),
    "lost": ("rtsp", {"loss": 0.02}, UDP),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_seen_in_what_ffmpeg_decodes(camera: NetworkCamera, name: str) -> None:
    scheme, switches, options = DAMAGES[name]
    camera.set(**switches)
    pictures = played(camera.url(scheme), 40, *options)
    broken = [picture for picture in pictures if told_difference(picture) > DAMAGED_BEYOND or not picture.is_whole]
    assert len(broken) >= 3, [told_difference(picture) for picture in pictures]


@pytest.mark.parametrize(("scheme", "options"), [("http", ()), ("rtsp", TCP)])
def test_it_repeats_one_picture(camera: NetworkCamera, scheme: str, options: tuple[str, ...]) -> None:
    camera.set(repeat=True)
    pictures = played(camera.url(scheme), 20, *options)
    assert len({picture.code for picture in pictures if picture.is_whole}) == 1


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_pictures_come_late(camera: NetworkCamera, scheme: str) -> None:
    camera.set(late_s=1.5)
    pictures = played(camera.url(scheme), 20, *(TCP if scheme == "rtsp" else ()))
    whole = [picture for picture in pictures if picture.is_whole]
    assert whole and min(picture.out_ns - picture.code.taken_ns for picture in whole) > 1.5e9


@needs_curl
@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
@pytest.mark.parametrize(("kind", "is_trusted"), [("own", True), ("other", False)])
def test_curl_judges_the_certificate(kind: str, is_trusted: bool) -> None:
    with NetworkCamera(tls=kind, **SMALL, answer="snapshot") as camera:
        command = ["curl", "-s", "-m", f"{GUARD_S}", "-o", "/dev/null"]
        command += ["--cacert", camera.certificate, camera.url("https")]
        assert (subprocess.run(command, check=False).returncode == 0) == is_trusted
        rtsps = played(camera.url("rtsps"), 5, *TCP)
        assert len(rtsps) == 5, "FFmpeg asks for no certificate"


@needs_curl
@pytest.mark.parametrize("way", ["basic", "digest"])
@pytest.mark.parametrize("login", ["", "wrong", "right"])
def test_only_the_right_password_passes(camera: NetworkCamera, way: str, login: str) -> None:
    camera.set(auth=way, answer="snapshot")
    command = ["curl", "-s", "-m", f"{GUARD_S}", "-o", "/dev/null", "-w", "%{http_code}", f"--{way}"]
    done = subprocess.run([*command, camera.url(login=login)], check=False, capture_output=True, text=True)
    assert done.stdout == ("200" if login == "right" else "401")
    assert len(played(camera.url("rtsp", login=login), 3, *TCP)) == (3 if login == "right" else 0)


def test_udp_alone(camera: NetworkCamera) -> None:
    camera.set(transport="udp")
    assert played(camera.url("rtsp"), 3, *TCP) == []
    assert len(played(camera.url("rtsp"), 3, *UDP)) == 3


# ---- by hand: what no client shows


@contextlib.contextmanager
def rtsp_session(camera: NetworkCamera) -> Iterator[socket.socket]:
    """Plays over the connection; what follows are interleaved packets."""
    address = camera.url("rtsp")
    host, _, port = address.removeprefix("rtsp://").partition("/")[0].partition(":")
    with socket.create_connection((host, int(port)), timeout=GUARD_S) as connection:
        for number, request in enumerate(
            (f"SETUP {address}/track1", f"PLAY {address}"),
        ):
            transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n" if number == 0 else ""
            connection.sendall(f"{request} RTSP/1.0\r\nCSeq: {number}\r\n{transport}\r\n".encode())
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                answer += connection.recv(1)
            assert answer.startswith(b"RTSP/1.0 200 OK"), answer
        yield connection


def next_packet(connection: socket.socket) -> tuple[int, bytes]:
    """Channel and bytes; raises EOFError at the end."""
    head = connection.recv(4, socket.MSG_WAITALL)
    if len(head) < 4:
        raise EOFError
    return head[1], connection.recv(int.from_bytes(head[2:], "big"), socket.MSG_WAITALL)


@pytest.mark.parametrize("clock_off_s", [0.0, 7200.0])
def test_sender_reports_tell_the_wall_clock(camera: NetworkCamera, clock_off_s: float) -> None:
    camera.set(clock_off_s=clock_off_s, rtcp_s=0.2)
    with rtsp_session(camera) as connection:
        reports: list[tuple[float, int]] = []
        while len(reports) < 3:
            channel, data = next_packet(connection)
            if channel == 1:
                seconds, fraction, rtp_time = struct.unpack("!III", data[8:20])
                reports.append((seconds - _NTP_EPOCH_S + fraction / 2**32, rtp_time))
        assert abs(reports[0][0] - clock_off_s - time.time()) < 5.0
        passed_s = (reports[2][1] - reports[0][1]) % 2**32 / 90_000
        assert passed_s == pytest.approx(reports[2][0] - reports[0][0], abs=0.01)


def test_a_session_without_a_request_expires(camera: NetworkCamera) -> None:
    camera.set(expires=True, session_s=1.0)
    with rtsp_session(camera) as connection, pytest.raises(EOFError):
        until_s = time.monotonic() + GUARD_S
        while time.monotonic() < until_s:
            next_packet(connection)


def test_connections_are_counted_and_dropped(camera: NetworkCamera) -> None:
    before = camera.counters()["total"]
    with rtsp_session(camera) as connection:
        wait_until(lambda: camera.counters()["open"] == 1)  # what played before has hung up
        assert camera.counters()["total"] == before + 1
        camera.drop()
        with pytest.raises((EOFError, ConnectionError)):
            while True:
                next_packet(connection)
    wait_until(lambda: camera.counters()["open"] == 0)
    assert camera.counters()["requests"][-1]["line"].startswith("PLAY rtsp://")


def test_nobody_listens_and_then_somebody_does(camera: NetworkCamera) -> None:
    address = ("127.0.0.1", int(camera.url().split(":")[2].split("/")[0]))
    camera.set(refuse=True)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, GUARD_S)
    camera.set(refuse=False)
    socket.create_connection(address, GUARD_S).close()


def test_an_unknown_switch_is_told(camera: NetworkCamera, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no switch repeats"):
        camera.set(repeats=True)
