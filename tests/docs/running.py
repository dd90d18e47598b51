"""A reader who runs the commands of a page: in a checkout of their own, one after the other."""

from __future__ import annotations

import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.docs.blocks import Block
from tests.doubles.waiting import GUARD_S
from tests.paths import REPOSITORY

WITHOUT_END = re.compile(r"--live\b|make live\b|mdos serve\b")
"""Commands that go on until Ctrl-C."""
DEAR = re.compile(rf"{WITHOUT_END.pattern}|\bmake\b|edge-train|edge-export|edge-calib|trainer/|\s--output\b")
"""What keeps a page out of `make test`: the others answer at once."""
ADDRESS = re.compile(r"(https?://[\w.:-]+/?)[^\w.:/-]")
"""Whole: what comes in pieces may end in the middle of one."""
OF_THESE_TESTS = ("PYTEST", "MAKE", "MFLAGS", "EDGE_")
LONGEST_S = 900.0
AFTER_CTRL_C = (0, 130, -signal.SIGINT)
"""A clean stop; a program that says that it was Ctrl-C; make, which ends itself by it after its recipe has ended."""


@dataclass(frozen=True)
class Done:
    """How a statement ended: its exit code, and both of its streams."""

    code: int
    said: str


def is_fast(blocks: list[Block]) -> bool:
    return not any(block.shortened or DEAR.search(statement) for block in blocks for statement in block.statements())


def checkout(folder: Path) -> Path:
    """The repository's files in a new folder, with the environment of these tests as both of its environments."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in names.split("\0"):
        if name and (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)
    for environment in (".venv", ".venv-dev"):
        (folder / environment).mkdir()
        for part in ("bin", "lib", "include", "pyvenv.cfg"):
            if (Path(sys.prefix) / part).exists():
                (folder / environment / part).symlink_to(Path(sys.prefix) / part)
        (folder / environment / "ready").touch()  # newer than what it is made of: make has nothing to do
    return folder


def reader(folder: Path) -> dict[str, str]:
    """What the reader's shell has: no setting of these tests, a home of its own, our commands on its path."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(OF_THESE_TESTS)}
    home = folder / "home"
    home.mkdir(exist_ok=True)
    path = f"{folder / '.venv' / 'bin'}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return {**kept, "HOME": str(home), "PATH": path, "PYTHONUNBUFFERED": "1"}


def ran(statement: str, folder: Path, *, longest_s: float = LONGEST_S) -> Done:
    """Run it to its end; what goes on without one is looked at by its address, and ended by Ctrl-C."""
    process = subprocess.Popen(
        ["bash", "-c", f"set -e\n{statement}"],
        cwd=folder,
        env=reader(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        if not WITHOUT_END.search(statement):
            said = process.communicate(timeout=longest_s)[0].decode(errors="replace")
            return Done(process.returncode, said)
        begun = _said_until_address(process, longest_s)
        os.killpg(process.pid, signal.SIGINT)
        rest = process.communicate(timeout=GUARD_S)[0].decode(errors="replace")
        return Done(0 if process.returncode in AFTER_CTRL_C else process.returncode, begun + rest)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _said_until_address(process: subprocess.Popen[bytes], longest_s: float) -> str:
    """What it says until it has named an address that answers.

    Raises:
        AssertionError: it ended before, or named nothing in time.
    """
    assert process.stdout is not None
    said, end = "", time.monotonic() + longest_s
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while time.monotonic() < end:
            if not selector.select(1.0):
                continue
            piece = os.read(process.stdout.fileno(), 65536).decode(errors="replace")
            assert piece, f"it ended: {said}"
            said += piece
            if found := ADDRESS.search(said):
                with urllib.request.urlopen(found[1], timeout=GUARD_S) as answer:
                    assert answer.status == 200, found[1]
                return said
    raise AssertionError(f"no address in {longest_s:.0f} s: {said}")
