"""What the button on the camera head does: freeze and save the moment of the press, and turn raw and enhanced about."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from edge.frames.frame import FramePair
from edge.health.record import Health, Verdict
from edge.pictures.image import Mode

SAVED_SHOWN_NS = 4_000_000_000
_SAVE = "save"


class Control:
    """The unit's own view: live or frozen, enhanced or raw. A sink of pairs; safe to call from any thread.

    Args:
        save: takes a pair to be saved; must not wait.
    """

    def __init__(self, health: Health, save: Callable[[FramePair], None] = lambda pair: None) -> None:
        self._health = health
        self.save = save
        self._lock = threading.Lock()
        self._newest: FramePair | None = None
        self._frozen: FramePair | None = None
        self._pressed: tuple[FramePair, Verdict] | None = None
        self._is_down = False
        self._view: Mode = "enhanced"
        self._listeners: list[Callable[[str, dict[str, Any]], None]] = []

    def start(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def publish(self, pair: FramePair) -> None:
        self._newest = pair

    @property
    def frozen(self) -> FramePair | None:
        """The pair that is held still, None while live."""
        return self._frozen

    def state(self) -> dict[str, Any]:
        """What a page must know when it joins."""
        with self._lock:
            return {"frozen": self._frozen is not None, "view": self._view}

    def listen(self, listener: Callable[[str, dict[str, Any]], None]) -> None:
        """Called with the kind of an event (`state`, `saved`, `not-saved`) and its data; must not wait."""
        self._listeners.append(listener)

    # ---- the button

    def press(self) -> None:
        """The button went down: this is the moment, whatever it will turn out to mean."""
        pair = self._newest
        judged = None if pair is None else self._health.verdict(time.monotonic_ns(), pair.raw.t_capture_ns)
        with self._lock:
            self._is_down = True
            self._pressed = None if pair is None or judged is None else (pair, judged)

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
        else:
            self._freeze_and_save(pressed)

    def long_press(self) -> None:
        """It is held: this press means raw or enhanced, not freeze."""
        with self._lock:
            if not self._is_down:
                return
            self._is_down, self._pressed = False, None
            self._view = "raw" if self._view == "enhanced" else "enhanced"
        self._tell("state", self.state())

    # ---- freeze and save

    def go_live(self) -> None:
        """Show the present again."""
        with self._lock:
            self._frozen = None
        self._tell("state", self.state())

    def _freeze_and_save(self, pressed: tuple[FramePair, Verdict] | None) -> None:
        if pressed is None:
            return self.not_saved("there is no picture yet")
        pair, verdict = pressed
        if verdict.state not in ("live", "degraded"):
            return self.not_saved(f"the picture was not live: {verdict.reason}")
        with self._lock:
            self._frozen = pair
        self._tell("state", self.state())
        self.save(pair)
        return None

    def saved(self, name: str) -> None:
        """For the saver: a pair is on disk."""
        self._health.notice(_SAVE, f"saved {name}", time.monotonic_ns() + SAVED_SHOWN_NS)
        self._tell("saved", {"name": name})

    def not_saved(self, reason: str) -> None:
        """For the saver: nothing of a pair is on disk. Stays in the banner until a picture is saved."""
        self._health.notice(_SAVE, f"NOT SAVED: {reason}")
        self._tell("not-saved", {"reason": reason})

    def _tell(self, kind: str, data: dict[str, Any]) -> None:
        for listener in self._listeners:
            listener(kind, data)
