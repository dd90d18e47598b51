"""News of the unit: what one part tells and others read, on one board that is made before all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from edge.pictures.image import Mode

Part = Literal["source", "engine", "bridge", "sinks", "storage", "heat"]
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
class ProfileRuns:
    """Another profile enhances from now on, whoever wanted that: a person, the configuration, the ladder.

    Attributes:
        profile: empty where nothing enhances.
    """

    profile: str


News = Saved | NotSaved | ViewChanged | PartChanged | ProfileRuns
N = TypeVar("N", Saved, NotSaved, ViewChanged, PartChanged, ProfileRuns)


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
        self.read(Saved, reader)
        self.read(NotSaved, reader)
        self.read(ViewChanged, reader)
        self.read(PartChanged, reader)
        self.read(ProfileRuns, reader)

    def post(self, news: News) -> None:
        """Tell those who read this kind."""
        for reader in self._readers.get(type(news), ()):
            reader(news)
