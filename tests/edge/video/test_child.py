"""The video process from the unit's side: it is closed off, and whatever it says costs no more than itself."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.video import child as child_module
from edge.video.child import VideoChild
from edge.video.wire import packed
from tests.doubles.waiting import GUARD_S, wait_until

Heard = Callable[[dict[str, Any], bytes], None]


@pytest.fixture
def started() -> Iterator[Callable[[Heard], VideoChild]]:
    children: list[VideoChild] = []

    def start(on_message: Heard) -> VideoChild:
        children.append(VideoChild(1 << 16, on_message))
        return children[-1]

    yield start
    for child in children:
        child.close()


def needs_gstreamer() -> None:
    if subprocess.run(["/usr/bin/python3", "-I", "-c", "import gi"], check=False, capture_output=True).returncode:
        pytest.skip("the system's Python has no gi: apt-get install python3-gi")


def test_it_is_closed_off_and_can_take_no_memory_away(started):
    needs_gstreamer()
    heard: queue.Queue[str] = queue.Queue()
    child = started(lambda told, blob: heard.put(told["kind"]))
    assert heard.get(timeout=GUARD_S) == "hello"
    process = Path(f"/proc/{child.process_id}")
    assert "NoNewPrivs:\t1" in (process / "status").read_text()
    [core] = [line for line in (process / "limits").read_text().splitlines() if line.startswith("Max core file size")]
    assert core.split()[4:6] == ["0", "0"]
    pictures = next(one for one in (process / "fd").iterdir() if "memfd:edge-frames" in os.readlink(one))  # noqa: PTH115
    descriptor = os.open(pictures, os.O_RDWR)
    with contextlib.closing(os.fdopen(descriptor, "r+b")), pytest.raises(PermissionError):
        os.ftruncate(descriptor, 0)
    child.pictures[-1] = 7


def test_what_it_started_ends_with_it(started, monkeypatch):
    heard: queue.Queue[int] = queue.Queue()
    says = "import os, subprocess, sys; p = subprocess.Popen(['/bin/sleep', '600']); "
    says += f"os.write(1, {packed({'kind': 'hello'})!r}.replace(b'hello', str(p.pid).rjust(5, '0').encode()[-5:])); "
    monkeypatch.setattr(child_module, "_START", says + "sys.stdin.read()")
    child = started(lambda told, blob: heard.put(int(told["kind"]) if told["kind"] != "gone" else -1))
    begun = heard.get(timeout=GUARD_S)
    child.close()
    assert heard.get(timeout=GUARD_S) == -1
    wait_until(lambda: not Path(f"/proc/{begun}/cmdline").exists() or not Path(f"/proc/{begun}/cmdline").read_bytes())


def test_a_message_that_makes_no_sense_ends_it_and_nothing_else(started, monkeypatch):
    says = f"import os, sys; os.write(1, {packed({'kind': 'coded'})!r}); sys.stdin.read()"
    monkeypatch.setattr(child_module, "_START", says)
    heard: queue.Queue[str] = queue.Queue()

    def on_message(told: dict[str, Any], blob: bytes) -> None:
        if told["kind"] == "coded":
            heard.put(told["view"])
        heard.put(told["kind"])

    child = started(on_message)
    assert heard.get(timeout=GUARD_S) == "gone"
    assert child.is_gone
    assert "its messages cannot be read" in child.why_gone
