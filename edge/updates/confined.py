"""A child process with limits, for what nobody vouches for yet: a foreign graph in a library of a million lines.

It has a session of its own, a clean environment, no more memory and time than given, and ends with its parent. It is
started before its parent gives up being root, loads the program while it may still read it, and becomes another user
before it sees the first foreign byte.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.basics.errors import ModelError
from edge.basics.texts import json_from_text, one_line

POLL_S, LONGEST_END_S = 0.05, 5.0
MAX_SAID_BYTES, MAX_LINE_BYTES = 1 << 16, 1 << 13
_START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from {} import main; sys.exit(main())"
_KEPT = ("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")


@dataclass(frozen=True)
class Limits:
    """Attributes: seconds: from the order to the end; memory_bytes: that it may have in memory."""

    seconds: float
    memory_bytes: int


def default_memory_bytes() -> int:
    """4 GiB, or three quarters of the machine's memory where it has less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(4 << 30, machine * 3 // 4)


class Confined:
    """The child. Close it, whatever happens.

    Args:
        module: whose `main` runs there; its standard input is a socket, on which it gets its order.

    Raises:
        ModelError: it cannot be started.
    """

    def __init__(self, module: str, limits: Limits) -> None:
        self._limits = limits
        self._line, theirs = socket.socketpair()
        self._said = b""
        path = json.dumps([str(Path(place).absolute()) for place in sys.path if place])
        environment = {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "HOME": "/nonexistent",
            "ORT_DISABLE_TELEMETRY": "1",
            "CUDA_CACHE_DISABLE": "1",
            "MALLOC_ARENA_MAX": "2",
            "OPENBLAS_NUM_THREADS": "1",
            "EDGE_MEMORY_BYTES": str(limits.memory_bytes),
            "EDGE_SECONDS": str(limits.seconds),
            "EDGE_PARENT": str(os.getpid()),
            **{name: os.environ[name] for name in _KEPT if name in os.environ},
        }
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-B", "-c", _START.format(module), path],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            self._line.close()
            raise ModelError(f"{sys.executable} cannot be started ({error.strerror}); install it again") from error
        finally:
            theirs.close()

    def __enter__(self) -> Confined:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def said(self, order: Mapping[str, Any], fds: Sequence[int]) -> Iterator[dict[str, Any]]:
        """Give the order and yield what the child says, a JSON object a line, as it comes.

        Args:
            fds: descriptors that it gets with it.

        Raises:
            ModelError: it broke a limit, crashed, or said something that it should not.
        """
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            socket.send_fds(self._line, [json.dumps(order).encode() + b"\n"], list(fds))
        yield from self._lines()
        try:
            code = self._process.wait(LONGEST_END_S)
        except subprocess.TimeoutExpired:  # it said all and hangs in its end
            return
        if code < 0:
            raise ModelError(f"it ended the process that tried it ({signal.Signals(-code).name})")
        if code:
            raise ModelError(f"the process that tried it ended with exit code {code}")

    def _lines(self) -> Iterator[dict[str, Any]]:
        end, num_bytes, rest = time.monotonic() + self._limits.seconds, 0, b""
        poll = select.poll()
        poll.register(self._line, select.POLLIN)
        while True:
            if time.monotonic() > end:
                raise ModelError(f"it was not through after {self._limits.seconds:.0f} s")
            if _memory_bytes(self._process.pid) > self._limits.memory_bytes:
                raise ModelError(f"it took more than {self._limits.memory_bytes / 2**30:.1f} GiB of memory")
            if not poll.poll(POLL_S * 1e3):
                continue
            try:
                chunk = self._line.recv(MAX_LINE_BYTES)
            except ConnectionResetError:
                chunk = b""
            num_bytes += len(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            if num_bytes > MAX_SAID_BYTES or len(rest) > MAX_LINE_BYTES:
                raise ModelError("the process that tried it said too much")
            for line in lines:
                yield _object(line)
            if not chunk:
                return

    def close(self) -> None:
        """End the child and all of its session. One that has no order yet may be root's, and ends by itself."""
        self._line.close()
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(LONGEST_END_S)


def _object(line: bytes) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        said = json_from_text(line)
        if isinstance(said, dict):
            return said
    raise ModelError(f"the process that tried it said {one_line(line[:80].decode('utf-8', 'replace'))!r}")


def _memory_bytes(pid: int) -> int:
    """What a process has in memory; 0 where it cannot be told."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
