"""The process that the engine lives in, `python -m edge.guard.worker`; `edge.guard.process` starts it.

It opens what it is ordered to, proves it on the golden frame, and then turns frame numbers into frame numbers until the
other end of its line is closed, or the program that started it ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.basics.errors import DeviceMissing, EdgeError, EngineFailed, EngineLost, ModelError
from edge.basics.logs import set_up_logging
from edge.calibration.of_unit import unit_correction
from edge.engines.corrected import corrected
from edge.engines.engine import Engine
from edge.engines.golden import check_golden, golden_frame
from edge.engines.open import open_or_fall_back, open_rung
from edge.guard.order import EngineOrder
from edge.guard.process import DEADLINE_S, LOADED, MAX_MESSAGE_BYTES, Opened
from edge.guard.shared_frames import SharedFrames
from edge.models.profile import Profile, load_profile, profile_roots

log = logging.getLogger("edge.guard.worker")

_PR_SET_PDEATHSIG = 1
_OOM_SCORE = 500
"""When memory runs out the kernel ends this process before the one that shows the picture."""
_NUM_TRIES, _HOPELESS_S = 3, 3.0


class Worker:
    """Owns the engine.

    Args:
        line: a SOCK_SEQPACKET socket; messages are JSON.
    """

    def __init__(self, line: socket.socket, frames: SharedFrames) -> None:
        self._line = line
        self._frames = frames

    def run(self) -> None:
        """Serve until the other end closes."""
        message = self._received()
        if message is None:
            return
        order = EngineOrder.from_message(message)
        try:
            profile, bare, engine, opened = self._open(order)
        except Exception as error:  # noqa: BLE001 - whatever a library raises is told over the line
            self._send(_told(error))
            return
        self._send({"opened": {name: getattr(opened, name) for name in Opened.__slots__}})
        while (request := self._received()) is not None:
            number = request.get("frame", request.get("golden"))
            try:
                if "golden" in request:
                    check_golden(bare, profile, softer=order.rung.upscale == "bicubic")
                    answer: dict[str, Any] = {}
                else:
                    answer = {"stage_ms": self._enhance(engine, request)}
            except Exception as error:
                log.debug("engine failed", exc_info=True)
                answer = _told(error)
            self._send({"number": number, **answer})

    def _enhance(self, engine: Engine, request: Mapping[str, Any]) -> dict[str, float]:
        image, out = self._frames.frame(request["in"]), self._frames.frame(request["out"])
        begin = time.perf_counter()
        result = engine.enhance(image, out)
        if result.image is not out:
            out[:] = result.image
        return {**result.stage_ms, "whole": (time.perf_counter() - begin) * 1e3}

    def _open(self, order: EngineOrder) -> tuple[Profile, Engine, Engine, Opened]:
        profile = load_profile(order.rung.profile, profile_roots(order.engine.models))
        if profile.sha256 != order.sha256:
            raise ModelError(f"{profile.folder}: another model lies there than a moment ago; reload the configuration")
        bare, backend, lost, reason = self._open_rung(profile, order)
        self._send(LOADED)
        check_golden(bare, profile, softer=order.rung.upscale == "bicubic")
        correction = unit_correction(order.unit.calibration, order.unit.serial, profile.manifest)
        engine = corrected(bare, correction, order.engine.threads)
        opened = Opened(engine.profile, engine.model_sha256, engine.device, backend, reason, lost, _frame_ms(engine))
        return profile, bare, engine, opened

    def _open_rung(self, profile: Profile, order: EngineOrder) -> tuple[Engine, str, bool, str]:
        """The engine, its backend, and why it is the CPU's: whether a GPU was lost, and in words."""
        frames = [self._frames.frame(index) for index in range(self._frames.num_frames)]
        if profile.dehazer is None:  # the whole graph on the CPU would be too late for live
            return open_rung(profile, order.engine, order.rung, frames), order.rung.backend, False, ""
        engine, missed = open_or_fall_back(profile, order.engine, order.rung, frames)
        if missed is None:
            return engine, order.rung.backend, False, ""
        return engine, "cpu", isinstance(missed, EngineLost), str(missed)

    def _send(self, message: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self._line.send(json.dumps(message).encode(), socket.MSG_NOSIGNAL)

    def _received(self) -> dict[str, Any] | None:
        try:
            data = self._line.recv(MAX_MESSAGE_BYTES)
        except OSError:
            return None
        return dict(json.loads(data)) if data else None


def _frame_ms(engine: Engine) -> float:
    """Milliseconds that the engine takes for the golden frame: the best of three, unless the first is hopeless."""
    best_s, frame = float("inf"), golden_frame()
    for _ in range(_NUM_TRIES):
        begin = time.perf_counter()
        engine.enhance(frame)
        best_s = min(best_s, time.perf_counter() - begin)
        if best_s < DEADLINE_S or best_s > _HOPELESS_S:
            break
    return best_s * 1e3


def _told(error: Exception) -> dict[str, Any]:
    for kind, matches in (("lost", EngineLost), ("missing", DeviceMissing), ("failed", EngineFailed)):
        if isinstance(error, matches):
            return {"error": str(error), "kind": kind}
    if isinstance(error, EdgeError):
        return {"error": str(error), "kind": "model"}
    return {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}", "kind": "failed"}


def prepare_process(parent: int) -> None:
    """End with the program that started this process, leave its signals to it, and be the first to go for memory."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the line above
        sys.exit(0)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(f"{_OOM_SCORE}\n", encoding="ascii")


def main(argv: list[str]) -> int:
    line_fd, frames_fd, num_frames, parent = map(int, argv)
    prepare_process(parent)
    set_up_logging(debug=False)
    Worker(socket.socket(fileno=line_fd), SharedFrames(frames_fd, num_frames)).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
