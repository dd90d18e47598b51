"""How this program starts another Python: it loads what this one would, and nothing from the working folder."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path

import edge

PACKAGES = Path(str(edge.__file__)).resolve().parents[1]
"""Where the package `edge` lies."""
_ISOLATED = Path(__file__).resolve().with_name("isolated.py")
_PR_SET_PDEATHSIG = 1
LEFT_TO_THE_PROGRAM = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Which a child leaves to the program that started it."""
_OF_THE_SERVICE = ("CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC")
"""What systemd gives the program and nobody else."""


def python_command(module: str) -> list[str]:
    """Starts a module of this program, to which arguments are added.

    `-I` keeps the working folder, PYTHONPATH and the like from it; it is handed this program's own path instead.
    """
    return [sys.executable, "-I", str(_ISOLATED), json.dumps(trusted_path()), module]


def trusted_path() -> list[str]:
    """Where modules are looked for: as here, but for the working folder, whoever put it there."""
    own = {Path(path).resolve() for path in sysconfig.get_paths().values()}
    path = [entry for entry in sys.path if Path(entry).is_absolute() and (_is_elsewhere(entry) or Path(entry) in own)]
    return path if str(PACKAGES) in path else [*path, str(PACKAGES)]


def child_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Without what is the service's own, and without library folders that depend on the working folder."""
    kept = {name: value for name, value in environ.items() if name not in _OF_THE_SERVICE}
    if "LD_LIBRARY_PATH" in kept:
        folders = kept.pop("LD_LIBRARY_PATH").split(":")
        if absolute := [folder for folder in folders if Path(folder).is_absolute()]:
            kept["LD_LIBRARY_PATH"] = ":".join(absolute)
    return kept


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """What is started inherits it: a Ctrl-C before it leaves signals to us would end it in the middle of an import."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, LEFT_TO_THE_PROGRAM)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with(parent: int) -> None:
    """Have the kernel end this process with the one that started it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the line above
        sys.exit(0)


def _is_elsewhere(entry: str) -> bool:
    try:
        return Path(entry).resolve() != Path.cwd()
    except OSError:  # the working folder was removed
        return True
