"""The tapes that turn: one for each view that is wanted, begun anew where FFmpeg failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from edge.clips.process import FfmpegFailed
from edge.frames.frame import Frame
from edge.saving.recording.encoders import Encoder
from edge.saving.recording.tape import Piece, Tape, View

RETRY_S = 10.0
ENDS_WITHIN_S = 6.0


class Deck:
    """Belongs to the thread that feeds, but for what the tapes call in theirs.

    Args:
        on_piece: with each piece.
        on_end: with the view and why its tape ended, "" where it was to end.
    """

    def __init__(self, on_piece: Callable[[Tape, Piece], None], on_end: Callable[[View, str], None]) -> None:
        self._on_piece, self._on_end = on_piece, on_end
        self._tapes: dict[View, Tape] = {}
        self._retry_s: dict[View, float] = {}

    def end_all_but(self, wanted: Collection[View]) -> None:
        """End the tapes of other views; what is in them still comes, unless FFmpeg holds it for too long."""
        for view, tape in list(self._tapes.items()):
            if view not in wanted:
                tape.end()
            if tape.is_ended and time.monotonic() - tape.ended_s > ENDS_WITHIN_S:
                tape.close()

    def feed(self, view: View, frame: Frame, encoder: Encoder, *, at_once: bool) -> None:
        """Append a frame; where FFmpeg fails the tape ends, and `on_end` says why.

        Args:
            at_once: begin a tape that is not there though one of this view failed just now.
        """
        tape = self._tapes.get(view)
        try:
            if tape is None:
                if not at_once and time.monotonic() < self._retry_s.get(view, 0.0):
                    return
                tape = self._tapes[view] = Tape(view, encoder, frame, self._on_piece, self._ended)
            if not tape.is_ended:
                tape.feed(frame)
        except FfmpegFailed as error:
            if tape is None:
                self._failed(view, str(error))
            else:
                tape.close(str(error))

    def close(self, wait_s: float) -> None:
        """End all, and FFmpeg with them."""
        tapes = list(self._tapes.values())
        for tape in tapes:
            tape.end()
        for tape in tapes:
            tape.join(wait_s)
            tape.close()

    def _ended(self, tape: Tape, reason: str) -> None:
        if self._tapes.get(tape.view) is tape:
            del self._tapes[tape.view]
        if reason and not tape.is_ended:
            self._failed(tape.view, reason)
        else:
            self._on_end(tape.view, "")

    def _failed(self, view: View, reason: str) -> None:
        self._retry_s[view] = time.monotonic() + RETRY_S
        self._on_end(view, reason)
