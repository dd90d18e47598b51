"""The recording that runs, from its begin until all of it is on the disk; what ends it, and who is told."""

from __future__ import annotations

import logging
import threading
import time

from edge.health.news import Board, NotSaved, RecordingChanged
from edge.health.record import Health
from edge.saving.recording.recording import Recording

log = logging.getLogger(__name__)

ON_REQUEST, PROGRAM_ENDS = "on request", "the program was stopped"
DISK_ANSWERS_S = 2.0


class Current:
    """Safe to use from any thread. One at a time; what it tells of is told outside its lock.

    Attributes:
        lock: held while something is done that no piece of a tape may come between.
        ended: by what the last one ended; empty while one runs that nobody ends.
    """

    def __init__(self, health: Health, board: Board) -> None:
        self.lock = threading.RLock()
        self.ended = ""
        self._over = threading.Condition(self.lock)
        self._health, self._board = health, board
        self._recording: Recording | None = None
        self._left: dict[str, tuple[Recording, str]] = {}

    @property
    def recording(self) -> Recording | None:
        return self._recording

    def begin(self, recording: Recording) -> None:
        with self.lock:
            self._recording, self.ended = recording, ""
        self._health.notice("recording", "")

    def told_begun(self, recording: Recording) -> None:
        """Its first bytes are on the disk."""
        log.info("recording %s: %s", recording.stem, " and ".join(recording.views))
        self._board.post(RecordingChanged(True, recording.stem, recording.views))

    def stop(self, reason: str) -> Recording | None:
        """Take nothing later than this moment; its last fragment still comes.

        Returns:
            The one that runs, None where none does.
        """
        with self.lock:
            recording = self._recording
            if recording is not None and recording.stop_ns is None:
                self.ended, recording.stop_ns = reason, time.monotonic_ns()
            return recording

    def fail(self, recording: Recording, reason: str, *, by_disk: bool = False) -> None:
        """End one that cannot go on, and say so in the picture."""
        with self.lock:
            if self._recording is not recording or recording.is_failed or recording.is_finishing:
                return
            recording.is_failed = True
            self.ended, recording.stop_ns = reason, time.monotonic_ns()
        if by_disk:
            self._board.post(NotSaved(f"recording ended: {reason}", by_disk=True))
        else:
            self._health.notice("recording", f"RECORDING ENDED: {reason}")
        self.finish(recording)

    def finish(self, recording: Recording) -> None:
        """Complete it, once."""
        with self.lock:
            if self._recording is not recording or recording.is_finishing:
                return
            recording.is_finishing = True
            ended = self.ended
        try:
            if not recording.finish(ended, DISK_ANSWERS_S):
                self.leave(recording, ended)
                ended = f"{ended}; the disk does not answer"
        except OSError as error:
            log.error("recording %s: its record is not written: %s", recording.stem, error.strerror or error)
            self.leave(recording, ended)
        with self.lock:
            self._recording = None
            self._over.notify_all()
        log.info("recorded %s: %.1f s, ended %s", recording.stem, recording.duration_s, ended)
        reason = "" if ended in (ON_REQUEST, PROGRAM_ENDS) else ended
        self._board.post(RecordingChanged(False, recording.stem, recording.views, reason))

    def leave(self, recording: Recording, ended: str) -> None:
        """The disk has not taken the end of its record: for `write_left`."""
        with self.lock:
            self._left[recording.stem] = recording, ended

    def left(self) -> tuple[str, ...]:
        """Names of those whose record does not say yet that they ended."""
        with self.lock:
            return tuple(self._left)

    def write_left(self) -> None:
        """Complete those that the disk did not take the end of, where it does now."""
        with self.lock:
            left = [*self._left.values()]
        for recording, ended in left:
            try:
                is_done = recording.finish(ended, 0.0)
            except OSError:  # told when it was left
                continue
            if is_done:
                with self.lock:
                    self._left.pop(recording.stem, None)
                log.info("recording %s: its record is written now", recording.stem)

    def wait_until_over(self, wait_s: float) -> bool:
        """Whether none runs any more; one that was not asked to end is not waited for."""
        with self.lock:
            recording = self._recording
            if recording is None or recording.stop_ns is None:
                return recording is None
            return self._over.wait_for(lambda: self._recording is None, wait_s)
