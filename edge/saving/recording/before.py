"""What was seen just before, encoded, in memory: so many seconds and no more than so many bytes."""

from __future__ import annotations

import threading
from collections import deque

from edge.saving.recording.tape import Piece, Tape, View


class Before:
    """Pieces of each view, the oldest let go. Safe to use from any thread.

    A tape that began anew takes the place of the one before: what is kept of a view is of one head.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pieces: dict[View, deque[Piece]] = {}
        self._tapes: dict[View, Tape] = {}
        self._from_ns = 0

    def add(self, tape: Tape, piece: Piece, keep_s: float, most_bytes: int) -> None:
        """Args: most_bytes: of this view."""
        with self._lock:
            if piece.begin_ns < self._from_ns:
                return
            if self._tapes.get(tape.view) is not tape:
                self._tapes[tape.view], self._pieces[tape.view] = tape, deque()
            kept = self._pieces[tape.view]
            kept.append(piece)
            num_bytes = sum(len(one.fragment.content) for one in kept)
            while kept and (num_bytes > most_bytes or kept[0].end_ns < piece.end_ns - keep_s * 1e9):
                num_bytes -= len(kept.popleft().fragment.content)

    def forget(self, until_ns: int = 0) -> None:
        """Let go of all, and of what is still being encoded of the time before `until_ns`."""
        with self._lock:
            self._from_ns = max(self._from_ns, until_ns)
            self._pieces.clear()
            self._tapes.clear()

    def since(self, view: View, begin_ns: int) -> tuple[bytes, list[Piece]]:
        """Head and pieces of a view that end after this moment; nothing where none are kept."""
        with self._lock:
            pieces = [piece for piece in self._pieces.get(view, ()) if piece.end_ns > begin_ns]
            return (self._tapes[view].init, pieces) if pieces else (b"", [])

    def num_bytes(self) -> int:
        with self._lock:
            return sum(len(piece.fragment.content) for kept in self._pieces.values() for piece in kept)

    def seconds(self) -> float:
        """From the oldest that is kept to the newest."""
        with self._lock:
            kept = [pieces for pieces in self._pieces.values() if pieces]
            return max(((pieces[-1].end_ns - pieces[0].begin_ns) / 1e9 for pieces in kept), default=0.0)
