"""An engine that a foreign graph has taken over: it gets nowhere from its process, and the program goes on."""

import errno
import json
import logging
import os
import platform
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from edge.basics import said
from edge.basics.errors import EngineFailed
from edge.config import EngineConfig
from edge.confining.landlock import landlock_version
from edge.confining.seccomp import can_filter
from edge.engines.rungs import Rung
from edge.guard import process as engine_process
from edge.guard.order import EngineOrder
from edge.guard.process import EngineGone, EngineProcess
from edge.guard.shared_frames import SharedFrames
from edge.models.profile import load_profile
from edge.pictures.geometry import FRAME_SHAPE
from tests.doubles.waiting import GUARD_S
from tests.paths import REPOSITORY

WORKER = REPOSITORY / "tests/doubles/hostile_worker.py"
WELL = 200

needs_seccomp = pytest.mark.skipif(not can_filter(), reason="this kernel filters no system calls")
needs_landlock = pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock")


@pytest.fixture
def hostile(monkeypatch):
    """`hostile(expression, ...)`: an open process whose engine evaluates expression N at a frame of value N."""
    monkeypatch.setattr(engine_process, "WORKER_COMMAND", [sys.executable, str(WORKER)])
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    frames = SharedFrames(num_frames=8)
    started = []

    def begin(*expressions):
        monkeypatch.setenv("HOSTILE", json.dumps(expressions))
        order = EngineOrder(Rung("live", "cpu"), load_profile("live").sha256, EngineConfig(), None)
        started.append(EngineProcess(order, frames))
        while started[-1].poll_opened(1.0) is None:
            pass
        return started[-1]

    yield begin
    for one in started:
        one.close(GUARD_S)
    frames.close()


def frame(number):
    return np.full(FRAME_SHAPE, number, np.uint8)


def outcomes(process, num):
    """What came of the first `num` expressions; the process still answers a frame after each."""
    told = []
    for number in range(num):
        with pytest.raises(EngineFailed) as caught:
            process.enhance(frame(number), GUARD_S)
        told.append(str(caught.value))
        assert process.enhance(frame(WELL), GUARD_S).image[0, 0, 0] == WELL
    return told


def not_refused(process, expressions):
    told = zip(expressions, outcomes(process, len(expressions)), strict=True)
    return {code: line for code, line in told if not line.startswith("PermissionError")}


@needs_seccomp
def test_it_has_no_network(hostile):
    expressions = [
        "import_('socket').socket()",
        "import_('socket').create_connection(('127.0.0.1', 9))",
        "import_('socket').socket(import_('socket').AF_INET6, import_('socket').SOCK_DGRAM)",
        "import_('socket').socket(import_('socket').AF_UNIX)",
        "import_('socket').socket(fileno=os.dup(LINE)).connect('/run/systemd/notify')",
        "import_('socket').socket(fileno=os.dup(LINE)).sendto(b'x', '/run/systemd/notify')",
        "import_('socket').socket(fileno=os.dup(LINE)).sendmsg([b'x'])",
    ]
    assert not_refused(hostile(*expressions), expressions) == {}


@needs_landlock
def test_it_has_no_files(hostile, tmp_path):
    foreign = tmp_path / "raw.png"
    foreign.write_bytes(b"a patient")
    expressions = [
        f"open({str(foreign)!r}).read()",
        f"open({str(foreign)!r}, 'a')",
        f"os.listdir({str(tmp_path)!r})",
        f"os.unlink({str(foreign)!r})",
        f"open({str(Path.home() / 'left-behind')!r}, 'w')",
        "os.mkdir('here')",
        "open('/etc/passwd').read()",
        f"open('/proc/{os.getpid()}/environ').read()",
        f"open('/proc/{os.getpid()}/mem', 'rb').read(1)",
        f"os.open('/proc/{os.getpid()}/fd/0', os.O_RDONLY)",
        f"open({str(load_profile('live').graph)!r}, 'r+')",
    ]
    assert not_refused(hostile(*expressions), expressions) == {}
    assert foreign.read_bytes() == b"a patient"


CALLS = {
    "io_uring_setup": (425, 1, 0),
    "clone3": (435, 0, 0),
    "ptrace": (101, 16, "PARENT"),
    "process_vm_writev": (311, "PARENT", 0),
    "pidfd_getfd": (438, 0, 0),
    "open_by_handle_at": (304, 0, 0),
    "unshare": (272, 0x10000000),
    "userfaultfd": (323, 0),
    "bpf": (321, 0, 0),
    "perf_event_open": (298, 0, 0),
    "keyctl": (250, 0),
    "add_key": (248, 0, 0),
    "memfd_secret": (447, 0),
    "shmget": (29, 0, 4096, 0o1600),
    "vfork": (58,),
    "tkill": (200, "PARENT", 9),
    "prctl, to outlive": (157, 1, 0),
    "fchmod": (91, "RAW", 0o777),
    "x32 write": (0x40000001, 1, 0, 0),
}
"""By their numbers on x86-64, as a graph's own code would."""


@needs_seccomp
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86-64")
def test_system_calls_that_no_library_makes_fail(hostile):
    process = hostile(*(f"CALL{arguments!r}".replace("'", "") for arguments in CALLS.values()))
    told = dict(zip(CALLS, outcomes(process, len(CALLS)), strict=True))
    refused = [f"done: {-number}" for number in (errno.EPERM, errno.EACCES, errno.ENOSYS)]
    assert {name: line for name, line in told.items() if line not in refused} == {}


@needs_seccomp
def test_it_starts_nothing_and_touches_no_process(hostile):
    me = os.getpid()
    expressions = [
        "os.fork()",
        "os.execv('/bin/sh', ['sh', '-c', 'true'])",
        "import_('subprocess').run(['/bin/true'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
        f"os.kill({me}, 9)",
        "os.kill(-1, 9)",
        "os.kill(0, 9)",
        f"os.sched_setaffinity({me}, {{0}})",
        f"import_('resource').prlimit({me}, 0, (1, 1))",
        f"os.setpriority(os.PRIO_PROCESS, {me}, 19)",
        f"import_('fcntl').fcntl(LINE, 8, {me})",
        "import_('fcntl').fcntl(LINE, 10, 9)",
        "import_('fcntl').ioctl(1, 0x5412, b'x')",
    ]
    assert not_refused(hostile(*expressions), expressions) == {}


def test_the_frames_cannot_be_taken_away(hostile):
    for frames in ("RAW", "MADE"):
        expressions = [
            f"os.ftruncate({frames}, 0)",
            f"os.ftruncate({frames}, 1 << 40)",
            f"import_('fcntl').fcntl({frames}, 1033, 8)",
            f"os.truncate(f'/proc/self/fd/{{{frames}}}', 0)",
            f"os.posix_fallocate({frames}, 0, 1 << 40)",
        ]
        assert not_refused(hostile(*expressions), expressions) == {}


def test_raw_stays_what_the_camera_gave(hostile):
    expressions = [
        "image.__setitem__(0, 1)",
        "image.setflags(write=True)",
        "import_('ctypes').memset(image.ctypes.data, 1, 4) if LIBC.mprotect(PAGE(image), 4096, 3) == 0 else 'kept'",
        "import_('mmap').mmap(RAW, 4096)",
        "os.pwrite(RAW, b'x', 0)",
        "open(f'/proc/self/fd/{RAW}', 'r+b')",
        "os.open(f'/proc/self/fd/{RAW}', os.O_RDWR)",
    ]
    process = hostile(*expressions)
    for number, line in enumerate(outcomes(process, len(expressions))):
        assert line == "done: 'kept'" or not line.startswith("done"), expressions[number]


NONSENSE = {
    "no JSON": b"[",
    "not an object": b"17",
    "bytes": bytes(range(128, 256)),
    "deep": b"[" * 60_000,
    "another number": b'{"number": 99, "stage_ms": {"whole": 1}}',
    "no number": b"{}",
    "no stages": b'{"number": 1}',
    "stages of another kind": b'{"number": 1, "stage_ms": 5}',
    "no whole": b'{"number": 1, "stage_ms": {}}',
    "not finite": b'{"number": 1, "stage_ms": {"whole": 1e999}}',
    "negative": b'{"number": 1, "stage_ms": {"whole": -1}}',
    "not a number": b'{"number": 1, "stage_ms": {"whole": "1"}}',
    "huge": b'{"number": 1, "stage_ms": {"whole": 1' + b"0" * 4000 + b"}}",
    "many stages": json.dumps({"number": 1, "stage_ms": {**{str(n): 1 for n in range(99)}, "whole": 1}}).encode(),
    "unknown error": b'{"number": 1, "error": "x", "kind": "new"}',
    "error of no kind": b'{"number": 1, "error": "x", "kind": []}',
    "error without words": b'{"number": 1, "error": 5, "kind": "failed"}',
}


@pytest.mark.parametrize("content", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_over_the_line_ends_it(hostile, content):
    process = hostile(f"os.write(LINE, {content!r})")
    with pytest.raises(EngineGone, match="answered nonsense"):
        process.enhance(frame(0), GUARD_S)


def test_a_flood_over_the_line_is_left_behind(hostile):
    process = hostile("""[os.write(LINE, b'{"number": 99}') for _ in iter(int, 1)]""")
    with pytest.raises(EngineGone, match="answered nonsense"):
        process.enhance(frame(0), GUARD_S)


def test_it_has_no_terminal(hostile, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(said, "WINDOW_S", GUARD_S)  # from the start of the process on: all of it is of one
    written = "os.write(2, b'\\x1b]0;owned\\x07\\n' * 2000) and os.write(1, b'out')"
    process = hostile(written, "os.read(2, 1)", "os.read(0, 1)", "os.isatty(1) or os.isatty(2)")
    written, read, nothing, is_terminal = outcomes(process, 4)
    assert (written, nothing, is_terminal) == ("done: 3", "done: b''", "done: False")
    assert read.startswith("OSError: [Errno 9]")
    process.close(GUARD_S)
    for thread in [one for one in threading.enumerate() if one.name == "engine's lines"]:
        thread.join(GUARD_S)
    told = [record.getMessage() for record in caplog.records]
    assert 0 < len([line for line in told if "owned" in line]) <= said.MOST_LINES
    assert f"1960 more lines within {GUARD_S} s are not shown" in caplog.text
    assert not any("\x1b" in line or "\x07" in line for line in told)


def test_what_it_says_cannot_drive_a_terminal(hostile):
    process = hostile("""os.write(LINE, b'{"number": 1, "error": "\\\\u001b[2J", "kind": "failed"}')""")
    with pytest.raises(EngineFailed) as caught:
        process.enhance(frame(0), GUARD_S)
    assert "\x1b" not in str(caught.value)
