"""Pieces done by processes of this program's own, each with an engine of its own.

A process decodes, asks its engine and encodes; nothing is shared but the line to this one, so that a decoder which
crashes, or a kernel that needs memory, costs one piece one attempt. A process dies with this one, whatever ends it.
"""

from __future__ import annotations

import contextlib
import logging
import pickle
import signal
import socket
import subprocess
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from os import getpid
from pathlib import Path

from edge.basics.errors import EdgeError
from edge.basics.python_child import child_environment, python_command, signals_held
from edge.basics.said import log_what_it_says
from edge.basics.texts import one_line
from edge.basics.whole_files import PRIVATE_FOLDER
from edge.batch.piece import BatchEngine, Made, Piece
from edge.batch.steps import NoEngine, OutputFolderError, writing
from edge.batch.workers.workers import Outcome, Watch
from edge.health.machine import available_cpus
from edge.models.profile import Profile

log = logging.getLogger(__name__)

WORKER_COMMAND = python_command("edge.batch.workers.child")
NUM_TRIES = 2
"""Workers that a piece may take with it."""
AHEAD = 2
"""Pieces that a worker has: the one that it does, and the next, so that it waits for nobody."""
MOST_STARTS = 3
"""Workers in a row that may end before they can begin, in the place of one."""
_END_S = 10.0
_LINE_BYTES = 1 << 20

EngineMaker = Callable[[], BatchEngine]


@dataclass(eq=False, slots=True)
class _Process:
    """One worker, as this side sees it.

    Attributes:
        has: numbers of the pieces that it was given, the one that it does first.
        setup: what it was told first.
        num_starts: how many have been started in its place since one could begin, itself counted.
        is_ready: whether it has come as far as to take pieces.
    """

    process: subprocess.Popen[bytes]
    line: Connection
    setup: bytes
    num_starts: int = 1
    has: deque[int] = field(default_factory=deque)
    is_ready: bool = False


class Processes:
    """Implements `edge.batch.workers.workers.Workers`.

    Args:
        makers: for each process, how it makes its engine; can be pickled.
        profile: what the engines run.
    """

    def __init__(self, makers: Callable[[int], Sequence[EngineMaker]], profile: Profile) -> None:
        self._makers, self._profile = makers, profile
        self._processes: list[_Process] = []
        self._pieces: dict[int, Piece] = {}
        self._again: deque[int] = deque()
        self._deaths: Counter[int] = Counter()
        self._told: set[str] = set()
        self._watch = Watch(lambda number, num_frames: None, lambda number: None)
        self._hears: Mapping[str, Callable[..., Outcome | None]] = {
            "ready": self._ready,
            "expected": self._expected,
            "frame": self._frame,
            "said": self._said,
            "made": self._made,
            "failed": self._failed,
            "no engine": self._no_engine,
            "full": self._full,
        }

    @property
    def model_sha256(self) -> str:
        return self._profile.sha256

    def begin(self, scratch: Path, num_pieces: int, watch: Watch) -> None:
        self._watch = watch
        makers = self._makers(num_pieces)
        is_alone = len(makers) < available_cpus()
        for number, maker in enumerate(makers):
            own = scratch / f"worker-{number}"
            with writing(own):
                own.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
            self._processes.append(_started(pickle.dumps((maker, self._profile, own, is_alone))))

    @property
    def room(self) -> int:
        return sum(AHEAD - len(one.has) for one in self._processes) - len(self._again)

    def give(self, number: int, piece: Piece) -> None:
        self._pieces[number] = piece
        self._again.append(number)
        self._hand_on()

    def take(self, timeout_s: float) -> Outcome | None:
        end_s = time.monotonic() + timeout_s
        while True:
            self._hand_on()
            ready = wait([one.line for one in self._processes], max(0.0, end_s - time.monotonic()))
            if not ready:
                return None
            for one in [one for one in self._processes if one.line in ready]:
                if (outcome := self._heard(one)) is not None:
                    self._pieces.pop(outcome.number, None)
                    return outcome

    def close(self) -> None:
        for one in self._processes:
            one.line.close()
            if one.has:
                one.process.kill()
        for one in self._processes:
            try:
                one.process.wait(_END_S)
            except subprocess.TimeoutExpired:
                one.process.kill()
                one.process.wait()
        self._processes.clear()

    def _hand_on(self) -> None:
        """Give what waits to those who have the least, as far as they may have it."""
        while self._again and (free := [one for one in self._processes if len(one.has) < AHEAD]):
            one = min(free, key=lambda one: len(one.has))
            number = self._again.popleft()
            one.has.append(number)
            with contextlib.suppress(OSError):  # it has died, which `take` will find
                one.line.send((number, self._pieces[number]))

    def _heard(self, one: _Process) -> Outcome | None:
        """What a worker says; the outcome of a piece, where it is one."""
        try:
            kind, *rest = one.line.recv()
        except (EOFError, OSError):
            return self._lost(one)
        return self._hears[kind](one, *rest)

    # ---- what a worker says, by the first word

    def _ready(self, one: _Process) -> None:
        one.is_ready = True

    def _expected(self, one: _Process, number: int, num_frames: int) -> None:
        self._watch.on_expected(number, num_frames)

    def _frame(self, one: _Process, number: int) -> None:
        self._watch.on_frame(number)

    def _said(self, one: _Process, level: int, text: str) -> None:
        if text not in self._told:  # all of them find the same out about this machine
            self._told.add(text)
            log.log(level, "%s", text)

    def _made(self, one: _Process, number: int, made: Made) -> Outcome:
        one.has.remove(number)
        return Outcome(number, made)

    def _failed(self, one: _Process, number: int, why: str, exit_code: int) -> Outcome:
        one.has.remove(number)
        error = EdgeError(why)
        error.exit_code = exit_code
        return Outcome(number, error)

    def _no_engine(self, one: _Process, why: str, exit_code: int) -> None:
        raise NoEngine(why, exit_code)

    def _full(self, one: _Process, why: str) -> None:
        raise OutputFolderError(why)

    # ---- processes

    def _lost(self, one: _Process) -> Outcome | None:
        """A worker died: another takes its place, and what it had is done again."""
        self._processes.remove(one)
        one.line.close()
        how = _how_it_ended(one.process)
        if not one.is_ready and one.num_starts >= MOST_STARTS:
            raise NoEngine(
                f"a worker ended before it could begin, {MOST_STARTS} times: the last one {how}; --debug shows more"
            )
        self._processes.append(_started(one.setup, 1 if one.is_ready else one.num_starts + 1))
        self._again.extendleft(reversed(one.has))
        if not one.is_ready:
            log.warning("a worker %s before it could begin; another takes its place", how)
            return None
        if not one.has:
            log.warning("a worker that had nothing to do %s; another takes its place", how)
            return None
        number = one.has[0]
        name = self._pieces[number].path
        self._deaths[number] += 1
        if self._deaths[number] < NUM_TRIES:
            log.warning("%s", one_line(f"{name}: its worker {how}; another tries it"))
            return None
        self._again.remove(number)
        return Outcome(number, EdgeError(f"{name}: its worker {how}, {NUM_TRIES} times with this file"))


def _started(setup: bytes, num_starts: int = 1) -> _Process:
    """A new worker, told what it needs.

    Args:
        num_starts: see `_Process`.

    Raises:
        NoEngine: no process can be started.
    """
    try:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LINE_BYTES)
            with signals_held():
                process = subprocess.Popen(
                    [*WORKER_COMMAND, str(theirs.fileno()), str(getpid())],
                    env=child_environment(),
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                )
            line = Connection(ours.detach())
    except OSError as error:
        raise NoEngine(f"no worker can be started: {error.strerror or error}") from error
    assert process.stderr is not None, "it was asked for"
    log_what_it_says(process.stderr, "worker")
    with contextlib.suppress(OSError):  # it has died already, which `take` will find
        line.send_bytes(setup)
    return _Process(process, line, setup, num_starts)


def _how_it_ended(process: subprocess.Popen[bytes]) -> str:
    try:
        code = process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    if code >= 0:
        return f"ended with exit code {code}"
    hint = " (most often memory: the kernel's log says so)" if code == -signal.SIGKILL else ""
    return f"was ended by {signal.Signals(-code).name}{hint}"
