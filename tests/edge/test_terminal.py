"""The live program and what starts it: a terminal that closes, none at all, standard streams that are closed."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import termios
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.doubles.ports import free_port
from tests.doubles.waiting import GUARD_S

CLOSED = 'exec "$@" <&- >&- 2>&-'


def command(port: int, *more: str) -> list[str]:
    return [sys.executable, "-m", "edge.cli", "--live", "--listen", f"127.0.0.1:{port}", *more]


@pytest.fixture
def port() -> int:
    return free_port()


def health_when(port: int, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The unit's `/health` once it is as wanted."""
    end_s = time.monotonic() + GUARD_S
    while time.monotonic() < end_s:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=GUARD_S) as answer,
        ):
            record: dict[str, Any] = json.load(answer)
            if wanted(record):
                return record
        time.sleep(0.1)
    raise AssertionError("the unit did not come to the state that was waited for")


@contextlib.contextmanager
def ended(program: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield program
    finally:
        if program.poll() is None:
            program.kill()
        program.wait()


def on_terminal(slave: int) -> Callable[[], None]:
    """Makes a terminal that of the process that is started."""

    def take() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests by nohup has it ignored
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    return take


@pytest.mark.slow
@pytest.mark.parametrize("shell", [[], ["sh", "-c", '"$@"; exit 0', "sh"]], ids=["by itself", "by a shell"])
def test_a_terminal_that_closes_ends_what_was_started_from_it(port: int, shell: list[str]) -> None:
    master, slave = os.openpty()
    words = [*shell, *command(port)]
    started = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, preexec_fn=on_terminal(slave))
    os.close(slave)
    with ended(started):
        program = psutil.Process(health_when(port, lambda record: record["frames"] > 0)["pid"])
        program.send_signal(signal.SIGHUP)  # as `edge-enhance model install` does, while the terminal is there
        assert health_when(port, lambda record: record["reload"] is not None)["reload"]["ok"]
        os.close(master)
        try:
            program.wait(GUARD_S)
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                program.kill()
    socket.create_server(("127.0.0.1", port)).close()


@pytest.mark.slow
def test_without_a_terminal_a_hangup_reads_the_configuration_again(port: int) -> None:
    program = subprocess.Popen(command(port), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
    with ended(program):
        health_when(port, lambda record: record["frames"] > 0)
        os.kill(program.pid, signal.SIGHUP)
        assert health_when(port, lambda record: record["reload"] is not None)["reload"]["ok"]
        assert program.poll() is None


@pytest.mark.slow
def test_closed_standard_streams_are_as_dev_null(port: int) -> None:
    program = subprocess.Popen(["sh", "-c", CLOSED, "sh", *command(port)], start_new_session=True)
    with ended(program):
        record = health_when(port, lambda record: record["mode"] == "enhanced")
        standard = {str(Path(f"/proc/{record['pid']}/fd/{number}").readlink()) for number in (0, 1, 2)}
        assert standard == {"/dev/null"}
        program.terminate()
        assert program.wait(GUARD_S) == 0


@pytest.mark.parametrize("closing", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_what_only_prints_ends_well_too(closing: str) -> None:
    words = [sys.executable, "-m", "edge.cli", "--print-config"]
    done = subprocess.run(["sh", "-c", f'exec "$@" {closing}', "sh", *words], capture_output=True, timeout=GUARD_S)
    assert done.returncode == 0
    assert (b"source.uri" in done.stdout) == (">&-" not in closing.replace("2>&-", ""))
