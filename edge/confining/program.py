"""Another program, started so that it can do nothing but what it is for: it reads what came from outside.

    with held(path, Hold(readable=(clip,))) as start:
        subprocess.Popen([*start.command, "-i", clip], pass_fds=start.descriptors, env=start.environment, ...)

Landlock and seccomp are taken on by a process that then becomes the program (`begin.py`): what runs between fork and
exec of a program with threads may not be Python, and the thread that starts it goes on unconfined.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from edge.basics.python_child import child_environment
from edge.confining.calls import PROGRAMS, WRITING_OPENS, refused_to_all, refused_without_devices
from edge.confining.landlock import Reach, landlock_version, ruleset_of
from edge.confining.seccomp import Refused, can_filter, filter_for, number_of

_BEGIN = Path(__file__).with_name("begin.py").read_text(encoding="utf-8")
"""Read while this folder can be: a command that began as root may be somebody else by then."""
_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/nix/store", "/etc/ld.so.cache")
_ALSO_READABLE = ("/dev/null", "/dev/urandom", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system")
_KEPT = ("LD_LIBRARY_PATH", "TZ")
_NUM_FILES = 256
_MOST_LINKS = 4
_HEAD_BYTES = 4096


def default_memory_bytes() -> int:
    """4 GiB, or three quarters of the machine's memory where it has less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(4 << 30, machine * 3 // 4)


@dataclass(frozen=True, slots=True)
class Hold:
    """What is left to a program.

    Attributes:
        readable: files and folders beside its own libraries.
        written: descriptors of the files that it may write, as /dev/fd/N.
        cpu_s: of processor time, all its threads together; None where it may go on as long as it is wanted.
    """

    readable: tuple[Path, ...] = ()
    written: tuple[int, ...] = ()
    cpu_s: int | None = None
    memory_bytes: int = field(default_factory=default_memory_bytes)


@dataclass(frozen=True, slots=True)
class Start:
    """How it is started.

    Attributes:
        command: to which its arguments are added.
        descriptors: that must be passed to it.
        environment: its own, without what somebody left in this program's.
    """

    command: list[str]
    descriptors: tuple[int, ...]
    environment: dict[str, str]


@contextlib.contextmanager
def held(program: str, hold: Hold) -> Iterator[Start]:
    """What starts a program confined; where the kernel lacks a part of it, without that part.

    Raises:
        OSError: the program cannot be read, or the kernel refuses.
    """
    if not os.access(program, os.X_OK):
        raise PermissionError(13, "it is no program that this user may run")
    with contextlib.ExitStack() as opened:
        ruleset = instructions = -1
        if landlock_version():
            ruleset = ruleset_of(_reach_of(Path(program), hold))
            opened.callback(os.close, ruleset)
        if can_filter():
            instructions, writes = os.pipe()
            opened.callback(os.close, instructions)
            with os.fdopen(writes, "wb") as pipe:
                pipe.write(_filter(writes_files=bool(hold.written)))  # a twentieth of what a pipe holds
        told = [str(ruleset), str(instructions), str(number_of("seccomp")), _limits(hold)]
        passed = tuple(one for one in (ruleset, instructions) if one >= 0)
        kept = {name: value for name, value in child_environment().items() if name in _KEPT}
        yield Start(
            [_interpreter(), "-I", "-S", "-c", _BEGIN, *told, program],
            (*hold.written, *passed),
            {"PATH": os.defpath, "LANG": "C.UTF-8", **kept},
        )


def not_held() -> tuple[str, ...]:
    """What this kernel cannot keep a program from, in words; empty where all is held."""
    missing = [] if landlock_version() else ["files: there is no Landlock"]
    return (*missing, *(() if can_filter() else ("network, programs and other processes: there is no seccomp",)))


def started_by(program: Path) -> tuple[Path, ...]:
    """A program, and what the kernel starts it by: the interpreter of a script, the dynamic linker of a binary."""
    found: list[Path] = []
    following: Path | None = program
    while following is not None and following not in found and len(found) < _MOST_LINKS:
        found.append(following)
        with contextlib.suppress(OSError, struct.error, ValueError, IndexError):
            with following.open("rb") as file:
                head = file.read(_HEAD_BYTES)
            named = _interpreter_named(head)
            following = Path(os.fsdecode(named)) if named else None
            continue
        break
    return tuple(found)


def _interpreter_named(head: bytes) -> bytes:
    """By a file's first bytes: after `#!`, or in the segment PT_INTERP of a 64-bit little-endian ELF file."""
    if head.startswith(b"#!"):
        return head[2:].splitlines()[0].split()[0]
    if not head.startswith(b"\x7fELF\x02\x01"):
        return b""
    (table,) = struct.unpack_from("<Q", head, 32)
    size, num = struct.unpack_from("<HH", head, 54)
    for at in range(table, table + size * num, size):
        kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", head, at)
        if kind == 3:
            return head[offset : offset + length].rstrip(b"\0")
    return b""


def _reach_of(program: Path, hold: Hold) -> Reach:
    folder = program.resolve().parent.parent  # a program that brings its libraries has them beside bin/
    libraries = [*map(Path, _LIBRARIES), *(folder / name for name in ("lib", "lib64"))]
    libraries += [Path(one) for one in child_environment().get("LD_LIBRARY_PATH", "").split(":") if one]
    return Reach(
        (*libraries, *map(Path, _ALSO_READABLE), *hold.readable),
        tuple(Path(f"/proc/self/fd/{number}") for number in hold.written),
        started_by(program),
    )


@cache
def _filter(*, writes_files: bool) -> bytes:
    """Of programs, starting another in its own place is left, to start this one: Landlock says that it is the only."""
    programs = (Refused(call) for call in PROGRAMS if call != "execve")
    refused = (*programs, *refused_to_all(0), *refused_without_devices(0), *(() if writes_files else WRITING_OPENS))
    return filter_for(refused, platform.machine())


def _limits(hold: Hold) -> str:
    limits = {
        "RLIMIT_CORE": 0,  # a core would hold patients' pictures
        "RLIMIT_NOFILE": _NUM_FILES,
        "RLIMIT_DATA": hold.memory_bytes,  # of addresses alone a program with many threads takes far more
    }
    if not hold.written:
        limits["RLIMIT_FSIZE"] = 0
    if hold.cpu_s is not None:
        limits["RLIMIT_CPU"] = hold.cpu_s
    return ",".join(f"{name}={most}" for name, most in limits.items())


def _interpreter() -> str:
    """This one, or the system's where a user that this program became may not run it."""
    if os.access(sys.executable, os.X_OK):
        return sys.executable
    return shutil.which("python3", path=os.defpath) or sys.executable
