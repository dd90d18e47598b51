"""The automatic shutter: judges every frame, takes it when all is right, and says what is missing until then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from calib.capture.guidance import Advice, ChartJudge, DarkJudge, FlatJudge, Judge, LensJudge, ScenesJudge, WhiteJudge
from calib.capture.look import Look, look_at
from calib.session import Session, SessionWriter
from calib.solving.board import BoardFinder
from edge.frames.frame import Frame

FRAMES = {"dark": 16, "flat": 12, "white": 4, "chart": 4, "lens": 16, "scenes": 24}
"""Frames of a complete session."""
INT8_FRAMES = 64

WHAT = {
    "dark": "Put the cap on the lens.",
    "flat": "Hold a matt white card before the lens so that it fills the view; move it a little after each picture.",
    "white": "Hold the grey card in the middle of the view.",
    "chart": "Hold the 24-patch chart whole in the view, dark skin at the upper left.",
    "lens": "Show the ChArUco board in every part of the view, tilted to every side.",
    "scenes": "Use the camera as in practice: other places, distances and light.",
}


@dataclass(frozen=True)
class Guidance:
    """What the page and the terminal show of the newest frame."""

    words: str
    advice: Advice
    num_taken: int
    wanted: int

    @property
    def complete(self) -> bool:
        return self.num_taken >= self.wanted


class Shutter:
    """Feeds frames to the judge and the taken ones to the session. One thread looks, any may ask for the record."""

    def __init__(self, writer: SessionWriter) -> None:
        self._writer = writer
        self._judge = judge_of(writer.session)
        self._before: Look | None = None
        self._lock = threading.Lock()
        self._guidance = Guidance(WHAT[writer.session.target], Advice(()), self.num_taken, writer.session.wanted)

    @property
    def num_taken(self) -> int:
        return len(self._writer.session.frames)

    def look(self, frame: Frame) -> Guidance:
        """Judge a frame and take it where all is right.

        Raises:
            InputOutputError: it cannot be written; what was taken before is kept.
        """
        look = look_at(frame.image)
        advice = self._judge.judge(look, self._before)
        self._before = look
        words = advice.words
        if advice.ready:
            self._writer.add(frame.image, {**{check.name: check.measured for check in advice.checks}, **advice.about})
            self._judge.taken(look, advice)
            words = f"Taken {self.num_taken} of {self._writer.session.wanted}."
        guidance = Guidance(words, advice, self.num_taken, self._writer.session.wanted)
        with self._lock:
            self._guidance = guidance
        return guidance

    def record(self) -> Mapping[str, Any]:
        """The JSON that the page asks for."""
        with self._lock:
            guidance = self._guidance
        session, advice = self._writer.session, guidance.advice
        return {
            "target": session.target,
            "purpose": session.purpose,
            "what": WHAT[session.target],
            "unit": session.unit,
            "folder": str(session.folder),
            "words": "Complete." if guidance.complete else guidance.words,
            "ready": advice.ready,
            "complete": guidance.complete,
            "taken": guidance.num_taken,
            "wanted": guidance.wanted,
            "checks": [{"name": check.name, "ok": check.ok, "measured": check.measured} for check in advice.checks],
            "points": advice.points,
            "covered": advice.covered,
        }


def judge_of(session: Session) -> Judge:
    """The judge of a target; a session that goes on brings what was taken before."""
    if session.target == "lens":
        finder = BoardFinder()
        found = (finder.find(image) for _, image in session.images())
        return LensJudge(session.wanted, [board for board in found if board is not None])
    if session.target == "scenes":
        return ScenesJudge([int(frame.about["phash"], 16) for frame in session.frames if "phash" in frame.about])
    simple: dict[str, Callable[[], Judge]] = {
        "dark": DarkJudge,
        "flat": FlatJudge,
        "white": WhiteJudge,
        "chart": ChartJudge,
    }
    return simple[session.target]()
