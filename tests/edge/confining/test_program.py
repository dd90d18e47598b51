"""A program that was taken over: it gets nowhere from its process, whatever it tries."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from edge.confining import program as confining
from edge.confining.landlock import landlock_version
from edge.confining.program import Hold, held, not_held, started_by
from edge.confining.seccomp import can_filter
from tests.doubles.stand_in_program import READABLE, stand_in
from tests.doubles.waiting import GUARD_S

needs_kernel = pytest.mark.skipif(
    not (landlock_version() and can_filter()), reason="this kernel has not both Landlock and seccomp"
)

TRIES = """
import ctypes, json, os, socket, sys
os.environ.clear()
given = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *words):
    ctypes.set_errno(0)
    libc.syscall(number, *(ctypes.c_long(word) if isinstance(word, int) else word for word in words))
    return ctypes.get_errno()

def tried(function):
    try:
        function()
        return 0
    except OSError as error:
        return error.errno

def connected():
    socket.create_connection(("127.0.0.1", given["port"]), 5)

class Told(ctypes.Structure):
    _fields_ = [("a", ctypes.c_ulong), ("b", ctypes.c_ulong)]

KILL, PTRACE, PRLIMIT, EXECVEAT, MEMFD = {
    "x86_64": (62, 101, 302, 322, 319), "aarch64": (129, 117, 261, 281, 279)
}[os.uname().machine]
limit = Told(0, 0)
print(json.dumps({
    "a socket of the Internet": tried(connected),
    "a socket of this machine": tried(lambda: socket.socket(socket.AF_UNIX)),
    "a pair of sockets, unconnected": tried(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
    "users": tried(lambda: open("/etc/passwd")),
    "another's file": tried(lambda: open(given["secret"])),
    "a listing": tried(lambda: os.listdir(given["folder"])),
    "a new file": tried(lambda: open(given["folder"] + "/made", "w")),
    "a file for a moment": tried(lambda: open("/tmp/made-by-a-program", "w")),
    "what it may read, written": tried(lambda: open(given["clip"], "r+")),
    "a rename": tried(lambda: os.rename(given["secret"], given["secret"] + "2")),
    "a removal": tried(lambda: os.unlink(given["secret"])),
    "a link": tried(lambda: os.symlink("/etc/passwd", given["folder"] + "/link")),
    "rights": tried(lambda: os.chmod(given["clip"], 0o777)),
    "memory of others": tried(lambda: open("/proc/%d/mem" % given["parent"], "rb")),
    "environment of others": tried(lambda: open("/proc/%d/environ" % given["parent"], "rb")),
    "another program": tried(lambda: os.execv("/bin/sh", ["sh", "-c", "echo out"])),
    "another program by its descriptor": call(EXECVEAT, given["parent"], b"/bin/sh", 0, 0, 0),
    "a process": tried(os.fork),
    "a signal": tried(lambda: os.kill(given["parent"], 0)),
    "ptrace": call(PTRACE, 16, given["parent"], 0, 0),
    "another's limits": call(PRLIMIT, given["parent"], 7, ctypes.byref(limit), 0),
    "memory to run from": call(MEMFD, b"x", 0),
    "as root": tried(lambda: os.setuid(0)),
    "allowed: the clip": tried(lambda: open(given["clip"]).read()),
    "allowed: a thread": tried(lambda: __import__("threading").Thread(target=print, args=("",)).start()),
    "allowed: itself": tried(lambda: os.kill(0, 0)),
}))
"""
ALLOWED = {"allowed: the clip", "allowed: a thread", "allowed: itself"}
REFUSALS = {errno.EPERM, errno.EACCES, errno.ENOSYS}


def run(program: Path, hold: Hold, *words: str) -> subprocess.CompletedProcess[str]:
    with held(str(program), hold) as start:
        return subprocess.run(
            [*start.command, *words],
            pass_fds=start.descriptors,
            env=start.environment,
            capture_output=True,
            text=True,
            timeout=GUARD_S,
        )


@needs_kernel
def test_a_program_that_was_taken_over_gets_nowhere(tmp_path: Path) -> None:
    clip, secret, folder = tmp_path / "clip", tmp_path / "secret", tmp_path / "folder"
    clip.write_text("clip")
    secret.write_text("secret")
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        given = {"port": server.getsockname()[1], "parent": os.getpid(), "clip": str(clip)}
        given |= {"secret": str(secret), "folder": str(folder)}
        program = stand_in(tmp_path / "bin/program", TRIES)
        done = run(program, Hold(readable=(clip, *READABLE)), json.dumps(given))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert {name: found.pop(name) for name in ALLOWED} == dict.fromkeys(ALLOWED, 0)
    assert not {name: number for name, number in found.items() if number not in REFUSALS}
    assert not list(folder.iterdir()) and secret.read_text() == "secret"


@needs_kernel
def test_it_writes_the_file_that_it_is_given_and_no_other(tmp_path: Path) -> None:
    program = stand_in(tmp_path / "bin/program", "import sys\nopen(sys.argv[1], 'w').write('made')")
    with (tmp_path / "given").open("w+") as file:
        hold = Hold(readable=READABLE, written=(file.fileno(),))
        assert run(program, hold, f"/dev/fd/{file.fileno()}").returncode == 0
        assert file.read() == "made"
        assert "Permission denied" in run(program, hold, str(tmp_path / "other")).stderr
    assert not (tmp_path / "other").exists()


LIMITS = """
import resource
print([resource.getrlimit(name) for name in (resource.RLIMIT_DATA, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)])
print(open("/proc/self/oom_score_adj").read().strip(), sorted(__import__("os").environ))
bytearray(200 << 20)
"""


def test_its_memory_and_time_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "of the caller")
    program = stand_in(tmp_path / "bin/program", LIMITS)
    done = run(program, Hold((*READABLE, Path("/proc")), cpu_s=7, memory_bytes=100 << 20))
    limits, about = done.stdout.splitlines()
    assert limits == f"[({100 << 20}, {100 << 20}), (7, 7), (0, 0)]"
    assert about.startswith("500 ") and "SECRET" not in about
    assert "MemoryError" in done.stderr


@pytest.fixture(params=["Landlock", "seccomp", "either"])
def lacking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A kernel without one of them, or both."""
    if request.param != "seccomp":
        monkeypatch.setattr(confining, "landlock_version", lambda: 0)
    if request.param != "Landlock":
        monkeypatch.setattr(confining, "can_filter", lambda: False)
    yield request.param


def test_where_a_kernel_lacks_some_of_it_it_runs_and_that_is_told(tmp_path: Path, lacking: str) -> None:
    done = run(stand_in(tmp_path / "bin/program", "print('it runs')"), Hold(READABLE))
    assert (done.stdout, done.returncode) == ("it runs\n", 0)
    told = "; ".join(not_held())
    assert ("files: there is no Landlock" in told) == (lacking != "seccomp")
    assert ("there is no seccomp" in told) == (lacking != "Landlock")


@needs_kernel
@pytest.mark.parametrize("lacks", ["landlock_version", "can_filter"])
def test_each_of_the_two_holds_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacks: str) -> None:
    monkeypatch.setattr(confining, lacks, lambda: 0)
    code = """
import errno, socket
def tried(function):
    try:
        function()
        return ""
    except OSError as error:
        return errno.errorcode[error.errno]
print(tried(lambda: open("/etc/passwd")), tried(lambda: open("/tmp/made-by-a-program", "w")), tried(socket.socket))
"""
    done = run(stand_in(tmp_path / "bin/program", code), Hold(READABLE))
    assert done.stdout.split(" ") == (
        ["", "EACCES", "EACCES\n"] if lacks == "landlock_version" else ["EACCES", "EACCES", "\n"]
    )


def test_what_cannot_be_started_says_so(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("no program")
    with pytest.raises(PermissionError):
        run(program, Hold())
    program.chmod(0o755)
    done = run(program, Hold())
    assert done.returncode == 127 and "[fatal] it cannot be started: [Errno 8]" in done.stderr


def elf(interpreter: bytes, *, offset: int = 64 + 56) -> bytes:
    """The first bytes of a program with one program header, PT_INTERP."""
    head = b"\x7fELF\x02\x01" + bytes(26) + (64).to_bytes(8, "little") + bytes(14)
    head += (56).to_bytes(2, "little") + (1).to_bytes(2, "little") + bytes(4)
    segment = (3).to_bytes(4, "little") + bytes(4) + offset.to_bytes(8, "little") + bytes(16)
    segment += len(interpreter).to_bytes(8, "little") + bytes(16)
    return (head + bytes(64 - len(head)) + segment + interpreter)[: 1 << 12]


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"#!/bin/a\n", ["/bin/a"]),
        (b"#! /bin/a -x\nrest", ["/bin/a"]),
        (b"#!\n", []),
        (b"#!", []),
        (elf(b"/lib/ld.so\0"), ["/lib/ld.so"]),
        (elf(b"/lib/ld.so\0")[:70], []),
        (b"\x7fELF\x01\x01" + bytes(100), []),
        (b"text", []),
        (b"", []),
    ],
)
def test_what_starts_a_program_is_found(tmp_path: Path, content: bytes, named: Sequence[str]) -> None:
    program = tmp_path / "program"
    program.write_bytes(content)
    assert started_by(program) == (program, *map(Path, named))


def test_a_script_that_is_started_by_itself_is_followed_once(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!{program}\n")
    assert started_by(program) == (program,)
    assert started_by(Path(os.path.realpath(sys.executable)))[1].name.startswith("ld-")
