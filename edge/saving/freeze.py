"""What the head's button and the page do: freeze the moment, save it, turn raw about, show more or less of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from edge.frames.frame import FramePair
from edge.health.news import Board, NotSaved, SessionChanged, ViewChanged
from edge.health.record import Health
from edge.health.state import Verdict
from edge.pictures.image import Mode
from edge.saving.names import Names

_LIVE = ("live", "degraded")


class Saver(Protocol):
    """The part of `edge.saving.saver.PairSaver` that is needed here."""

    def save(self, pair: FramePair, session: Mapping[str, Any] | None) -> None: ...


@dataclass(frozen=True, slots=True)
class _Taken:
    """A pair, and the patient session of that moment: whatever is opened later, the picture is not of that patient."""

    pair: FramePair
    session: Mapping[str, Any] | None


class Freeze:
    """The unit's own view: live or frozen, enhanced or raw. A sink of pairs; safe to call from any thread.

    Args:
        board: where a change of the view is posted, and why a picture was not even tried to be saved.
        saver: keeps pairs; must not wait.
        strength: share of the enhancement that is shown at the start, 0 to 1.
        names: of the saver; what is copied elsewhere is called the same.
        session: patient session that is open, as a record has it; must not wait.

    Attributes:
        num_sessions: how often one was opened or closed.
    """

    def __init__(
        self,
        health: Health,
        board: Board,
        saver: Saver,
        strength: float = 1.0,
        names: Names | None = None,
        session: Callable[[], Mapping[str, Any] | None] = lambda: None,
    ) -> None:
        self.names = names or Names()
        self._health, self._board, self._saver, self._session = health, board, saver, session
        self._lock, self._telling = threading.Lock(), threading.Lock()
        self._newest: FramePair | None = None
        self._frozen: _Taken | None = None
        self._pressed: tuple[_Taken, Verdict] | None = None
        self._is_down = False
        self._view: Mode = "enhanced"
        self._strength = strength
        self.num_sessions = 0
        board.read(SessionChanged, self._on_session_changed)

    def start(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def publish(self, pair: FramePair) -> None:
        self._newest = pair

    @property
    def frozen(self) -> FramePair | None:
        """The pair that is held still, None while live."""
        taken = self._frozen
        return None if taken is None else taken.pair

    def view(self) -> ViewChanged:
        """What a page must know when it joins."""
        with self._lock:
            return ViewChanged(self._frozen is not None, self._view, self._strength)

    def strength(self) -> float:
        """Share of the enhancement that is shown from the next frame on, 0 to 1."""
        return self._strength

    # ---- the button

    def press(self) -> None:
        """The button went down: this is the moment, whatever it will turn out to mean."""
        pressed = self._judged(self._newest)
        with self._lock:
            self._is_down = True
            self._pressed = pressed

    def release(self) -> None:
        """It came up after a short press: freeze and save the moment of the press, or go back to live."""
        with self._lock:
            if not self._is_down:
                return
            self._is_down = False
            pressed, self._pressed = self._pressed, None
            was_frozen = self._frozen is not None
        if was_frozen:
            self.go_live()
        elif taken := self._worth_saving(pressed):
            with self._lock:
                if _id_of(taken.session) == _id_of(self._session()):  # still
                    self._frozen = taken
            self._tell()
            self._saver.save(taken.pair, taken.session)

    def long_press(self) -> None:
        """It is held: this press means raw or enhanced, not freeze."""
        with self._lock:
            if not self._is_down:
                return
            self._is_down, self._pressed = False, None
            self._view = "raw" if self._view == "enhanced" else "enhanced"
        self._tell()

    # ---- the page

    def hold(self) -> str:
        """Hold what is shown now, without saving it. What is held already stays.

        Returns:
            Why not, where the picture is not live; empty where it is held.
        """
        judged = self._judged(self._newest)
        if self._frozen is None and judged is None:
            return "there is no picture yet"
        if self._frozen is None and judged is not None and judged[1].state not in _LIVE:
            return f"the picture is not live: {judged[1].reason}"
        with self._lock:
            if self._frozen is None and judged is not None:
                self._frozen = _Taken(judged[0].pair, self._session())  # no change of the session comes between
        self._tell()
        return ""

    def go_live(self) -> None:
        """Show the present again."""
        with self._lock:
            self._frozen = None
        self._tell()

    def show_instead(self, pair: FramePair) -> bool:
        """Hold this pair where another of the same raw picture is held; whether it is."""
        with self._lock:
            taken = self._frozen
            is_held = taken is not None and taken.pair.raw is pair.raw
            if taken is not None and is_held:
                self._frozen = replace(taken, pair=pair)
        if is_held:
            self._tell()
        return is_held

    def set_strength(self, strength: float) -> None:
        """Show so much of the enhancement, 0 to 1, from the next frame on."""
        with self._lock:
            self._strength = strength
        self._tell()

    def save(self) -> FramePair | None:
        """Keep what is shown, held or live, as the button does; the pair, None where it is not worth keeping."""
        taken = self._frozen or self._worth_saving(self._judged(self._newest))
        if taken is None:
            return None
        self._saver.save(taken.pair, taken.session)
        return taken.pair

    def _on_session_changed(self, news: SessionChanged) -> None:
        """What is held was taken of another patient than of whom one is open now: show the present."""
        with self._lock:
            self.num_sessions += 1
            taken = self._frozen
            is_other = taken is not None and bool(news.id) and _id_of(taken.session) != news.id
            if is_other:
                self._frozen = None
        if is_other:
            self._tell()

    def _tell(self) -> None:
        """Post the view that holds now; of two threads that change it, the later news is of the later state."""
        with self._telling:
            self._board.post(self.view())

    def _judged(self, pair: FramePair | None) -> tuple[_Taken, Verdict] | None:
        if pair is None:
            return None
        return _Taken(pair, self._session()), self._health.verdict(time.monotonic_ns(), pair.raw.t_capture_ns)

    def _worth_saving(self, judged: tuple[_Taken, Verdict] | None) -> _Taken | None:
        """The pair where it was live; else why not is posted."""
        if judged is None:
            self._board.post(NotSaved("there is no picture yet"))
            return None
        taken, verdict = judged
        if verdict.state not in _LIVE:
            self._board.post(NotSaved(f"the picture was not live: {verdict.reason}"))
            return None
        return taken


def _id_of(session: Mapping[str, Any] | None) -> str:
    return "" if session is None else str(session["id"])
