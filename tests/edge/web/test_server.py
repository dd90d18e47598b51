"""The web sink over real sockets: streams, snapshots, health, and viewers that behave badly."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import socket
import threading
from itertools import pairwise
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np
import pytest
import simplejpeg

from edge.basics.errors import ConfigError, InputOutputError
from edge.pictures.image import Image
from edge.web import server
from edge.web.views import ViewEncoder
from tests.doubles.http_viewer import GUARD_S, Part, Viewer, get, health_of, image_from_png, is_near, wait_for_frames
from tests.doubles.studio import ENHANCED_RED, RAW_GREEN, web_sink
from tests.doubles.waiting import wait_until

STALE_AMBER = (255, 184, 28)


# ---- what a stream holds


@pytest.mark.parametrize(
    ("query", "left", "right"),
    [
        ("view=enhanced", ENHANCED_RED, ENHANCED_RED),
        ("view=raw", RAW_GREEN, RAW_GREEN),
        ("view=split", RAW_GREEN, ENHANCED_RED),
        ("view=split&at=0.3", RAW_GREEN, ENHANCED_RED),
        ("view=split&at=0", ENHANCED_RED, ENHANCED_RED),
        ("view=split&at=1", RAW_GREEN, RAW_GREEN),
    ],
)
def test_a_view_shows_its_picture(
    studio: Any, watch: Any, query: str, left: tuple[int, int, int], right: tuple[int, int, int]
) -> None:
    studio.roll()
    part = watch(query).until(lambda part: part.state == "live")
    cut_px = round(480 * float(query.partition("at=")[2] or 0.5))
    assert is_near(part.image[100:248, : max(0, cut_px - 16)], left)
    assert is_near(part.image[100:248, cut_px + 16 :], right)
    assert part.headers["x-mode"] == ("raw" if query == "view=raw" else "enhanced")
    assert part.headers["content-type"] == "image/jpeg"
    assert 0 <= float(part.headers["x-age-ms"]) <= 500


def test_a_pair_is_both_pictures_of_one_frame(studio: Any, watch: Any) -> None:
    studio.roll()
    part = watch("view=pair").until(lambda part: part.state == "live")
    cut = int(part.headers["x-enhanced-bytes"])
    for jpeg, colour in ((part.body[:cut], ENHANCED_RED), (part.body[cut:], RAW_GREEN)):
        assert is_near(simplejpeg.decode_jpeg(jpeg, colorspace="RGB")[100:248], colour)


@pytest.mark.parametrize("view", ["enhanced", "raw", "split", "pair"])
def test_before_the_first_frame_there_is_a_card(watch: Any, view: str) -> None:
    part = watch(f"view={view}").next()
    assert part.state == "starting"
    assert "x-seq" not in part.headers
    jpeg = part.body[: int(part.headers.get("x-enhanced-bytes", len(part.body)))]
    assert is_near(simplejpeg.decode_jpeg(jpeg, colorspace="RGB")[4], (38, 84, 140)), "the blue bar"


@pytest.mark.parametrize("view", ["enhanced", "raw", "split", "pair"])
def test_a_picture_that_no_new_one_follows_becomes_stale_and_then_no_signal(studio: Any, watch: Any, view: str) -> None:
    viewer = watch(f"view={view}")
    studio.roll()
    viewer.until(lambda part: part.state == "live")
    studio.cut()
    stale = viewer.until(lambda part: part.state == "stale" and part.seq == studio.seq)
    older = viewer.next()
    assert stale.seq == older.seq == studio.seq
    assert 500 < float(stale.headers["x-age-ms"]) < float(older.headers["x-age-ms"])
    assert is_near(stale.image[1], STALE_AMBER, tolerance=25)
    assert not np.array_equal(stale.image[:70], older.image[:70]), "the age counts up in the pixels"
    studio.health.enter("source", "failed", "camera unplugged")
    lost = viewer.until(lambda part: part.state == "no-signal")
    assert np.ptp(lost.image[130:250, 200:460].astype(int), axis=2).max() <= 4, "grey"
    studio.roll()
    assert is_near(viewer.until(lambda part: part.state == "live").image[100:, 300:], ENHANCED_RED) or view == "raw"


def test_a_failed_engine_is_named_in_the_pixels(studio: Any, watch: Any) -> None:
    viewer = watch()
    studio.roll(only_raw=True)
    plain = viewer.until(lambda part: part.state == "live")
    studio.health.enter("engine", "failed", "engine: the output is black")
    seq = studio.seq  # what is newer was judged after that
    part = viewer.until(lambda part: part.seq > seq and part.state == "live")
    assert part.headers["x-mode"] == "raw"
    wait_until(lambda: health_of(studio.url)["state"] == "degraded")
    assert not is_near(part.image[6:16, 80:200], tuple(plain.image[12, 150])), "the reason beside RAW"


# ---- newest only, once for all


def test_each_view_is_encoded_once_for_all_viewers_and_not_at_all_for_none(
    studio: Any, watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[str, int, str]] = []
    encode = ViewEncoder.encoded

    def counted(self: Any, view: Any, pair: Any, verdict: Any, quality: int) -> Any:
        made.append((view.name, 0 if pair is None else pair.raw.seq, verdict.state))
        return encode(self, view, pair, verdict, quality)

    monkeypatch.setattr(ViewEncoder, "encoded", counted)
    viewers = [watch("view=enhanced") for _ in range(3)]
    for viewer in viewers:
        viewer.next()
    states: set[str] = set()
    while states != {"live"}:  # on a busy machine a picture is stale before everybody has it, and is made again
        seq = studio.show().raw.seq
        states = {viewer.until(lambda part, seq=seq: part.headers.get("x-seq") == str(seq)).state for viewer in viewers}
    assert made.count(("enhanced", seq, "live")) == 1
    assert {view for view, _, _ in made} == {"enhanced"}


def noise(seed: int) -> Image:
    """A picture that no codec makes small."""
    return np.random.default_rng(seed).integers(0, 256, (540, 960, 3), dtype=np.uint8)


def test_a_viewer_that_does_not_read_holds_nobody_back_and_then_gets_the_newest(studio: Any, watch: Any) -> None:
    address = urlsplit(studio.url)
    lazy = socket.socket()
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lazy.settimeout(GUARD_S)
    lazy.connect((address.hostname, address.port))
    lazy.sendall(b"GET /stream.mjpg?view=enhanced HTTP/1.1\r\nHost: localhost\r\n\r\n")
    quick = watch()
    num_frames = 30
    for seq in range(1, num_frames + 1):
        studio.show(enhanced=noise(seq))
        quick.until(lambda part, seq=seq: part.headers.get("x-seq") == str(seq))
    received = bytearray()
    while f"X-Seq: {num_frames}\r\n".encode() not in received:
        received += lazy.recv(1 << 16)
    lazy.close()
    assert 1 <= received.count(b"X-Seq: ") < num_frames / 2


def test_viewers_of_different_views_each_get_their_own(studio: Any, watch: Any) -> None:
    viewers = {RAW_GREEN: watch("view=raw"), ENHANCED_RED: watch("view=enhanced")}
    studio.roll()
    for colour, viewer in viewers.items():
        for _ in range(6):
            part = viewer.until(lambda part: part.state == "live")
            assert is_near(part.image[100:248], colour)


def test_a_new_viewer_gets_the_newest_frame_first(studio: Any, watch: Any) -> None:
    for _ in range(5):
        pair = studio.show()
    wait_until(lambda: studio.sink._newest is pair)
    first = watch("view=raw").until(lambda part: "x-seq" in part.headers)
    assert first.seq == pair.raw.seq == 5


def test_a_picture_that_cannot_be_encoded_does_not_end_the_stream(
    studio: Any, watch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    viewer = watch()
    with caplog.at_level(logging.CRITICAL, logger="edge.web.server"):
        studio.show(enhanced=np.zeros((270, 480), np.uint8))
        studio.roll()
        viewer.until(lambda part: part.state == "live" and part.seq > 1)


def test_a_picture_that_took_too_long_to_encode_does_not_say_live(
    studio: Any, watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode, pause = ViewEncoder.encoded, threading.Event()

    def slow(self: Any, view: Any, pair: Any, verdict: Any, quality: int) -> Any:
        picture = encode(self, view, pair, verdict, quality)
        if picture.state == "live":
            pause.wait(0.6)
        return picture

    monkeypatch.setattr(ViewEncoder, "encoded", slow)
    viewer = watch("view=raw")
    studio.roll()
    states = [viewer.until(lambda part: part.state != "starting").state for _ in range(2)]
    assert states == ["stale", "stale"]


def test_what_is_shown_is_counted_with_and_without_viewers(studio: Any, watch: Any) -> None:
    studio.roll()
    wait_for_frames(studio.url, 3)
    assert "encode" not in health_of(studio.url)["stage_ms"]
    watch().until(lambda part: part.state == "live")
    wait_for_frames(studio.url, health_of(studio.url)["frames"] + 2)
    wait_until(lambda: health_of(studio.url)["state"] == "live")
    record = health_of(studio.url)
    assert (record["viewers"], record["source"]) == (1, "demo:")
    assert record["dropped_by"].keys() == {"web"}
    assert record["latency_ms"]["p50"] > 0
    assert record["stage_ms"]["engine"]["p50"] == 20.0


# ---- snapshots


def live_snapshot(url: str) -> tuple[http.client.HTTPResponse, bytes]:
    """Of the enhanced view; on a busy machine one may come too late to count as live."""
    answers: list[tuple[http.client.HTTPResponse, bytes]] = []

    def is_live() -> bool:
        answers.append(get(url, "/snapshot.png?view=enhanced"))
        return answers[-1][0].headers["X-State"] == "live"

    wait_until(is_live)
    return answers[-1]


def test_a_live_raw_snapshot_is_the_untouched_frame(studio: Any) -> None:
    raw, enhanced = noise(1), noise(2)
    studio.roll(raw, enhanced)
    response, file = live_snapshot(studio.url)
    stamped = image_from_png(file)
    assert np.array_equal(stamped[60:], enhanced[60:])
    assert not np.array_equal(stamped[:60], enhanced[:60]), "the banner"
    seq = response.headers["X-Seq"]
    response, file = get(studio.url, f"/snapshot.png?view=raw&seq={seq}")
    assert np.array_equal(image_from_png(file), raw)
    wanted = {"X-Seq": seq, "X-Mode": "raw", "X-State": "live", "Cache-Control": "no-store"}
    assert {name: response.headers[name] for name in wanted} == wanted
    assert response.headers["Content-Type"] == "image/png"
    assert f"-{int(seq):06d}-raw.png" in response.headers["Content-Disposition"]


def test_a_saved_pair_stays_one_while_new_frames_come(studio: Any) -> None:
    studio.roll()
    seq = live_snapshot(studio.url)[0].headers["X-Seq"]
    wait_for_frames(studio.url, health_of(studio.url)["frames"] + 3)
    other = get(studio.url, f"/snapshot.png?view=raw&seq={seq}")[0].headers
    assert (other["X-Seq"], other["X-State"]) == (seq, "live")


def test_a_snapshot_says_inside_what_it_is_and_how_the_unit_ran(studio: Any) -> None:
    state = {"nvpmodel": "15W (0)", "clocks_mhz": {"cpu0": 1510.4, "gpu": 625.0}}
    studio.health.track("unit_state", lambda: state)
    studio.roll()
    wait_for_frames(studio.url)
    _, file = get(studio.url, "/snapshot.png?view=enhanced")
    assert b"edge-enhance\0mode=enhanced profile=live model=" + b"ab" * 32 + b" state=" in file
    assert b" nvpmodel=15W_(0) clocks_mhz=cpu0:1510,gpu:625" in file
    state.clear()
    _, file = get(studio.url, "/snapshot.png?view=raw")
    assert b"edge-enhance\0mode=raw state=" in file
    assert b"nvpmodel" not in file


def test_a_raw_snapshot_without_signal_is_stamped(studio: Any) -> None:
    raw = noise(1)
    studio.show(raw)
    wait_for_frames(studio.url)
    studio.health.enter("source", "failed", "camera unplugged")
    response, file = get(studio.url, "/snapshot.png?view=raw")
    assert response.headers["X-State"] == "no-signal"
    assert not np.array_equal(image_from_png(file)[200:], raw[200:])


def test_there_is_no_snapshot_before_the_first_frame(studio: Any) -> None:
    response, body = get(studio.url, "/snapshot.png?view=raw")
    assert (response.status, body.count(b"\n")) == (503, 1)


# ---- what is refused


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/stream.mjpg?view=thermal", ["view", "'thermal'", "enhanced, raw, split"]),
        ("/stream.mjpg?view=", ["view", "''", "enhanced, raw, split"]),
        ("/stream.mjpg?view=split&at=1.5", ["at", "'1.5'", "from 0 to 1"]),
        ("/stream.mjpg?view=split&at=nan", ["at", "'nan'"]),
        ("/stream.mjpg?view=split&at=left", ["at", "'left'"]),
        ("/stream.mjpg?fps=0", ["fps", "'0'", "0.1 to 240"]),
        ("/stream.mjpg?fps=fast", ["fps", "'fast'"]),
        ("/snapshot.png?view=split", ["view", "'split'", "enhanced, raw"]),
        ("/snapshot.png?view=raw&seq=99", ["seq", "'99'"]),
    ],
)
def test_a_bad_value_is_named_in_one_line(studio: Any, path: str, words: list[str]) -> None:
    response, body = get(studio.url, path)
    assert response.status == 400
    assert body.count(b"\n") == 1
    for word in words:
        assert word in body.decode()


@pytest.mark.parametrize(
    "listen",
    [
        "",
        "8080",
        ":8080",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:http",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "::1:80",
    ],
)
def test_a_bad_listen_value_is_named(listen: str) -> None:
    sink = web_sink(listen)
    with pytest.raises(ConfigError, match=r"^web\.listen = .*expected HOST:PORT") as raised:
        sink.start()
    assert repr(listen) in str(raised.value)
    sink.close()


def test_a_port_in_use_is_named(studio: Any) -> None:
    taken = urlsplit(studio.url).netloc
    sink = web_sink(taken)
    with pytest.raises(InputOutputError) as raised:
        sink.start()
    assert str(raised.value) == f"web.listen {taken}: the port is in use; choose another with --listen HOST:PORT"
    sink.close()


def test_other_origins_are_given_nothing(studio: Any) -> None:
    for path in ("/", "/app.js", "/stream.js", "/style.css", "/health"):
        response, body = get(studio.url, path)
        assert (response.status, bool(body)) == (200, True), path
        assert response.headers["Access-Control-Allow-Origin"] is None
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'self'" in get(studio.url, "/")[0].headers["Content-Security-Policy"]
    assert get(studio.url, "/../health.py")[0].status == 404


@pytest.mark.parametrize("path", ["/stream.mjpg?view=enhanced", "/events"])
def test_a_head_of_an_endless_answer_is_its_headers_and_nobody_watches(studio: Any, path: str) -> None:
    studio.roll()
    wait_for_frames(studio.url)
    port = int(studio.url.rstrip("/").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), GUARD_S) as connection:
        connection.sendall(f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while len(answer) < 100_000 and (more := connection.recv(1 << 16)):
            answer += more
            if b"\r\n\r\n" in answer[:-4]:
                break
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n") and answer.count(b"\r\n\r\n") == 1, "no byte of a body"
    head = http.client.HTTPConnection(urlsplit(studio.url).netloc, timeout=GUARD_S)
    head.request("HEAD", path)
    with head.getresponse() as response:
        told = {name: response.headers[name] for name in ("Content-Type", "X-Accel-Buffering", "Content-Length")}
    head.request("GET", "/health")
    assert json.loads(head.getresponse().read())["viewers"] == 0, "the connection goes on, and nobody is counted"
    head.close()
    assert told["Content-Type"].startswith(("multipart/x-mixed-replace", "text/event-stream"))
    assert (told["X-Accel-Buffering"], told["Content-Length"]) == ("no", None)


# ---- the end


def test_close_cuts_every_viewer_and_frees_the_port(studio: Any, watch: Any) -> None:
    viewer = watch()
    studio.roll(noise(1), noise(2))
    viewer.next()
    address = urlsplit(studio.url)
    deaf = socket.create_connection((address.hostname, address.port), timeout=GUARD_S)
    deaf.sendall(b"GET /stream.mjpg?view=raw HTTP/1.1\r\nHost: localhost\r\n\r\n")
    wait_for_frames(studio.url, 20)
    studio.sink.close()
    studio.sink.close()
    studio.show()
    wait_until(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("web-")])
    with pytest.raises((OSError, http.client.HTTPException, EOFError)):
        viewer.until(lambda part: False)
    again = web_sink(address.netloc)
    again.start()
    assert health_of(again.url)["state"] == "starting"
    again.close()
    deaf.close()


@pytest.mark.slow
def test_a_viewer_may_ask_for_fewer_pictures_and_gets_the_newest(studio: Any) -> None:
    studio.roll()
    viewer = Viewer(studio.url, "view=enhanced&fps=2")
    viewer.until(lambda part: part.state == "live")  # the first one may say that there is none yet
    parts: list[Part] = []

    def has_left_out_others() -> bool:
        parts.append(viewer.next())
        return sum(later.seq - earlier.seq >= 4 for earlier, later in pairwise(parts)) >= 3

    wait_until(has_left_out_others)  # the camera may stand still meanwhile, and what it gave last is shown again
    viewer.close()
    sent_ms = [float(part.headers["x-sent-ms"]) for part in parts]
    assert min(later - earlier for earlier, later in pairwise(sent_ms)) > 499


@pytest.mark.parametrize("path", ["/health", "/nothing"])
def test_an_expectation_that_is_not_utf8_is_refused_without_an_internal_error(studio, path, caplog):
    port = int(studio.url.rstrip("/").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), GUARD_S) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nExpect: ".encode() + b"\xed\xa0\x80\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 417 ")
    assert not caplog.records


def test_what_is_no_request_is_answered_and_not_logged(studio, caplog):
    port = int(studio.url.rstrip("/").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), GUARD_S) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\na\nb: c\r\n\r\n")
        assert b" 400 " in connection.recv(100)
    assert not caplog.records


def test_what_a_request_meets_unexpectedly_is_one_line(studio: Any, caplog: Any, monkeypatch: Any) -> None:
    studio.roll()
    wait_for_frames(studio.url)
    monkeypatch.setattr("edge.web.api.pictures.unit_note", lambda state: 1 / 0)
    response, body = get(studio.url, "/snapshot.png?view=enhanced")
    assert (response.status, body) == (503, b"not possible now; try again\n")
    assert "GET /snapshot.png: ZeroDivisionError" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_server_that_has_failed_can_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else that error would be told in the place of the first one, and the other sinks would stay open."""
    failed = threading.Event()

    class FailingEvent(asyncio.Event):
        async def wait(self) -> Literal[True]:
            raise OSError("the server fails")

    monkeypatch.setattr(server.asyncio, "Event", FailingEvent)
    sink = web_sink()
    monkeypatch.setattr(sink, "_on_failed", lambda error: failed.set())
    sink.start()
    assert failed.wait(GUARD_S)
    sink.close()
