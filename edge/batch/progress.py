"""What a run over files says of how far it is: a bar on a terminal, else a line each half minute."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from edge.basics.progress import told_if_long
from edge.basics.texts import one_line
from edge.batch.patience import lasts

log = logging.getLogger(__name__)

EVERY_S = 30.0


@contextmanager
def looking() -> Iterator[Callable[[], object]]:
    """While the inputs are looked through; gives what is called for each file."""
    bar: Any = tqdm(desc="looking", unit="file", disable=None, file=sys.stderr, leave=False)
    with closing(bar), told_if_long("looking through the inputs", log.info) if bar.disable else nullcontext():
        yield bar.update


class Progress:
    """How far the frames of all pieces are.

    Args:
        guesses: how many frames each piece may have, by its number.
    """

    def __init__(self, guesses: Sequence[int]) -> None:
        self._expected = [*guesses]
        self._did: dict[int, int] = {}
        self._bar: Any = tqdm(total=sum(guesses), unit="frame", disable=True)
        self._begin_s = self._said_s = time.monotonic()
        self._num_done = 0
        self._total = sum(guesses)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show it until the end of the block."""
        self._bar = tqdm(total=self._total, unit="frame", disable=None, file=sys.stderr, dynamic_ncols=True)
        with closing(self._bar), nullcontext() if self._bar.disable else logging_redirect_tqdm():
            yield

    @property
    def is_on_terminal(self) -> bool:
        return not self._bar.disable

    @property
    def took_s(self) -> float:
        return time.monotonic() - self._begin_s

    @property
    def num_done(self) -> int:
        return self._num_done

    def expect(self, number: int, num_frames: int) -> None:
        """A piece says how many frames it has."""
        self._grow(num_frames - self._expected[number])
        self._expected[number] = num_frames

    def did_frame(self, number: int) -> None:
        self._did[number] = self._did.get(number, 0) + 1
        self._num_done += 1
        self._bar.update()
        now_s = time.monotonic()
        if self._bar.disable and now_s - self._said_s >= EVERY_S:
            self._said_s = now_s
            log.info("%s", self.line(now_s - self._begin_s))

    def end(self, number: int, name: str) -> None:
        """A piece has come to its end, and may have had fewer frames than it promised."""
        self._grow(self._did.pop(number, 0) - self._expected[number])
        self._bar.set_postfix_str(one_line(name), refresh=False)
        self._bar.refresh()

    def line(self, took_s: float) -> str:
        """`120 of 1000 frames, about 4 min left`."""
        left = self._total - self._num_done
        left_s = left * took_s / max(1, self._num_done)
        return f"{self._num_done} of {self._total} frames, about {lasts(left_s)} left"

    def _grow(self, by: int) -> None:
        self._total += by
        self._bar.total = self._total
