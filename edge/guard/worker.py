"""The process that the engine lives in; `edge.guard.process` starts it, by `edge.guard.start`.

It opens what it is ordered to, proves it on the golden frame, and then turns frame numbers into frame numbers until the
other end of its line is closed, or the program that started it ends.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

from edge.basics.errors import DeviceMissing, EdgeError, EngineFailed, EngineLost, ModelError
from edge.calibration.of_unit import unit_correction
from edge.engines.corrected import corrected
from edge.engines.engine import Engine
from edge.engines.expected import refuse_for_live
from edge.engines.golden import golden_frame
from edge.engines.open import open_rung, prove_rung
from edge.engines.threads import settle_opencv
from edge.engines.weakened import WeakenedEngine
from edge.guard.answers import Opened
from edge.guard.order import EngineOrder
from edge.guard.process import DEADLINE_S, LOADED, MAX_MESSAGE_BYTES
from edge.guard.shared_frames import SharedFrames
from edge.models.profile import Profile
from edge.models.trust import trusted_profile

log = logging.getLogger("edge.guard.worker")

_NUM_TRIES, _HOPELESS_MS = 3, 3000.0


class Worker:
    """Owns the engine.

    Args:
        line: a SOCK_SEQPACKET socket; messages are JSON.
        not_held: see `edge.guard.sandbox.confine`.
    """

    def __init__(self, line: socket.socket, frames: SharedFrames, not_held: Sequence[str] = ()) -> None:
        self._line = line
        self._frames = frames
        self._not_held = tuple(not_held)
        self._message = bytearray(MAX_MESSAGE_BYTES)

    def run(self) -> None:
        """Serve until the other end closes."""
        message = self._received()
        if message is None:
            return
        order = EngineOrder.from_message(message)
        try:
            profile, bare, engine, opened = self._open(order)
        except Exception as error:  # noqa: BLE001 - whatever a library raises is told over the line
            self._send(_error_message(error))
            return
        self._send({"opened": {name: getattr(opened, name) for name in Opened.__slots__}})
        while (request := self._received()) is not None:
            number = request.get("frame", request.get("golden"))
            try:
                if "golden" in request:
                    prove_rung(bare, profile, order.engine, order.rung)
                    answer: dict[str, Any] = {}
                else:
                    answer = {"stage_ms": self._enhance(engine, request)}
            except Exception as error:
                log.debug("engine failed", exc_info=True)
                answer = _error_message(error)
            self._send({"number": number, **answer})

    def _enhance(self, engine: Engine, request: Mapping[str, Any]) -> dict[str, float]:
        self._weakened.strength = request["strength"]
        image, out, whole = (self._frames.frame(request[name]) for name in ("in", "out", "whole"))
        self._weakened.whole = None if request["whole"] == request["out"] else whole
        begin = time.perf_counter()
        result = engine.enhance(image, out)
        if result.image is not out:
            out[:] = result.image
        return {**result.stage_ms, "whole": (time.perf_counter() - begin) * 1e3}

    def _open(self, order: EngineOrder) -> tuple[Profile, Engine, Engine, Opened]:
        profile = trusted_profile(order.rung.profile, order.engine.models, order.engine.keys)
        if profile.sha256 != order.sha256:
            raise ModelError(
                f"{profile.folder}: another model lies there than a moment ago; reload the configuration or start again"
            )
        if order.unit is not None and order.rung.backend == "cpu":
            refuse_for_live(profile)
        bare = open_rung(profile, order.engine, order.rung, self._frames.all_frames)
        self._send(LOADED)
        proof = prove_rung(bare, profile, order.engine, order.rung)
        self._weakened = WeakenedEngine(bare)
        engine: Engine = self._weakened
        frame_ms = proof.took_ms
        if order.unit is not None:
            correction = unit_correction(order.unit.calibration, order.unit.serial, profile.manifest)
            engine = corrected(self._weakened, correction, order.engine.threads)
            frame_ms = _frame_ms(engine, proof.took_ms)
        return (
            profile,
            bare,
            engine,
            Opened(engine.profile, engine.model_sha256, engine.device, frame_ms, self._not_held),
        )

    def _send(self, message: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self._line.send(json.dumps(message).encode(), socket.MSG_NOSIGNAL)

    def _received(self) -> dict[str, Any] | None:
        try:
            num_bytes = self._line.recv_into(self._message)
        except OSError:
            return None
        return dict(json.loads(self._message[:num_bytes])) if num_bytes else None


def _frame_ms(engine: Engine, first_ms: float) -> float:
    """Milliseconds that the engine takes for the golden frame: the best of three, unless one is hopeless.

    Args:
        first_ms: what the first one took, which warmed the engine up.
    """
    if first_ms > _HOPELESS_MS:
        return first_ms
    best_ms, frame = float("inf"), golden_frame()
    for _ in range(_NUM_TRIES):
        begin = time.perf_counter()
        engine.enhance(frame)
        best_ms = min(best_ms, (time.perf_counter() - begin) * 1e3)
        if best_ms < DEADLINE_S * 1e3 or best_ms > _HOPELESS_MS:
            break
    return best_ms


def _error_message(error: Exception) -> dict[str, Any]:
    for kind, matches in (("lost", EngineLost), ("missing", DeviceMissing), ("failed", EngineFailed)):
        if isinstance(error, matches):
            return {"error": str(error), "kind": kind}
    if isinstance(error, EdgeError):
        return {"error": str(error), "kind": "model"}
    return {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}", "kind": "failed"}


def serve(argv: Sequence[str], not_held: Sequence[str] = ()) -> int:
    """Serve until the other end closes.

    Args:
        argv: descriptors of the line, of the raw frames and of the made ones, and how many there are of each.
        not_held: what this process could not be kept from.
    """
    line_fd, raw_fd, made_fd, num_frames = map(int, argv)
    settle_opencv()
    Worker(socket.socket(fileno=line_fd), SharedFrames(num_frames, (raw_fd, made_fd)), not_held).run()
    return 0
