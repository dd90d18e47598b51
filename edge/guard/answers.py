"""What the engine's process says, taken as far as it has the right form: a foreign graph may speak in its place."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.basics.errors import DeviceMissing, EdgeError, EngineFailed, EngineLost, ModelError
from edge.basics.texts import one_line

_KINDS: Mapping[str, type[EdgeError]] = {
    "failed": EngineFailed,
    "lost": EngineLost,
    "missing": DeviceMissing,
    "model": ModelError,
}
_MOST_ITEMS, _LONGEST_TEXT = 32, 500


class Nonsense(ValueError):
    """No answer that the engine's process gives."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What the process tells once its engine runs and has proven itself on the golden frame.

    Attributes:
        frame_ms: what a frame takes; a rung that is too slow is known by it.
        not_held: what the process could not be kept from; see `edge.guard.sandbox.confine`.
    """

    profile: str
    model_sha256: str
    device: str
    frame_ms: float
    not_held: tuple[str, ...] = ()


def message_of(content: bytes | bytearray | memoryview) -> dict[str, Any]:
    """A message; raises `Nonsense` where it is none."""
    try:
        message = json.loads(bytes(content))
    except (ValueError, RecursionError) as error:
        raise Nonsense from error
    if not isinstance(message, dict):
        raise Nonsense
    return message


def raise_error(message: Mapping[str, Any]) -> None:
    """Raise the error that a message tells of, if it tells of one."""
    if "error" in message:
        kind = message.get("kind")
        if not isinstance(kind, str) or kind not in _KINDS:
            raise Nonsense
        raise _KINDS[kind](_text(message["error"]))


def opened_of(message: Mapping[str, Any]) -> Opened:
    """What was opened; raises `Nonsense`."""
    told = message.get("opened")
    if not isinstance(told, dict):
        raise Nonsense
    profile, sha256, device = (_text(told.get(name)) for name in ("profile", "model_sha256", "device"))
    not_held = told.get("not_held", [])
    if not isinstance(not_held, list) or len(not_held) > _MOST_ITEMS:
        raise Nonsense
    return Opened(profile, sha256, device, _milliseconds(told.get("frame_ms")), tuple(map(_text, not_held)))


def stage_times(message: Mapping[str, Any]) -> dict[str, float]:
    """What the stages took, in milliseconds, `whole` among them; raises `Nonsense`."""
    told = message.get("stage_ms")
    if not isinstance(told, dict) or len(told) > _MOST_ITEMS or "whole" not in told:
        raise Nonsense
    return {_text(name): _milliseconds(value) for name, value in told.items()}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Nonsense
    return one_line(value[:_LONGEST_TEXT])


def _milliseconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Nonsense
    try:
        number = float(value)
    except OverflowError as error:
        raise Nonsense from error
    if not math.isfinite(number) or number < 0:
        raise Nonsense
    return number
