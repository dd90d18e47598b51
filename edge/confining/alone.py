"""A Python of this program that has of who started it a line alone, and confines itself before it reads a file."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Mapping, Sequence

from edge.basics.python_child import child_environment, python_command

_KEPT = ("LD_LIBRARY_PATH", "TZ")


def started_alone(
    module: str, begin: str, environment: Mapping[str, str], kept: Sequence[str] = ()
) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start a module; our end of the line, which is its standard input, and the process.

    Args:
        begin: its one argument.
        environment: what it needs besides.
        kept: names of the caller's environment that it needs besides.

    Raises:
        OSError: it cannot be started.
    """
    ours, theirs = socket.socketpair()
    try:
        process = subprocess.Popen(
            [*python_command(module), begin],
            env={**_environment((*_KEPT, *kept)), **environment},
            cwd="/",
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
    return ours, process


def _environment(kept: Sequence[str]) -> dict[str, str]:
    """What every such process needs, and nothing that somebody left in the caller's."""
    callers = child_environment()
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
        "MALLOC_ARENA_MAX": "2",
        "OPENBLAS_NUM_THREADS": "1",  # its threads would be there before Landlock
        **{name: callers[name] for name in kept if name in callers},
    }
