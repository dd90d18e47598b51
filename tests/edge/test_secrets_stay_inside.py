"""Every command with a password in each place where one can stand: nothing that it writes, answers or runs shows it."""

import contextlib
import http.client
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np
import pytest

from tests.doubles.haste import first_in_haste
from tests.doubles.ports import free_port
from tests.doubles.waiting import GUARD_S, wait_until

PASSWORD = "Zq7 gehäim/@:?#&'x"
PLAIN = "Zq7geheimx"
TOKEN = "Zq7t0kenx"
ENCODED = quote(PASSWORD, safe="")
TRACES = ("Zq7", "geh%C3%A4im", "gehäim", "geh\\xe4im", "geh\\u00e4im", "geheim", "t0ken", "WnE3", "pxNy")
"""What is found of any of them, as it is, in percent, escaped; the last two in the base64 of `doctor:Zq7...`."""

ADDRESSES = {
    "password": f"rtsp://doctor:{PLAIN}@127.0.0.1:1/live",
    "encoded": f"rtsp://doctor:{ENCODED}@127.0.0.1:1/live",
    "as it is": f"rtsp://doctor:{PASSWORD}@127.0.0.1:1/live",
    "token as user": f"http://{TOKEN}@127.0.0.1:1/live",
    "query": f"http://127.0.0.1:1/live?pwd={TOKEN}&channel=1",
    "path": f"rtsp://127.0.0.1:1/user=doctor&password={TOKEN}&channel=1",
    "mistyped": f"rtps://doctor:{PLAIN}@127.0.0.1:1/live",
    "no slashes": f"rtsp:doctor:{PLAIN}@127.0.0.1:1/live",
    "no scheme": f"doctor:{PLAIN}@127.0.0.1:1/live",
    "demo": f"demo:?token={TOKEN}",
    "camera": f"camera:/dev/nothing?password={TOKEN}",
}


def assert_nothing_shown(text, where):
    for trace in TRACES:
        at = text.find(trace)
        assert at < 0, f"{where}: ...{text[max(0, at - 100) : at + 60]}..."


def told(module, *words, cwd):
    """What a command writes to both its streams; it ends by itself."""
    environment = {**os.environ, "HOME": str(cwd), "STATE_DIRECTORY": str(cwd)}
    command = [sys.executable, "-m", module, *words]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=GUARD_S)
    return done.stdout + done.stderr


@pytest.fixture
def unit(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
    (tmp_path / "unit").mkdir()
    return tmp_path / "unit"


@pytest.mark.parametrize("uri", ADDRESSES.values(), ids=ADDRESSES)
def test_the_configuration_is_printed_without(uri, unit):
    (unit / "edge.toml").write_text(f"[source]\nuri = {json.dumps(uri)}\n")
    from_file = told("edge.cli", "--print-config", "--config", "edge.toml", cwd=unit)
    from_words = told("edge.cli", "--print-config", "--source", uri, cwd=unit)
    for text in (from_file, from_words):
        assert "source.uri" in text and "***" in text
        assert_nothing_shown(text, "--print-config")


@pytest.mark.parametrize("uri", first_in_haste({name: (uri,) for name, uri in ADDRESSES.items()}))
def test_a_source_that_cannot_be_opened_is_told_without(uri, unit):
    text = told("edge.cli", "--live", "--listen", "127.0.0.1:0", "--debug", "--source", uri, cwd=unit)
    assert "Error" in text or "Missing" in text, text
    assert_nothing_shown(text, "--live --debug")
    assert_nothing_shown(told("calib.cli", "capture", "--source", uri, "flat", cwd=unit), "edge-calib capture")


WRONG_TABLES = {
    "unknown key": f'[source]\nurii = "rtsp://doctor:{PASSWORD}@h/live"\n',
    "unknown table": f'[sourc]\nuri = "rtsp://doctor:{PASSWORD}@h/live"\n',
    "an address as a number": f'[web]\njpeg_quality = "rtsp://doctor:{PASSWORD}@h/live"\n',
    "a choice": f'[source]\nfit = "rtsp://doctor:{PASSWORD}@h/live"\n',
    "a list": f'[source]\ncontrols = ["rtsp://doctor:{PASSWORD}@h/live"]\n',
    "a table in its place": f'[source.uri]\nuser = "doctor"\npassword = "{PASSWORD}"\n',
    "password as a key": f'[source]\npassword = "{PASSWORD}"\n',
    "token in another table": f'[web]\ntoken = "{TOKEN}"\n',
    "at the top": f'password = "{PASSWORD}"\n',
    "a control character": f'[source]\nuri = "rtsp://doctor:{TOKEN}\\u0007@h/live"\n',
    "not TOML": f'[source]\nuri = "rtsp://doctor:{PLAIN}@h/live\n',
    "not TOML at the end": f'[source]\nuri = "rtsp://doctor:{PLAIN}@h/live"\nuri = "rtsp://doctor:{TOKEN}@h/live"\n',
}


@pytest.mark.parametrize("table", WRONG_TABLES.values(), ids=WRONG_TABLES)
def test_a_wrong_configuration_is_told_without(table, unit):
    (unit / "edge.toml").write_text(table)
    for mode in ("--print-config", "--check"):
        text = told("edge.cli", mode, "--debug", "--config", "edge.toml", cwd=unit)
        assert "ConfigError" in text
        assert_nothing_shown(text, mode)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["--password", TOKEN], id="an option that is none"),
        pytest.param([f"--source=rtsp://doctor:{PASSWORD}@h/a", "x.png", "--output", "out"], id="not for files"),
        pytest.param([f"rtsp://doctor:{PASSWORD}@h/a", "--output", "out"], id="as a file"),
        pytest.param(["--live", "--unit", "1", "--listen", f"http://d:{PASSWORD}@h/a"], id="as an address"),
        pytest.param(["--print-config", "--config", f"rtsp://doctor:{PASSWORD}@h/a"], id="as the configuration"),
        pytest.param(["model", "install", f"https://doctor:{PASSWORD}@h/a"], id="model install"),
        pytest.param(["install-service", "--root", f"https://doctor:{PASSWORD}@h/a"], id="install-service"),
        pytest.param(["cameras", f"--token={TOKEN}"], id="cameras"),
        pytest.param([f"--profile=rtsp://doctor:{PASSWORD}@h/a", "--live"], id="as a profile"),
    ],
)
def test_a_wrong_command_line_is_told_without(words, unit):
    text = told("edge.cli", *words, cwd=unit)
    assert "edge-enhance" in text
    assert_nothing_shown(text, " ".join(words))


class Camera(http.server.BaseHTTPRequestHandler):
    """An MJPEG camera; whoever asks is served."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        noise = np.random.default_rng(1).integers(0, 255, (90, 160, 3), np.uint8)
        with contextlib.suppress(OSError):
            for number in range(10_000):
                jpeg = cv2.imencode(".jpg", np.roll(noise, number, 1))[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
                time.sleep(0.1)

    def log_message(self, *_):
        pass


@pytest.fixture
def camera():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def answer(port, path, method="GET", num_bytes=1_000_000):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GUARD_S)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, (response.read1(num_bytes) if path == "/events" else response.read()).decode()
    finally:
        connection.close()


def health_until(port, is_so, program):
    end = time.monotonic() + GUARD_S
    found = {}
    while time.monotonic() < end and program.poll() is None:
        with contextlib.suppress(OSError):
            found = json.loads(answer(port, "/health")[1])
            if is_so(found):
                return found
        time.sleep(0.1)
    raise AssertionError(f"never came: {found}")


def save_when_live(port):
    """A busy machine's picture may be too old for a moment."""
    end = time.monotonic() + GUARD_S
    while answer(port, "/api/save", "POST")[0] != 202:
        assert time.monotonic() < end, "never live"
        time.sleep(0.1)


def command_lines(pid):
    """Of a process and of its descendants."""
    found = [Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()]
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # a thread or a process that has ended meanwhile
            for child in (task / "children").read_text().split():
                found += command_lines(int(child))
    return found


def test_a_running_unit_tells_nobody(camera, unit):
    port = free_port()
    config = unit / "edge.toml"
    config.write_text(f'[save]\nfolder = "{unit}/pictures"\n')
    journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    journal.bind(str(unit / "notify"))
    status = []
    told_to_systemd = iter(lambda: journal.recv(65536).decode(), "the end")
    reading = threading.Thread(target=lambda: status.extend(told_to_systemd), daemon=True)
    reading.start()
    uri = f"http://doctor:{ENCODED}@{camera}/live.mjpg?pwd={TOKEN}"
    words = ["--live", "--config", str(config), "--listen", f"127.0.0.1:{port}", "--source", uri]
    environment = {**os.environ, "NOTIFY_SOCKET": str(unit / "notify"), "STATE_DIRECTORY": str(unit)}
    log = unit / "log"
    with log.open("w") as stream:
        program = subprocess.Popen(
            [sys.executable, "-m", "edge.cli", *words], cwd=unit, env=environment, stdout=stream, stderr=stream
        )
    try:
        seen = [health_until(port, lambda found: found["frames"] > 3, program)]
        lines = command_lines(program.pid)
        assert len(lines) >= 2, "the engine's process"
        assert "--source http://***@" in lines[0]
        save_when_live(port)
        wait_until(lambda: [*(unit / "pictures").rglob("*.json")])
        reloads = {
            "unknown key": f'[source]\npassword = "{PASSWORD}"\n',
            "no camera there": f'[heat]\nwarm_celsius = 81.0\n[source]\nuri = "rtsp://d:{PASSWORD}@127.0.0.1:1/a"\n',
            "no file there": f'[engine]\nprofile = "rtsp://doctor:{PASSWORD}@h/a"\n',
        }
        for number, table in enumerate(reloads.values(), 1):
            config.write_text(table)
            program.send_signal(signal.SIGHUP)
            seen.append(health_until(port, lambda found, n=number: (found["reload"] or {}).get("count") == n, program))
        assert not seen[-1]["reload"]["ok"]
        lines += command_lines(program.pid)
        answers = [answer(port, path)[1] for path in ("/", "/app.js", "/events", "/metrics", "/openapi.json", "/api/x")]
        check = told("edge.cli", "--check", "--listen", f"127.0.0.1:{port}", "--source", uri, cwd=unit)
        config.unlink()
    finally:
        program.terminate()
        program.wait(GUARD_S)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"the end", str(unit / "notify"))
        reading.join(GUARD_S)
        journal.close()
    assert any("STATUS=" in one and "***@" in one for one in status)
    sidecars = list((unit / "pictures").rglob("*.json"))
    assert len(sidecars) == 1
    assert "http://***@" in sidecars[0].read_text()
    assert "http://***@" in seen[0]["source"]
    assert "running for" in check
    for where, text in {
        "/health": json.dumps(seen, ensure_ascii=False),
        "an answer": "\n".join(answers),
        "systemd's status": "\n".join(status),
        "the process list": "\n".join(lines),
        "--check": check,
    }.items():
        assert_nothing_shown(text, where)
    for path in unit.rglob("*"):
        if path.is_file():
            assert_nothing_shown(path.read_bytes().decode(errors="replace"), path)
