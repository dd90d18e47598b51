"""What `edge.guard.confined` starts: loads, waits for its task, confines itself, and runs the function that it is told.

Until the task comes it has the rights of who started it, and has seen nothing foreign.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import resource
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge.basics.errors import EdgeError
from edge.basics.owner import Account, become
from edge.basics.python_child import end_with
from edge.guard.confined import ERROR_KINDS
from edge.guard.sandbox import Plan, confine, reach_of

OOM_SCORE = 1000
"""When memory runs out the kernel ends this process first."""
NICENESS = 5
"""A unit that runs beside it comes first: it has three quarters of a core that both want."""
NUM_FILES = 1024
SPARE_BYTES = 2 << 30
"""Of addresses that no memory stands behind: libraries, stacks."""
SPARE_CPU_S = 10


def main(argv: Sequence[str]) -> int:
    sys.dont_write_bytecode = True
    begin = json.loads(argv[0])
    end_with(begin["parent"])
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(f"{OOM_SCORE}\n", encoding="ascii")
    os.nice(NICENESS)
    line = socket.socket(fileno=os.dup(0))
    os.dup2(1, 0)
    if begin["ahead"]:
        _function(begin["ahead"])()
    order, folder = _order(line)
    if not order:  # nobody will say any more
        return 0

    def tell(kind: str, text: str) -> None:
        line.sendall(json.dumps({"kind": kind, "text": text}).encode() + b"\n")

    try:
        for words in _held(begin, order, folder):
            tell("not_held", words)
        place = {} if folder is None else {"folder": f"/proc/self/fd/{folder}"}
        for text in _function(order["function"])({**order["argument"], **place}):
            tell("line", text)
    except EdgeError as error:
        kind = next((one.__name__ for one in type(error).__mro__ if one.__name__ in ERROR_KINDS), "ModelError")
        tell(kind, str(error))
    except MemoryError:
        tell("ModelError", f"it took more than {begin['memory_bytes'] >> 20} MiB of memory, and was ended")
    except Exception as error:  # noqa: BLE001 - whatever a library raises over a foreign file is told over the line
        tell("ModelError", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
    else:
        tell("done", "")
    return 0


def _order(line: socket.socket) -> tuple[dict[str, Any], int | None]:
    """The task, and the descriptor of its folder; empty where none comes."""
    said, folders, _, _ = socket.recv_fds(line, 1 << 16, 1)
    while more := line.recv(1 << 16):
        said += more
    return json.loads(said or b"{}"), folders[0] if folders else None


def _held(begin: Mapping[str, Any], order: Mapping[str, Any], folder: int | None) -> tuple[str, ...]:
    """Take from this process what its task does not need; what could not be taken, in words."""
    plan = Plan.from_text(order["plan"])
    if folder is not None:
        plan = replace(plan, readable=(*plan.readable, f"/proc/self/fd/{folder}"))
    reach = reach_of(plan)  # the interpreter may be closed to whom it becomes
    _limit_process(begin, plan.has_gpu)
    if order["account"] is not None and os.geteuid() == 0:
        become(Account(**order["account"]))
        end_with(begin["parent"])  # becoming another user undid it
    _lower(resource.RLIMIT_NPROC, _num_threads() + begin["num_threads"])
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208 - names alone
        raise RuntimeError("what was loaded ahead left threads behind, which Landlock does not hold")
    return confine(plan, reach)


def _limit_process(begin: Mapping[str, Any], has_gpu: bool) -> None:
    seconds, memory_bytes = begin["seconds"], begin["memory_bytes"]
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, NUM_FILES)
    _lower(resource.RLIMIT_CPU, math.ceil(seconds * (os.cpu_count() or 1)) + SPARE_CPU_S)
    _lower(resource.RLIMIT_DATA, memory_bytes)
    if not has_gpu:  # CUDA reserves more addresses than any machine has memory, and shares memory by files
        _lower(resource.RLIMIT_AS, memory_bytes + SPARE_BYTES)
        _lower(resource.RLIMIT_FSIZE, 0)


def _lower(limit: int, most: int) -> None:
    hard = resource.getrlimit(limit)[1]
    value = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(limit, (value, value))


def _num_threads() -> int:
    """How many threads this process's user has; RLIMIT_NPROC counts them all."""
    found = 0
    for place in Path("/proc").glob("[0-9]*/task"):
        with contextlib.suppress(OSError):
            about = place.stat()
            found += (about.st_nlink - 2) * (about.st_uid == os.geteuid())
    return found


def _function(name: str) -> Callable[..., Iterator[str]]:
    module, function = name.split(":")
    found: Callable[..., Iterator[str]] = getattr(importlib.import_module(module), function)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
