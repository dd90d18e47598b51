"""What a viewer says over its WebSocket: which pictures it wants, and that it has drawn one and wants the next."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from edge.basics.errors import UsageError
from edge.web.sizes import step_for
from edge.web.views import View, place_from_query, view_from_query

MAX_BYTES = 1024
VIEWS = ("pair", "enhanced", "raw")
_EXPECTED = 'expected {"want": VIEW, "width": N, "place": WORD} or {"next": N}'
_MAX_WIDTH_PX = 1 << 15


@dataclass(frozen=True, slots=True)
class Want:
    """The pictures that it wants from now on.

    Attributes:
        place: as in `edge.web.audience.Audience.admit`.
    """

    view: View
    place: str = ""


@dataclass(frozen=True, slots=True)
class Next:
    """It has drawn the last one."""


Wish = Want | Next


def wish_of(text: str) -> Wish:
    """Read a message.

    Raises:
        UsageError: one line of at most 120 characters that says what was expected.
    """
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(f"no JSON: {_EXPECTED}") from None
    if not isinstance(said, dict) or ("want" in said) == ("next" in said):
        raise UsageError(_EXPECTED)
    if "next" in said:
        if said["next"] is not None and not _is_whole(said["next"]):
            raise UsageError("next: expected the number of the picture that was drawn, or null")
        return Next()
    width_px, place = said.get("width", _MAX_WIDTH_PX), said.get("place", "")
    if said["want"] not in VIEWS:
        raise UsageError(f"want: expected one of {', '.join(VIEWS)}")
    if not _is_whole(width_px) or not 1 <= width_px <= _MAX_WIDTH_PX:
        raise UsageError(f"width: expected a whole number of pixels from 1 to {_MAX_WIDTH_PX}")
    if not isinstance(place, str):
        raise UsageError("place: expected a word")
    return Want(view_from_query(said["want"], allowed=VIEWS, width_px=step_for(width_px)), place_from_query(place))


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


class Allowance:
    """How many messages one may send that no picture of ours asked for: so many a second, and as many at once."""

    A_SECOND = 30

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._left, self._counted_s = float(self.A_SECOND), clock_s()

    def take(self) -> bool:
        """Whether there was one left."""
        now_s = self._clock_s()
        self._left = min(float(self.A_SECOND), self._left + (now_s - self._counted_s) * self.A_SECOND)
        self._counted_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
