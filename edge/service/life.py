"""Tells systemd how the live program does: ready, its status, and that it lives."""

from __future__ import annotations

import time

from edge.health.record import Health
from edge.service.notify import Notifier


class Life:
    """A watch of `edge.live.Live`.

    Ready means: the first picture was published, or the camera is missing and waited for. From then on the manager's
    watchdog is fed by newly published pictures, and while the source is lost by attempts to open it: a capture,
    inference or sink thread that hangs feeds nothing, and the program is started anew.

    """

    def __init__(self, notifier: Notifier, health: Health) -> None:
        self._notifier = notifier
        self._health = health
        self._is_ready = False
        self._seen = (0, 0)

    def tick(self, now_ns: int) -> None:
        """Tell what is new."""
        is_lost = self._health.part("source").state == "failed"
        signs = (self._health.num_frames, self._health.num_attempts if is_lost else self._seen[1])
        if not self._is_ready and (signs[0] > 0 or is_lost):
            self._is_ready = True
            self._notifier.ready()
        if signs != self._seen:
            self._seen = signs
            self._notifier.watchdog()
        self._notifier.status(self._status(now_ns))

    def reload_begins(self) -> None:
        if self._is_ready:
            self._notifier.reloading()

    def reload_ends(self) -> None:
        if self._is_ready:
            self._notifier.ready()
            self.tick(time.monotonic_ns())

    def _status(self, now_ns: int) -> str:
        """What is shown now, without figures that change all the time."""
        verdict = self._health.verdict(now_ns)
        shown = f"{verdict.state}: {verdict.reason}" if verdict.reason else verdict.state
        running = self._health.engine()
        engine = f"profile {running.profile} on {running.device}" if running.profile else "no engine yet"
        return "; ".join((shown, self._health.source() or "no source yet", engine, *verdict.notices))
