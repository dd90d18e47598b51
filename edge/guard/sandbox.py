"""What a process that runs a foreign graph may still do, and how the rest is taken from it.

Two kernel mechanisms that need no rights, one inside the other: Landlock says which files are left, seccomp which
system calls. Neither can be undone. Where a kernel lacks one the process works on with the other, and says so.
docs/security.md has the table of what is held.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pwd
import resource
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import edge
import firmware_bridge
from edge.confining.calls import PROGRAMS, WRITING_OPENS, refused_to_all, refused_without_devices
from edge.confining.landlock import Reach, landlock_version, restrict_files
from edge.confining.seccomp import Refused, can_filter, forbid_new_privileges, refuse_calls

_AF_UNIX = 1

_GPU_DEVICES = ("dri", "host1x*", "nvgpu*", "nvhost*", "nvidia*", "nvmap", "nvsciipc", "shm", "null")
_GPU_WRITABLE = ("/proc/self", "/tmp")
"""The names of the driver's threads, and what it keeps for a moment."""
_GPU_READABLE = ("/etc", "/lib", "/lib64", "/opt", "/proc", "/run", "/sys", "/usr")
_OF_OTHERS = ("/etc", "/home", "/media", "/mnt", "/root", "/srv", "/tmp", "/var/lib", "/var/tmp")
_READABLE = (
    "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/lib", "/lib64", "/etc/ld.so.cache",
    "/etc/localtime", "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm",
    "/sys", "/dev/null", "/dev/zero", "/dev/urandom",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """What a process keeps.

    Attributes:
        readable: files and folders that it needs beside the interpreter's and the system's libraries.
        has_gpu: it drives one: devices, the driver's caches and its Unix sockets stay open to it.
    """

    readable: tuple[str, ...] = ()
    has_gpu: bool = False

    def to_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Plan:
        stored = json.loads(text)
        return cls(tuple(stored["readable"]), bool(stored["has_gpu"]))


def confine(plan: Plan, reach: Reach | None = None) -> tuple[str, ...]:
    """Take from this process what the plan does not name. Before it has threads: Landlock holds the calling one.

    Args:
        reach: the plan's, as `reach_of` told it before this process gave up being root; None: it is asked now.

    Returns:
        What could not be taken, in words; empty where all is held.
    """
    missing = []
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold patients' pictures
    try:
        forbid_new_privileges()
        restrict_files(reach or reach_of(plan))
    except OSError as error:
        missing.append(f"files: {error.strerror}")
    try:
        refuse_calls(refused_by(plan))
    except OSError as error:
        missing.append(f"network, programs and other processes: {error.strerror}")
    return tuple(missing)


def confinement() -> str:
    """What this machine can hold an engine's process and FFmpeg to, in words, without doing it."""
    version = landlock_version()
    its = "the engine its model's files and FFmpeg its clip"
    files = f"Landlock {version} leaves {its}" if version else "no Landlock, so engine and FFmpeg may read files"
    if not can_filter():
        return f"{files}; no seccomp, so network and other processes are not closed to them"
    return f"{files}; seccomp refuses both network, programs and other processes"


def reach_of(plan: Plan) -> Reach:
    """The interpreter, its packages, the system's libraries, and what the plan names."""
    readable = [*_interpreter(), *map(Path, (*_READABLE, *plan.readable)), *_library_path()]
    if not plan.has_gpu:
        return Reach(tuple(readable))
    cache = Path(os.environ.get("CUDA_CACHE_PATH") or Path("~/.nv").expanduser())
    devices = [path for name in _GPU_DEVICES for path in Path("/dev").glob(name)]
    return Reach((*readable, *map(Path, _GPU_READABLE)), (*map(Path, _GPU_WRITABLE), *devices, cache))


def refused_by(plan: Plan) -> tuple[Refused, ...]:
    """The system calls that fail."""
    myself = os.getpid()
    refused = (*(Refused(call) for call in PROGRAMS), *refused_to_all(myself))
    if plan.has_gpu:
        return (*refused, Refused("socket", errno.EACCES, 0, (_AF_UNIX,), unless=True))
    return (*refused, *refused_without_devices(myself), *WRITING_OPENS)


def _interpreter() -> Iterable[Path]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    yield from (Path(path) for path in {sysconfig.get_path(name) for name in names})
    for prefix in {sys.base_prefix, sys.base_exec_prefix, sys.prefix, sys.exec_prefix}:
        yield from (Path(prefix) / folder for folder in ("lib", "lib64", "pyvenv.cfg"))
    yield from (Path(path) for path in sys.path if Path(path).is_absolute() and not _holds_others(Path(path)))
    for package in (edge, firmware_bridge):
        yield Path(str(package.__file__)).resolve().parent


def _holds_others(folder: Path) -> bool:
    """Whether people's files lie below a folder that somebody put on Python's path."""
    others = [*map(Path, _OF_OTHERS), Path.home()]
    with contextlib.suppress(KeyError):
        others.append(Path(pwd.getpwuid(os.getuid()).pw_dir))  # where HOME does not say it
    return any(other.is_relative_to(os.path.realpath(folder)) for other in others)


def _library_path() -> Iterable[Path]:
    """Where the dynamic linker was told to look too."""
    for text in os.environ.get("LD_LIBRARY_PATH", "").split(":"):
        if Path(text).is_absolute() and not _holds_others(Path(text)):
            yield Path(text)


def has_gpu() -> bool:
    """Whether this machine shows devices of a GPU's driver; where it does not, a plan need not leave any."""
    return any(any(Path("/dev").glob(name)) for name in ("nvidia[0-9]*", "nvhost-gpu", "nvmap", "nvgpu*"))
