"""`edge-bridge` as a person runs it: real processes, a simulated head on a real pseudo terminal."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_bridge.cli import parser
from tests.doubles.waiting import GUARD_S, wait_until

COMMAND = [sys.executable, "-m", "firmware_bridge.cli"]
LONGER_AND_LONGER = ("1.5", "6", "24", "96")
"""Seconds: what takes one of them on a quiet machine takes more beside other work."""


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=GUARD_S, check=False)


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`edge-bridge simulate`, taking keys from a pipe."""
    path = tmp_path_factory.mktemp("dev") / "head"
    words = ["simulate", str(path), "--leds", "2"]
    process = subprocess.Popen([*COMMAND, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert b"listens on" in process.stdout.readline()
    yield str(path), process
    process.terminate()
    assert process.wait(GUARD_S) == 130
    assert not Path(path).is_symlink(), "the name is removed when the simulator ends"


def test_status_is_a_table_or_json(head):
    port, _ = head
    table = run("status", "--port", port)
    assert table.returncode == 0, table.stderr
    assert "SIM-0001, firmware 1.0.0, 2 lights, protocol 1.0" in table.stdout
    assert "dew point margin" in table.stdout
    record = json.loads(run("status", "--port", port, "--json").stdout)
    assert record["identity"]["num_leds"] == 2
    assert record["status"]["supply_mv"] == 5000


def test_set_reaches_the_device_and_says_what_happens_next(head):
    port, _ = head

    def light_after_set() -> list[int]:
        """Asked in time: what was set goes out 10 s later, and a busy machine may need longer to ask."""
        answer = run("set", "led", "all", "400", "--port", port)
        assert answer.returncode == 0, answer.stderr
        assert "goes out in 10 s" in answer.stdout
        record = json.loads(run("status", "--port", port, "--json").stdout)
        return record["status"]["led_permille"]

    wait_until(lambda: light_after_set() == [400, 400, 0, 0])


@pytest.mark.parametrize(
    "words, code, message",
    [
        pytest.param(["set", "led", "2", "400"], 1, "this camera head has 2 light channels", id="channel"),
        pytest.param(["set", "heater", "2000"], 1, "heater 2000: expected 0 to 1000 permille", id="range"),
        pytest.param(["set", "lamp", "4"], 2, "set 'lamp': expected led, heater, sync-delay-us", id="word"),
        pytest.param(["set", "heatr", "4"], 2, "set 'heatr': did you mean 'heater'?", id="slip"),
        pytest.param(["set", "heater", "hot"], 2, "heater = 'hot': expected a whole number", id="number"),
        pytest.param(["get", "windw-celsius"], 2, "get 'windw-celsius': did you mean 'window-celsius'?", id="get"),
        pytest.param(["conform", "--only", "light-dim"], 2, "did you mean 'light-dims'?", id="check"),
        pytest.param(["set", "led", "4"], 2, "expected CHANNEL|all PERMILLE", id="missing value"),
    ],
)
def test_bad_values_get_one_line(head, words, code, message):
    answer = run(*words, "--port", head[0])
    assert answer.returncode == code
    assert message in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_missing_port_is_reported_at_once_with_the_code_of_a_missing_device(tmp_path):
    answer = run("status", "--port", str(tmp_path / "none"))
    assert answer.returncode == 69
    assert "none: no such port" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_monitor_shows_presses_of_the_button(head):
    port, simulator = head
    monitor = subprocess.Popen([*COMMAND, "monitor", "--port", port], stdout=subprocess.PIPE, text=True)
    guard = threading.Timer(GUARD_S, monitor.kill)
    guard.start()
    assert monitor.stdout is not None and simulator.stdin is not None
    assert any("SIM-0001" in line for line in monitor.stdout), "it connects"
    simulator.stdin.write(b"b")
    simulator.stdin.flush()
    told = next((line for line in monitor.stdout if "event: " in line), "")
    monitor.send_signal(signal.SIGINT)
    assert monitor.wait(GUARD_S) == 130
    monitor.stdout.close()
    guard.cancel()
    assert "event: button pressed, " in told
    assert "Button(" not in told


def test_monitor_redraws_in_a_terminal(head):
    port, _ = head
    for seconds in LONGER_AND_LONGER:
        shown = drawn(port, seconds)
        if b"A\x1b[J" in shown:
            break
    assert b"A\x1b[J" in shown
    assert b"dew point margin" in shown


def drawn(port, seconds) -> bytes:
    """What `edge-bridge monitor` writes to a terminal in that time."""
    master, slave = pty.openpty()
    words = ["monitor", "--port", port, "--seconds", seconds]
    process = subprocess.Popen([*COMMAND, *words], stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    try:
        while piece := os.read(master, 65536):
            shown += piece
    except OSError:
        pass  # the terminal's other end has closed
    os.close(master)
    assert process.wait(GUARD_S) == 0
    return shown


def test_reset_restarts_the_device(head):
    port, _ = head
    assert run("reset", "--port", port).returncode == 0
    wait_until(lambda: "since command" in run("status", "--port", port).stdout)


def test_simulate_falls_back_to_python_where_no_compiler_is(tmp_path):
    environment = {**os.environ, "PATH": str(tmp_path)}
    words = [*COMMAND, "simulate", str(tmp_path / "head"), "--seconds", "0.3"]
    ran = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=GUARD_S, check=False)
    assert "the device in Python listens" in ran.stdout


def test_help_has_an_example(capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(["--help"])
    assert "edge-bridge set led all 600 --hold" in capsys.readouterr().out
