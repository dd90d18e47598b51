"""A function in a process of its own that can do nothing else: for what a foreign file makes a library do.

    with Confined(Limits(), ahead="edge.updates.prove_process:load") as confined:
        for line in confined.lines(Task("edge.updates.prove_process:lines", {"origin": "..."})):

The function is an importable `module:function` that takes the argument and yields lines. Its process has what the
task's `Plan` leaves it, a time and a memory. It may be started while the caller still is root: it loads what only root
may read, waits, and becomes another user before it sees the first foreign byte. It ends with the caller, and at once
where the caller stops asking, as for Ctrl-C.
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
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edge.basics import errors
from edge.basics.errors import EdgeError, ModelError
from edge.basics.owner import Account
from edge.basics.texts import json_from_text, one_line
from edge.confining.alone import started_alone
from edge.confining.program import default_memory_bytes
from edge.guard.sandbox import Plan

LONGEST_LINE_BYTES, MOST_LINES = 64 * 1024, 1000
LONGEST_END_S = 5.0
_POLL_S = 0.05
"""Between two looks at its memory."""
_ENVIRONMENT = {"ORT_DISABLE_TELEMETRY": "1", "CUDA_CACHE_DISABLE": "1"}
_KEPT = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")
_KINDS = (one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, EdgeError))
ERROR_KINDS: Mapping[str, type[EdgeError]] = {one.__name__: one for one in _KINDS}
"""Errors that go over the line as they are."""
_NONSENSE = "the process that tried it answered nonsense"


class TooLong(ModelError):
    """It was ended when its time was over."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the process may take.

    Attributes:
        seconds: from its task to its end.
        memory_bytes: of memory, its own and in all; it does not count what a GPU's driver only reserves.
        num_threads: beside those that its user has already.
    """

    seconds: float = 60.0
    memory_bytes: int = field(default_factory=default_memory_bytes)
    num_threads: int = 4096


@dataclass(frozen=True, slots=True)
class Task:
    """What the process does.

    Attributes:
        function: `module:function`; imported by the process alone.
        argument: what JSON can hold.
        plan: the files that it may read, and whether it drives a GPU.
        account: whose rights it has, where root started it; None: the caller's.
        folder: descriptor of a folder that it may read, wherever it lies; the argument has it as `folder`, a path.
    """

    function: str
    argument: Mapping[str, Any] = field(default_factory=dict)
    plan: Plan = field(default_factory=Plan)
    account: Account | None = None
    folder: int | None = None

    def to_text(self) -> str:
        account = None if self.account is None else asdict(self.account)
        order = {"function": self.function, "argument": dict(self.argument)}
        return json.dumps({**order, "plan": self.plan.to_text(), "account": account})


def run_confined(task: Task, limits: Limits) -> Iterator[str]:
    """The lines of a process that is started for this alone; raises as `Confined.lines`."""
    with Confined(limits) as confined:
        yield from confined.lines(task)


class Confined:
    """The process. Close it, whatever happens.

    Args:
        ahead: `module:function` that is called at once, with the rights of who starts it, to load what is needed. It
            must leave no thread behind: Landlock would not hold that.

    Attributes:
        pid: the process's.
        not_held: what it could not be kept from; see `edge.guard.sandbox.confine`.

    Raises:
        ModelError: it cannot be started.
    """

    def __init__(self, limits: Limits, ahead: str = "") -> None:
        self._limits = limits
        self.not_held: tuple[str, ...] = ()
        begin = {"parent": os.getpid(), "ahead": ahead, **asdict(limits)}
        try:
            self._line, self._process = started_alone(
                "edge.guard.confined_child", json.dumps(begin), _ENVIRONMENT, _KEPT
            )
        except OSError as error:
            raise ModelError(f"{sys.executable}: cannot be started ({error.strerror}); install it again") from error
        self.pid = self._process.pid

    def __enter__(self) -> Confined:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def lines(self, task: Task) -> Iterator[str]:
        """The lines that the task's function yields, as they come. Once for each process.

        Raises:
            EdgeError: what the function raised, of the same kind where `ERROR_KINDS` has it.
            ModelError: it took more than its time or memory, crashed, or raised what is no EdgeError.
        """
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            folders = [] if task.folder is None else [task.folder]
            socket.send_fds(self._line, [task.to_text().encode()], folders)
            self._line.shutdown(socket.SHUT_WR)
        for number, content in enumerate(self._said()):
            kind, text = _message(content)
            if number == MOST_LINES:
                raise ModelError(_NONSENSE)
            if kind == "done":
                return
            if kind == "not_held":
                self.not_held += (text,)
            elif kind == "line":
                yield text
            else:
                raise ERROR_KINDS.get(kind, ModelError)(text)
        raise ModelError(self._how_it_ended())

    def _said(self) -> Iterator[bytes]:
        end_s, rest = time.monotonic() + self._limits.seconds, b""
        poll = select.poll()
        poll.register(self._line, select.POLLIN)
        while True:
            if time.monotonic() > end_s:
                raise TooLong(f"it was not through after {self._limits.seconds:.0f} s, and was ended")
            if _memory_bytes(self.pid) > self._limits.memory_bytes:
                raise ModelError(f"it took more than {self._limits.memory_bytes >> 20} MiB of memory, and was ended")
            if not poll.poll(_POLL_S * 1e3):
                continue
            try:
                chunk = self._line.recv(LONGEST_LINE_BYTES)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                return
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
            if len(rest) > LONGEST_LINE_BYTES:
                raise ModelError(_NONSENSE)

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(LONGEST_END_S)
        except subprocess.TimeoutExpired:
            return "its process said no more before it was through"
        if code >= 0:
            return f"its process ended with exit code {code}"
        is_short = code in (-signal.SIGABRT, -signal.SIGKILL)
        limit = f"; it may take {self._limits.memory_bytes >> 20} MiB" if is_short else ""
        return f"its process was ended by {signal.Signals(-code).name}{limit}"

    def close(self) -> None:
        """End the process and all of its session.

        One without a task may still be root's, where this process is so no more: it ends by itself, as nobody speaks.
        """
        self._line.close()
        end_s = time.monotonic() + LONGEST_END_S
        while time.monotonic() < end_s:
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.1)
                return


def _message(content: bytes) -> tuple[str, str]:
    try:
        message = json_from_text(content)
        return str(message["kind"]), one_line(str(message["text"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(_NONSENSE) from error


def _memory_bytes(pid: int) -> int:
    """What a process has in memory; 0 where it cannot be told."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
