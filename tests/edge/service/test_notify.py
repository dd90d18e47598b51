"""sd_notify against a real datagram socket."""

import os
import socket
import subprocess
import sys
import time

import pytest

from edge.service.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    """The manager's socket and the address that it gives to the service."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@edge-test-{os.getpid()}-{time.monotonic_ns()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address if request.param == "path" else "\0" + address[1:])
        listener.setblocking(False)
        yield listener, address


def received(listener):
    messages = []
    while True:
        try:
            messages.append(listener.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_each_call_is_one_message(manager):
    listener, address = manager
    notifier = Notifier(address, 10.0)
    before_us = time.monotonic_ns() // 1000
    notifier.ready()
    notifier.status("live, 30 frames/s\non the CPU")
    notifier.watchdog()
    notifier.reloading()
    notifier.stopping()
    ready, status, watchdog, reloading, stopping = received(listener)
    assert (ready, watchdog, stopping) == ("READY=1", "WATCHDOG=1", "STOPPING=1")
    assert status == "STATUS=live, 30 frames/s on the CPU"
    first, second = reloading.split("\n")
    assert first == "RELOADING=1"
    name, stamp_us = second.split("=")
    assert name == "MONOTONIC_USEC" and before_us <= int(stamp_us) <= time.monotonic_ns() // 1000


def test_a_status_is_sent_when_it_changes(manager):
    listener, address = manager
    notifier = Notifier(address)
    for text in ("live", "live", "no signal"):
        notifier.status(text)
    assert received(listener) == ["STATUS=live", "STATUS=no signal"]


def test_a_full_socket_drops_the_message_and_ready_comes_later(manager):
    listener, address = manager
    notifier = Notifier(address, 10.0)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                other.sendto(b"X=1", listener.getsockname())
    notifier.status("starting")
    notifier.ready()
    notifier.watchdog()
    assert set(received(listener)) == {"X=1"}
    notifier.status("starting")
    notifier.watchdog()
    assert received(listener) == ["READY=1\nSTATUS=starting", "WATCHDOG=1"]


def test_the_environment_is_taken_and_children_do_not_get_it(manager):
    listener, address = manager
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "10000000", "WATCHDOG_PID": str(os.getpid()), "HOME": "/"}
    notifier = Notifier.from_environment(environ)
    notifier.ready()
    assert received(listener) == ["READY=1"]
    assert notifier.watchdog_interval_s == 10.0
    assert environ == {"HOME": "/"}


def test_the_processs_own_environment_is_cleared(manager):
    listener, address = manager
    program = (
        "import os, subprocess, sys; from edge.service.notify import Notifier; Notifier.from_environment().ready();"
        "sys.exit(subprocess.call(['env']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "NOTIFY_SOCKET": address}, capture_output=True, text=True
    )
    assert received(listener) == ["READY=1"]
    assert "PATH=" in done.stdout and "NOTIFY_SOCKET" not in done.stdout


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"WATCHDOG_USEC": "10000000"}, id="no socket"),
        pytest.param({"NOTIFY_SOCKET": "{}", "WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}, id="another's"),
        pytest.param({"NOTIFY_SOCKET": "{}", "WATCHDOG_USEC": "soon"}, id="not a number"),
        pytest.param({"NOTIFY_SOCKET": "{}", "WATCHDOG_USEC": "0"}, id="off"),
        pytest.param({"NOTIFY_SOCKET": "vsock:2:1"}, id="an address of another kind"),
    ],
)
def test_without_a_watchdog_there_is_no_interval_and_no_message(manager, environ):
    listener, address = manager
    notifier = Notifier.from_environment({name: text.format(address) for name, text in environ.items()})
    assert notifier.watchdog_interval_s is None
    notifier.watchdog()
    assert received(listener) == []


@pytest.mark.parametrize("address", ["", "/nowhere/at/all"], ids=["no manager", "a manager that is gone"])
def test_nothing_raises_without_a_manager(address):
    notifier = Notifier(address, 10.0)
    for call in (notifier.ready, notifier.watchdog, notifier.reloading, notifier.stopping):
        call()
    notifier.status("live")
