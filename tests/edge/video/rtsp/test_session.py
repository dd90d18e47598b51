"""The dialogue with a recorder, and what it gets; the video process is scripted."""

from __future__ import annotations

import base64
import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from edge.access.people import People
from edge.basics.errors import ConfigError, InputOutputError
from edge.config import VideoConfig, WebConfig
from edge.sources.network.rtsp_messages import Message, MessageReader, Packet
from edge.video.hub import Hub
from edge.video.rtsp.server import RtspServer
from edge.video.rtsp.transports import UdpPair
from tests.doubles.guarded import with_token, write_users
from tests.doubles.scripted_video import ScriptedVideo
from tests.doubles.video_unit import VideoStudio
from tests.doubles.waiting import GUARD_S

TCP = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}


class Bench:
    """A studio with RTSP on a free port of loopback."""

    def __init__(self, config: WebConfig | None = None, **child: Any) -> None:
        self.children: list[ScriptedVideo] = []
        video = VideoConfig(rtsp="127.0.0.1:0")
        self.studio = VideoStudio(video, config, make_child=partial(self._make, child))
        self.studio.roll()

    def _make(self, child: dict[str, Any], num_bytes: int, on_message: Any) -> ScriptedVideo:
        self.children.append(ScriptedVideo(num_bytes, on_message, **child))
        return self.children[-1]

    @property
    def num_viewers(self) -> int:
        return self.studio.parts.num_viewers()


class Recorder:
    """An RTSP client that says exactly what a test tells it to."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self.url = url.rstrip("/")
        self.socket = socket.create_connection((where.hostname, where.port), timeout=GUARD_S)
        self.packets: list[Packet] = []
        self._reader, self._found = MessageReader(), iter(())
        self._number = 0

    def ask(self, method: str, path: str = "", headers: dict[str, str] | None = None) -> Message:
        self._number += 1
        lines = [f"{method} {self.url}{path} RTSP/1.0", f"CSeq: {self._number}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while True:
            found = self.read()
            if isinstance(found, Message):
                assert found.header("cseq") == str(self._number)
                return found
            self.packets.append(found)

    def read(self) -> Message | Packet:
        """The next thing that comes.

        Raises:
            EOFError: the unit has closed.
        """
        while True:
            for found in self._found:
                return found
            content = self.socket.recv(1 << 16)
            if not content:
                raise EOFError
            self._found = self._reader.feed(content)

    def packet(self, channel: int = 0) -> bytes:
        while True:
            for index, packet in enumerate(self.packets):
                if packet.channel == channel:
                    return self.packets.pop(index).content
            found = self.read()
            assert isinstance(found, Packet)
            self.packets.append(found)

    def play(self, view: str = "enhanced", headers: dict[str, str] | None = None) -> None:
        for method, path, more in (
            ("DESCRIBE", f"/{view}", {}),
            ("SETUP", f"/{view}/trackID=0", TCP),
            ("PLAY", f"/{view}/", {}),
        ):
            assert self.ask(method, path, {**more, **(headers or {})}).status == 200, method


@pytest.fixture
def udp_pairs(monkeypatch: pytest.MonkeyPatch) -> list[UdpPair]:
    """Those that are opened from now on."""
    opened: list[UdpPair] = []

    def made() -> UdpPair:
        opened.append(UdpPair())
        return opened[-1]

    monkeypatch.setattr("edge.video.rtsp.server.UdpPair", made)
    return opened


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.studio.close()


@pytest.fixture
def recorder(bench: Bench) -> Recorder:
    return Recorder(bench.studio.rtsp_url)


def wait_until(holds: Callable[[], object]) -> None:
    until_s = time.monotonic() + GUARD_S
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.02)


def test_a_description_names_codec_and_parameter_sets(recorder: Recorder) -> None:
    told = recorder.ask("DESCRIBE", "/pair")
    assert (told.status, told.header("content-type")) == (200, "application/sdp")
    lines = told.body.decode().splitlines()
    assert "a=rtpmap:96 H264/90000" in lines
    assert any(line.startswith("a=fmtp:96 packetization-mode=1;profile-level-id=42C028;sprop-") for line in lines)
    assert told.header("content-base").endswith("/pair/")


def test_it_plays_from_a_whole_picture_on_with_the_time_of_day(recorder: Recorder) -> None:
    begin_s = time.time()
    recorder.play()
    report = recorder.packet(channel=1)
    first = recorder.packet()
    assert first[12] & 0x1F == 7, "parameter sets come first"
    rtp_time = struct.unpack(">I", first[4:8])[0]
    seconds, rest, rtp_of_report = struct.unpack(">III", report[8:20])
    told_s = seconds - 2_208_988_800 + rest / 2**32 - ((rtp_of_report - rtp_time + 2**31) % 2**32 - 2**31) / 90_000
    assert begin_s - 2.0 < told_s <= time.time(), "a picture of just now"


def test_udp_comes_from_the_ports_that_were_told(bench: Bench, recorder: Recorder) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.settimeout(GUARD_S)
        port = taken.getsockname()[1]
        assert recorder.ask("DESCRIBE", "/raw").status == 200
        asked = {"Transport": f"RTP/AVP;unicast;client_port={port}-{65535 if port == 65534 else port + 1}"}
        told = recorder.ask("SETUP", "/raw/trackID=0", asked)
        assert told.status == 200
        assert recorder.ask("PLAY", "/raw/").status == 200
        packet, source = taken.recvfrom(2000)
        assert f"server_port={source[1]}-{source[1] + 1}" in told.header("transport")
        assert packet[1] & 0x7F == 96
        assert recorder.ask("TEARDOWN", "/raw/").status == 200
    wait_until(lambda: bench.num_viewers == 0)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("DESCRIBE", "/split", {}, 404),
        ("DESCRIBE", "/../../etc/passwd", {}, 404),
        ("SETUP", "/raw/trackID=0", {"Transport": "RTP/AVP;multicast"}, 461),
        ("PLAY", "/raw/", {}, 455),
        ("RECORD", "/raw/", {}, 405),
        ("ANNOUNCE", "/raw/", {}, 405),
        ("OPTIONS", "", {}, 200),
        ("GET_PARAMETER", "", {}, 200),
    ],
)
def test_answers(recorder: Recorder, method: str, path: str, headers: dict[str, str], status: int) -> None:
    assert recorder.ask(method, path, headers).status == status


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", id="HTTP"),
        pytest.param(b"\x16\x03\x01\x02\x00" + bytes(600) + b"\r\n\r\n", id="TLS"),
        pytest.param(b"OPTIONS * RTSP/1.0\r\nContent-Length: 999999\r\n\r\n", id="a huge body"),
        pytest.param(b"OPTIONS * RTSP/1.0\r\n" + b"X: y\r\n" * 12_000, id="a head without an end"),
        pytest.param(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n" * 60, id="a flood"),
        pytest.param(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", id="an answer"),
    ],
)
def test_what_is_no_recorder_is_cut(recorder: Recorder, content: bytes) -> None:
    with contextlib.suppress(ConnectionError):  # cut while it still sends, or with what it sent unread
        recorder.socket.sendall(content)
        while recorder.socket.recv(1 << 16):
            pass


def test_one_who_does_not_read_keeps_no_memory_and_is_cut(
    bench: Bench, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.play()
    monkeypatch.setattr("edge.video.rtsp.session.SILENT_S", 1.0)
    bench.children[0].unit_bytes = 400_000
    wait_until(lambda: bench.num_viewers == 0)


def test_connections_of_one_address_are_bounded(bench: Bench) -> None:
    recorders = [Recorder(bench.studio.rtsp_url) for _ in range(9)]
    assert [one.ask("OPTIONS").status for one in recorders[:8]] == [200] * 8
    with pytest.raises((EOFError, ConnectionError)):
        recorders[8].ask("OPTIONS")


def test_seats_are_those_of_the_page() -> None:
    bench = Bench(WebConfig(listen="127.0.0.1:0", streams=1))
    try:
        first, second = (Recorder(bench.studio.rtsp_url) for _ in range(2))
        assert first.ask("DESCRIBE", "/raw").status == 200
        assert second.ask("DESCRIBE", "/raw").status == 503
        first.ask("TEARDOWN", "/raw")
        wait_until(lambda: second.ask("DESCRIBE", "/raw").status == 200)
    finally:
        bench.studio.close()


def test_when_the_video_process_dies_recorders_are_told_by_the_end(bench: Bench, recorder: Recorder) -> None:
    recorder.play()
    bench.children[0].die()
    with pytest.raises((EOFError, ConnectionError)):
        while True:
            recorder.packet(channel=5)


def test_a_token_is_the_password_and_its_end_is_the_streams(tmp_path: Path) -> None:
    users = write_users(tmp_path / "users.toml")
    text = with_token(users, "viewer", datetime.now(timezone.utc))
    bench = Bench(WebConfig(listen="127.0.0.1:0", users=str(users)))
    try:
        recorder = Recorder(bench.studio.rtsp_url)
        told = recorder.ask("DESCRIBE", "/raw")
        assert (told.status, told.header("www-authenticate")) == (401, 'Basic realm="edge-enhance"')
        wrong = {"Authorization": "Basic " + base64.b64encode(b"recorder:edgetoken_wrong").decode()}
        assert recorder.ask("DESCRIBE", "/raw", wrong).status == 401
        assert recorder.ask("DESCRIBE", "/raw", {"Authorization": "Basic !!"}).status == 401
        assert bench.num_viewers == 0
        right = {"Authorization": "Basic " + base64.b64encode(f"recorder:{text}".encode()).decode()}
        recorder.play("raw", right)
        assert bench.num_viewers == 1
        write_users(users, People({}, {}))
        wait_until(lambda: bench.num_viewers == 0)
    finally:
        bench.studio.close()


@pytest.mark.parametrize(
    ("listen", "settings", "told"),
    [
        ("0.0.0.0:8554", {}, "without users and TLS"),
        ("0.0.0.0:8554", {"users": "users.toml"}, "without TLS"),
        ("0.0.0.0:8554", {"certificate": "self-made"}, "without users"),
        ("unix:/run/x.sock", {}, "expected HOST:PORT"),
        ("8554", {}, "video.rtsp = '8554'"),
        ("nowhere.invalid:8554", {}, "video.rtsp = 'nowhere.invalid:8554'"),
    ],
)
def test_it_is_never_open_to_everybody_unasked(listen: str, settings: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        RtspServer(listen, WebConfig(**settings), Hub())


def test_a_port_in_use_is_told_by_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputOutputError, match=f"video.rtsp 127.0.0.1:{port}: the port is in use"):
            VideoStudio(VideoConfig(rtsp=f"127.0.0.1:{port}"))


def test_an_address_that_is_none_is_answered(
    bench: Bench, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.url = "rtsp://[x"
    assert recorder.ask("DESCRIBE", "/raw").status == 404
    assert recorder.ask("OPTIONS").status == 200
    assert not caplog.records


def test_one_who_asks_and_reads_no_answer_is_cut(
    bench: Bench, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.video.rtsp.session.MAX_REQUESTS_A_SECOND", 10_000)
    monkeypatch.setattr("edge.video.rtsp.session.MAX_UNSENT_BYTES", 0)
    recorder.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    asked = f"DESCRIBE rtsp://{'x' * 50_000}/raw RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode()
    with pytest.raises(ConnectionError):
        for _ in range(1000):
            recorder.socket.sendall(asked)
    wait_until(lambda: bench.num_viewers == 0)


def test_ports_that_were_asked_for_and_given_up_are_forgotten(udp_pairs: list[UdpPair], recorder: Recorder) -> None:
    for port in range(50_000, 50_010, 2):
        transport = {"Transport": f"RTP/AVP;unicast;client_port={port}-{port + 1}"}
        assert recorder.ask("SETUP", "/raw/trackID=0", transport).status == 200
    assert [port for one in udp_pairs for _, port in one.heard_s] == [50_009]
