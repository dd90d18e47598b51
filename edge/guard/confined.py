"""A function in a process of its own that can do nothing else: for what a foreign file makes a library do.

    for line in run_confined("edge.updates.proof:lines", {"folder": "..."}, limits):

The function is an importable `module:function` that takes the argument and yields lines. Its process has what `Plan`
leaves it, a time, a memory and, where root starts it, the rights of another user; it ends with the caller, and at once
where the caller stops asking, as for Ctrl-C.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from edge.basics.errors import ConfigError, DeviceMissing, EdgeError, EngineFailed, EngineLost, ModelError
from edge.basics.python_child import child_environment, python_command
from edge.basics.texts import one_line
from edge.guard.sandbox import Plan

LONGEST_LINE_BYTES, MOST_LINES = 64 * 1024, 1000
_ERRORS: tuple[type[EdgeError], ...] = (EngineFailed, EngineLost, DeviceMissing, ConfigError, ModelError, EdgeError)
ERROR_KINDS: Mapping[str, type[EdgeError]] = {one.__name__: one for one in _ERRORS}
"""Errors that go over the line as they are; another becomes the nearest of these."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the process may take.

    Attributes:
        plan: the files that it may read, and whether it drives a GPU.
        seconds: until it must have ended.
        memory_bytes: of memory that is its own; it does not count what a GPU's driver only reserves.
        user: name of a user whose rights it has, all groups included; "" or another user than root: the caller's.
    """

    plan: Plan = field(default_factory=Plan)
    seconds: float = 60.0
    memory_bytes: int = 4 << 30
    user: str = ""


def run_confined(function: str, argument: Mapping[str, Any], limits: Limits) -> Iterator[str]:
    """The lines that `function(argument)` yields, as they come.

    Args:
        function: `module:function`; imported by the process alone.
        argument: what JSON can hold.

    Raises:
        EdgeError: what the function raised, of the same kind where `ERROR_KINDS` has it.
        ModelError: it took more than its time or memory, crashed, or raised what is no EdgeError.
        ConfigError: there is no such user.
    """
    order = {
        "function": function,
        "argument": dict(argument),
        "plan": limits.plan.to_text(),
        "memory_bytes": limits.memory_bytes,
        "parent": os.getpid(),
    }
    try:
        child = subprocess.Popen(
            python_command("edge.guard.confined_child"),
            env=child_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **_rights_of(limits.user),
        )
    except OSError as error:
        raise ModelError(f"{sys.executable}: cannot be started ({error.strerror})") from error
    try:
        assert child.stdin is not None and child.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps(order).encode())
            child.stdin.close()
        yield from _answers(child, child.stdout, limits)
    finally:
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _answers(child: subprocess.Popen[bytes], out: IO[bytes], limits: Limits) -> Iterator[str]:
    """Lines until the process says that it is done; raises as `run_confined`."""
    for number, content in enumerate(_lines(out, time.monotonic() + limits.seconds, limits.seconds)):
        if number == MOST_LINES:
            raise ModelError("the process that proved it answered nonsense")
        try:
            message = json.loads(content)
            kind, text = str(message["kind"]), one_line(str(message["text"]))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ModelError("the process that proved it answered nonsense") from error
        if kind == "done":
            return
        if kind != "line":
            raise ERROR_KINDS.get(kind, ModelError)(text)
        yield text
    raise ModelError(_how_it_ended(child, limits))


def _lines(out: IO[bytes], deadline: float, seconds: float) -> Iterator[bytes]:
    rest = b""
    poll = select.poll()
    poll.register(out, select.POLLIN)
    while True:
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not poll.poll(left_s * 1e3):
            raise ModelError(f"it took more than {seconds:.0f} s, and was ended")
        chunk = os.read(out.fileno(), LONGEST_LINE_BYTES)
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
        if len(rest) > LONGEST_LINE_BYTES:
            raise ModelError("the process that proved it answered nonsense")


def _how_it_ended(child: subprocess.Popen[bytes], limits: Limits) -> str:
    code = child.wait(10)
    if code >= 0:
        return f"its process ended with exit code {code}"
    limit = f"; it may take {limits.memory_bytes >> 20} MiB" if code in (-signal.SIGABRT, -signal.SIGKILL) else ""
    return f"its process was ended by {signal.Signals(-code).name}{limit}"


def _rights_of(user: str) -> dict[str, Any]:
    """Arguments for `Popen`; raises ConfigError where there is no such user."""
    if not user or os.geteuid() != 0:
        return {}
    try:
        account = pwd.getpwnam(user)
    except KeyError as error:
        raise ConfigError(
            f"there is no user {user!r}; sudo edge-enhance install-service makes the service's"
        ) from error
    groups = os.getgrouplist(user, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups, "umask": 0o077}
