"""The JSON beside a recording: written when it begins, so that a power cut leaves clips that somebody knows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from typing import Any

from edge.frames.frame import Frame
from edge.pictures.image import Mode
from edge.pictures.marks import SYNTHESISED
from edge.saving.sidecar import PROGRAM

POWER_CUT = "by a power cut"
RUNNING, ENDED = "recording", "ended"
MAX_CHANGES = 200


@dataclass(frozen=True, slots=True)
class ClipFile:
    """What a recording has of one view.

    Attributes:
        sha256: empty where nobody saw all of its bytes.
    """

    name: str
    mode: Mode
    num_bytes: int
    num_frames: int
    duration_s: float
    sha256: str = ""

    def record(self) -> dict[str, Any]:
        digest = {"sha256": self.sha256} if self.sha256 else {}
        told = {"name": self.name, "mode": self.mode, "bytes": self.num_bytes, "frames": self.num_frames}
        return {**told, "duration_s": round(self.duration_s, 3), **digest}


@dataclass(frozen=True, slots=True)
class About:
    """What is known when a recording begins.

    Attributes:
        began_at: when its first frame was taken, UTC.
        uri: of the source, without what is secret in it.
        codec: in words.
        model: what enhances.
        session: patient session, None where none is open.
        unit_state: temperatures, clocks and power mode.
    """

    began_at: datetime
    uri: str
    codec: str
    size_px: tuple[int, int]
    model: Mapping[str, Any]
    session: Mapping[str, Any] | None = None
    unit_state: Mapping[str, Any] = field(default_factory=dict)


class Changes:
    """What made the enhanced picture, each time that it became another: of a moment it is one profile, or none."""

    def __init__(self) -> None:
        self._entries: list[dict[str, Any]] = []
        self._last: tuple[Any, ...] | None = None

    def see(self, frame: Frame, at_s: float) -> None:
        now = frame.mode, frame.profile, frame.model.get("sha256", ""), round(frame.strength, 2)
        if now == self._last or len(self._entries) >= MAX_CHANGES:
            return
        self._last = now
        strength = {"strength": now[3]} if frame.mode == "enhanced" else {}
        model = {"profile": frame.profile, "sha256": now[2]} if frame.mode == "enhanced" else {}
        detail = {"detail": SYNTHESISED} if frame.is_synthesised else {}
        self._entries.append({"at_s": round(max(0.0, at_s), 3), "mode": frame.mode, **model, **detail, **strength})

    def entries(self) -> list[dict[str, Any]]:
        return list(self._entries)


def record_bytes(
    about: About,
    files: Sequence[ClipFile],
    state: str,
    *,
    ended: str = "",
    num_dropped: int = 0,
    changes: Sequence[Mapping[str, Any]] = (),
) -> bytes:
    """The content of the file: JSON, UTF-8."""
    width_px, height_px = about.size_px
    duration_s = max((file.duration_s for file in files), default=0.0)
    record = {
        "program": PROGRAM,
        "program_version": version(PROGRAM),
        "kind": "recording",
        "state": state,
        "made_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "model": dict(about.model),
        "source": {"uri": about.uri, "taken_at": about.began_at.isoformat(timespec="milliseconds")},
        **({"session": dict(about.session)} if about.session else {}),
        "output": {"width_px": width_px, "height_px": height_px, "files": [file.record() for file in files]},
        "clip": {"codec": about.codec, "duration_s": round(duration_s, 3), "dropped": num_dropped},
        **(_ending(about.began_at, duration_s, ended) if state == ENDED else {}),
        **({"changes": list(changes)} if changes else {}),
        **({"unit_state": dict(about.unit_state)} if about.unit_state else {}),
    }
    return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def healed_bytes(record: Mapping[str, Any], files: Sequence[ClipFile]) -> bytes:
    """The record of a recording that a power cut ended, made of the one from its begin."""
    duration_s = max((file.duration_s for file in files), default=0.0)
    began_at = datetime.fromisoformat(str(record["source"]["taken_at"]))
    output = {**record["output"], "files": [file.record() for file in files]}
    clip = {**record["clip"], "duration_s": round(duration_s, 3)}
    healed = {**record, "state": ENDED, "output": output, "clip": clip, **_ending(began_at, duration_s, POWER_CUT)}
    return (json.dumps(healed, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def _ending(began_at: datetime, duration_s: float, ended: str) -> dict[str, str]:
    ended_at = began_at + timedelta(seconds=duration_s)
    return {"ended_at": ended_at.isoformat(timespec="milliseconds"), "ended": ended}
