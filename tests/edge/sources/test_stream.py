"""Network cameras: a real MJPEG server on loopback, and a scripted capture for what queues up."""

import http.server
import threading

import cv2
import numpy as np
import pytest

from edge.basics.errors import CameraLost, DeviceMissing
from edge.sources import stream as stream_module
from edge.sources.stream import StreamSource

MS = 1_000_000


class MjpegHandler(http.server.BaseHTTPRequestHandler):
    """Sends pictures of rising level, then hangs up."""

    num_pictures = 40

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for number in range(self.num_pictures):
            jpeg = cv2.imencode(".jpg", np.full((90, 160, 3), (0, 0, 5 * number), np.uint8))[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")

    def log_message(self, *_):
        pass


@pytest.fixture
def address():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), MjpegHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/stream.mjpg"
        server.shutdown()


def test_mjpeg_over_http_until_the_server_hangs_up(address, capfd):
    source = StreamSource(address)
    frames = []
    with pytest.raises(CameraLost, match="stream ended"):
        for _ in range(MjpegHandler.num_pictures + 1):
            frames.append(source.read())
    source.close()
    assert frames[0].image.shape == (1080, 1920, 3)
    reds = [int(frame.image[500, 900, 0]) for frame in frames]
    assert reds == sorted(reds)
    assert reds[-1] > reds[0]
    assert frames[0].image[500, 900, 2] < 10
    assert capfd.readouterr().err == ""


def test_nobody_there_is_one_line_without_the_password(capfd):
    with pytest.raises(DeviceMissing, match="check the address") as caught:
        StreamSource("rtsp://doctor:secret@127.0.0.1:1/throat")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


class FakeStream:
    """Frames as (ms that grab takes, ms of the stream's clock); the level of a picture is its number."""

    def __init__(self, script):
        self.script = list(script)
        self.now_ns = 50 * MS
        self.number = -1
        self.pts_ms = 0.0

    def get(self, prop):
        return {cv2.CAP_PROP_FPS: 25.0, cv2.CAP_PROP_POS_MSEC: self.pts_ms}[prop]

    def grab(self):
        if not self.script:
            return False
        took_ms, self.pts_ms = self.script.pop(0)
        self.now_ns += took_ms * MS
        self.number += 1
        return True

    def retrieve(self):
        return True, np.full((1080, 1920, 3), self.number, np.uint8)

    def release(self):
        self.script = []


@pytest.mark.parametrize(
    ("script", "pause_ms", "seqs", "lag_ms"),
    [
        pytest.param([(40, 0), (40, 40), (40, 80)], 0, [0, 1, 2], 0, id="live"),
        pytest.param([(40, 0), (5, 40), (5, 80), (5, 120), (5, 160)], 160, [0, 3], 55, id="a queue piled up"),
        pytest.param([(40, 0), (40, 0), (40, 0)], 0, [0, 1, 2], 0, id="no time stamps"),
        pytest.param([(80, 0), (80, 40), (80, 80), (80, 120)], 0, [0, 1, 2, 3], 0, id="slower than it says"),
        pytest.param([(40, 9000), (5, 0), (40, 40)], 0, [0, 2], 0, id="stream begins anew"),
    ],
)
def test_newest_wins_as_far_as_the_stream_tells(monkeypatch, script, pause_ms, seqs, lag_ms):
    fake = FakeStream(script)
    monkeypatch.setattr(stream_module.time, "monotonic_ns", lambda: fake.now_ns)
    source = StreamSource("rtsp://host/throat", capture=fake)
    frames = []
    for _ in seqs:
        frames.append(source.read())
        fake.now_ns += pause_ms * MS
        pause_ms = 0
    assert [frame.seq for frame in frames] == seqs
    assert [int(frame.image[0, 0, 0]) for frame in frames] == seqs
    assert (fake.now_ns - frames[-1].t_capture_ns) / MS == lag_ms


def test_close_ends_the_source(address):
    source = StreamSource(address)
    source.close()
    assert source.read() is None
