"""News of the unit: what one part tells and others read, on one board that is made before all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

from edge.pictures.image import Mode

Part = Literal["source", "engine", "bridge", "sinks", "storage", "heat", "pacs"]
ReferenceState = Literal["begun", "made", "failed", "given up"]
PartState = Literal["off", "starting", "ok", "degraded", "failed"]


@dataclass(frozen=True, slots=True)
class Saved:
    """A pair is on the disk, whole.

    Attributes:
        name: of the enhanced picture, or of the raw one where nothing was enhanced.
    """

    name: str


@dataclass(frozen=True, slots=True)
class NotSaved:
    """Nothing of a pair that somebody wanted to keep is on the disk.

    Attributes:
        by_disk: the disk did not take it; else it was not worth keeping, which says nothing of the disk.
    """

    reason: str
    by_disk: bool = False


@dataclass(frozen=True, slots=True)
class ViewChanged:
    """The unit went over to a held picture or back, turned raw and enhanced about, or shows more or less enhancement.

    Attributes:
        strength: share of the enhancement that is shown, 0 to 1.
    """

    is_frozen: bool
    view: Mode
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class PartChanged:
    """A part of the unit has another state, or is in it for another reason."""

    part: Part
    state: PartState
    reason: str


@dataclass(frozen=True, slots=True)
class ReferenceChanged:
    """A held picture is being made by a profile for stills, or is no more."""

    profile: str
    state: ReferenceState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ProfileRuns:
    """Another profile enhances from now on, whoever wanted that: a person, the configuration, the ladder.

    Attributes:
        profile: empty where nothing enhances.
    """

    profile: str


@dataclass(frozen=True, slots=True)
class RecordingChanged:
    """A recording has begun, or has ended and is on the disk as far as it went.

    Attributes:
        name: of it in the store.
        views: raw, enhanced or both.
        reason: why it ended, where nobody asked for that; empty otherwise.
    """

    is_running: bool
    name: str
    views: tuple[Mode, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """A patient session was opened or closed. Attributes: id: of the one that is open now; empty where none is."""

    id: str


@dataclass(frozen=True, slots=True)
class Removed:
    """A pair or a recording is gone from the store. Attributes: why: who or what removed it."""

    name: str
    why: str


News = (
    Saved
    | NotSaved
    | ViewChanged
    | PartChanged
    | ProfileRuns
    | ReferenceChanged
    | RecordingChanged
    | SessionChanged
    | Removed
)
N = TypeVar(
    "N",
    Saved,
    NotSaved,
    ViewChanged,
    PartChanged,
    ProfileRuns,
    ReferenceChanged,
    RecordingChanged,
    SessionChanged,
    Removed,
)
_KINDS: tuple[Any, ...] = get_args(News)


class Board:
    """Hands each piece of news to all who read its kind, in the thread that posts it; safe to use from any thread.

    A reader must neither wait nor fail. Whoever begins to read later does not hear what was posted before.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers: dict[type, tuple[Callable[[Any], None], ...]] = {}

    def read(self, kind: type[N], reader: Callable[[N], None]) -> None:
        """Call `reader` with each piece of news of this kind from now on."""
        with self._lock:
            self._readers[kind] = (*self._readers.get(kind, ()), reader)

    def read_all(self, reader: Callable[[News], None]) -> None:
        """Call `reader` with each piece of news of any kind from now on."""
        for kind in _KINDS:
            self.read(kind, reader)

    def post(self, news: News) -> None:
        """Tell those who read this kind."""
        for reader in self._readers.get(type(news), ()):
            reader(news)
