"""An engine in a process of its own, so that one that hangs or crashes takes no picture away.

Frames lie in memory that both processes see (`edge.guard.shared_frames`); over a socket go only their numbers. A
request that is not answered in time is left behind, and its frames are lent to nobody until it is answered or the
process is gone.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from edge.basics.errors import EngineFailed, EngineLost, ModelError
from edge.basics.python_child import child_environment, python_command, signals_held
from edge.basics.said import log_what_it_says
from edge.engines.engine import Enhanced
from edge.engines.gpu.trt_versions import refuse_absent
from edge.guard.answers import Nonsense, Opened, message_of, opened_of, raise_error, stage_times
from edge.guard.order import EngineOrder
from edge.guard.shared_frames import SharedFrames
from edge.pictures.image import Image

log = logging.getLogger(__name__)

WORKER_COMMAND = python_command("edge.guard.start")
"""What is started; the campaign of faults puts its own in the place."""
DEADLINE_S = 0.3
"""A frame that is not enhanced by then is shown raw: with what comes before and after it stays below 500 ms."""
HUNG_S = 2.0
"""A process that has not answered for so long is killed."""
OPENING_S, CPU_OPENING_S = 120.0, 30.0
"""What an engine may take to open: large plans take long on a small unit, and nobody waits; the CPU's take one."""
PROVING_S = 10.0
"""And then to answer the golden frame, which a right engine does in less than one."""
ENDING_S = 0.2
"""From the end of its line to its own end, waited for to tell how it ended."""
LOADED = {"loaded": True}
MAX_MESSAGE_BYTES = 64 * 1024


class EngineLate(EngineFailed):
    """The picture was not there in time; it may still come, for nobody."""


class EngineBusy(EngineFailed):
    """The engine still works on what it was given before, or there is no memory free; says nothing of this frame."""


class EngineGone(EngineLost):
    """The engine's process ended or had to be ended."""


class EngineProcess:
    """Starts the process; all calls come from one thread.

    Args:
        frames: through which pictures come and go.
        opening_s: what opening may take, and then the golden frame, in the place of what live has time for.

    Raises:
        DeviceMissing: the rung needs a runtime that is not installed, which takes no process to find out.
        EngineGone: no process can be started.
    """

    def __init__(self, order: EngineOrder, frames: SharedFrames, opening_s: float | None = None) -> None:
        if order.rung.runtime:
            refuse_absent(order.rung.runtime)
        self.order = order
        self.opened: Opened | None = None
        self._frames = frames
        self._opening_s = opening_s
        self._loaded: float | None = None
        self._number = 0
        self._message = bytearray(MAX_MESSAGE_BYTES)
        self._late: tuple[Image, Image] | None = None
        self._left_behind: tuple[int, float, tuple[Image, ...]] | None = None
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError as error:
            raise EngineGone(f"the engine's process cannot be started: {error.strerror or error}") from error
        self._socket = ours
        self._poll = select.poll()  # `select.select` fails once a flood of viewers has pushed descriptors beyond 1024
        self._poll.register(ours, select.POLLIN)
        fds = (theirs.fileno(), *frames.descriptors(may_write_raw=bool(order.rung.runtime)))
        try:
            with signals_held():
                self._process = subprocess.Popen(
                    [*WORKER_COMMAND, *map(str, fds), str(frames.num_each), str(os.getpid()), order.plan().to_text()],
                    env=child_environment(),
                    pass_fds=fds,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                )
        except OSError as error:
            ours.close()
            raise EngineGone(f"the engine's process cannot be started: {error.strerror or error}") from error
        finally:
            theirs.close()
        assert self._process.stderr is not None, "it was asked for"
        log_what_it_says(self._process.stderr, "engine")
        self._started = time.monotonic()
        try:
            self._send(order.to_message())
        except EngineGone:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    # ---- opening

    def poll_opened(self, timeout_s: float = 0.0) -> Opened | None:
        """What was opened, None while it is still opening.

        Raises:
            EngineGone: the process ended, or takes far too long.
            DeviceMissing, EngineLost, ModelError: what the process found.
        """
        if self.opened is None:
            message = self._received(timeout_s)
            if message == LOADED:
                self._loaded, message = time.monotonic(), None
            if message is None:
                proving_s = self._opening_s or PROVING_S
                if self._loaded is not None and time.monotonic() - self._loaded > proving_s:
                    raise ModelError(f"the engine did not answer the golden frame within {proving_s:.0f} s")
                limit_s = self._opening_s or (OPENING_S if self.order.rung.runtime else CPU_OPENING_S)
                if time.monotonic() - self._started > limit_s:
                    raise EngineGone(f"the engine did not open within {limit_s:.0f} s")
                return None
            with _sense_expected():
                raise_error(message)
                self.opened = opened_of(message)
            _tell_not_held(self.opened.not_held)
        return self.opened

    # ---- frames

    def enhance(self, image: Image, wait_s: float | None = None, strength: float = 1.0) -> Enhanced:
        """Enhance one frame, in shared memory or anywhere else.

        Args:
            strength: share of the enhancement that the answer has, 0 to 1; at 0 it is what the unit's correction made.
            wait_s: how long to wait for it, in the place of what live has time for.

        Raises:
            EngineBusy: the one before is still being worked on.
            EngineLate: not in time.
            EngineFailed: this frame failed. EngineLost: the GPU is gone.
            ModelError: what `prove` asked for came out wrong.
            EngineGone: the process ended, or hung for so long that it must be ended.
        """
        self._settle(0.0)
        source = image if self._frames.index_of(image) is not None else self._frames.copied(image)
        out = self._frames.take()
        whole = self._frames.take() if 0 < strength < 1 else out
        if source is None or out is None or whole is None:
            raise EngineBusy("all shared frames are in use")
        begin = time.perf_counter()
        held = {"in": source, "out": out, "whole": whole}
        places = {name: self._frames.index_of(one) for name, one in held.items()}
        self._ask("frame", tuple(held.values()), {**places, "strength": strength})
        message = self._settle(wait_s or DEADLINE_S)
        with _sense_expected():
            stage_ms = stage_times(message)
        stage_ms["handover"] = (time.perf_counter() - begin) * 1e3 - stage_ms.pop("whole")
        return Enhanced(out, stage_ms, None if whole is out else whole)

    def prove(self) -> None:
        """Have the golden frame run again; where that takes long, the next `enhance` tells. Raises as `enhance`."""
        self._settle(0.0)
        self._ask("golden", (), {})
        with contextlib.suppress(EngineLate):
            self._settle(DEADLINE_S)

    def take_late(self) -> tuple[Image, Image] | None:
        """A raw picture and the whole answer to it that came too late to be shown, once."""
        late, self._late = self._late, None
        return late

    def _ask(self, kind: str, held: tuple[Image, ...], more: Mapping[str, Any]) -> None:
        self._number += 1
        self._left_behind = (self._number, time.monotonic(), held)
        self._send({kind: self._number, **more})

    def _settle(self, timeout_s: float) -> dict[str, Any]:
        """Wait for the answer to what was asked last; an empty one where nothing is open."""
        if self._left_behind is None:
            return {}
        number, asked, held = self._left_behind
        message = self._received(timeout_s)
        if message is None:
            waited_s = time.monotonic() - asked
            if waited_s > HUNG_S:
                raise EngineGone(f"the engine hangs: no answer for {waited_s:.0f} s")
            if timeout_s == 0:
                raise EngineBusy("the engine still works on an older picture")
            raise EngineLate(f"the picture was not ready after {timeout_s * 1e3:.0f} ms")
        with _sense_expected():
            if message.get("number") != number:
                raise Nonsense
            if timeout_s == 0 and held:
                self._late = held[0], held[-1]
            self._left_behind = None
            raise_error(message)
        return message

    # ---- the line

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            self._socket.send(json.dumps(message).encode(), socket.MSG_NOSIGNAL)
        except OSError as error:
            raise EngineGone(self._how_it_ended()) from error

    def _received(self, timeout_s: float) -> dict[str, Any] | None:
        try:
            if not self._poll.poll(math.ceil(timeout_s * 1e3)):
                return None
            num_bytes = self._socket.recv_into(self._message)
        except OSError as error:
            raise EngineGone(self._how_it_ended()) from error
        if not num_bytes:
            raise EngineGone(self._how_it_ended())
        with _sense_expected():
            return message_of(self._message[:num_bytes])

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            return "the engine's process closed its line"
        if code < 0:
            return f"the engine's process was ended by {signal.Signals(-code).name}"
        return f"the engine's process ended with exit code {code}"

    def kill(self) -> None:
        """From any thread: whoever waits for an answer finds the process gone; `close` must follow."""
        with contextlib.suppress(OSError):
            self._process.kill()

    def close(self, wait_s: float = 0.0) -> None:
        """End the process; its frames are let go when it has ended, which `reap` sees. Safe to call twice.

        Args:
            wait_s: how long to wait for that.
        """
        self._socket.close()
        if self._process.poll() is None:
            with contextlib.suppress(OSError):
                self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(wait_s)
        if self._process.returncode is None:
            _ending.append((self._process, self._left_behind))
        self._left_behind = self._late = None


@contextlib.contextmanager
def _sense_expected() -> Iterator[None]:
    """A process that says what no engine's says is not asked again."""
    try:
        yield
    except Nonsense as error:
        raise EngineGone("the engine's process answered nonsense") from error


@cache
def _tell_not_held(not_held: tuple[str, ...]) -> None:
    """One line for the program's life: the picture does not wait for a better kernel."""
    if not_held:
        log.warning("the engine's process runs, but this kernel does not close it off: %s", "; ".join(not_held))


_ending: list[tuple[subprocess.Popen[bytes], Any]] = []
"""Processes that were killed and have not ended yet, as a driver can make them wait, with the frames they may write."""


def reap() -> None:
    """Collect the processes that have ended since, and let go of their frames."""
    if _ending:
        _ending[:] = [held for held in _ending if held[0].poll() is None]
