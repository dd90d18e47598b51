"""What a run asks of those who do its pieces, whoever they are: this thread, processes, other machines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from edge.basics.errors import EdgeError
from edge.batch.piece import Made, Piece


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told how far the pieces are, in the thread that calls `Workers.take`.

    Attributes:
        on_expected: number of a piece, and how many frames it promises to have.
        on_frame: number of a piece that has one more.
    """

    on_expected: Callable[[int, int], object]
    on_frame: Callable[[int], object]


class Outcome(NamedTuple):
    """What became of a piece: what was made, or why nothing was."""

    number: int
    made: Made | EdgeError


class Workers(Protocol):
    """Does pieces in any order. All calls come from one thread.

    A piece whose worker dies is done again by another, as it would have been by the first; one that takes two workers
    with it fails alone.
    """

    @property
    def model_sha256(self) -> str: ...
    def begin(self, scratch: Path, num_pieces: int, watch: Watch) -> None:
        """Get ready.

        Args:
            scratch: a folder of this machine, for files that are moved away from there when they are in an `Outcome`.
            num_pieces: that may come, at most: more workers than that are of no use.
        """
        ...

    @property
    def room(self) -> int:
        """How many pieces may be given now."""
        ...

    def give(self, number: int, piece: Piece) -> None:
        """Have a piece done.

        Args:
            number: of the piece, by which its outcome is known.
        """
        ...

    def take(self, timeout_s: float) -> Outcome | None:
        """The next outcome; None where there is none yet.

        Raises:
            NoEngine: no piece can be done.
            OutputFolderError: there is no room for what is made.
            Stopped: the run was stopped in the middle of a piece.
        """
        ...

    def close(self) -> None:
        """Let go of everything; what is not done yet is given up. Safe to call twice."""
        ...
