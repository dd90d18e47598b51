"""What is dear to make is made once a run, however many workers the run has."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Make = Callable[[Path], object]
MadeOnce = Callable[[str, Make], Path]
"""`made_once(name, make)`: the folder of that name, filled by `make(folder)`."""


def run_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run share."""
    folder = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # each worker's folder lies in the run's
    shared = folder / "once"
    shared.mkdir(exist_ok=True)
    return shared


def made_in(shared: Path, name: str, make: Make) -> Path:
    """The first that asks makes it, the others wait for it; where making fails the next one tries again."""
    folder, seal = shared / name, shared / f"{name}.made"
    with (shared / f"{name}.lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the program's own lock makes root wait for ten seconds and no longer
        if not seal.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            seal.touch()
    return folder
