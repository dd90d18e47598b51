"""The profiles that a person may choose from: those that are installed, and that may run."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.basics.errors import ModelError
from edge.models.card import Card, card_of
from edge.models.kinds import is_for_stills, synthesises
from edge.models.profile import MANIFEST_NAME, profile_names, profile_roots
from edge.models.trust import trusted_profile

log = logging.getLogger(__name__)

LOOK_EVERY_NS = 5_000_000_000


@dataclass(frozen=True, slots=True)
class OfferedProfile:
    """One of them.

    Attributes:
        title: its name as its manifest has it.
        is_live: fast enough for a live picture on most units; else for a held one.
        synthesises: it draws detail that the camera did not see.
        card: what a person should know before choosing it; None where nobody needs it.
    """

    name: str
    title: str
    is_live: bool
    synthesises: bool
    card: Card | None = None

    def record(self) -> dict[str, Any]:
        advice = "" if self.card is None else self.card.advice
        told = {"name": self.name, "title": self.title, "is_live": self.is_live, "synthesises": self.synthesises}
        return {**told, "advice": advice}


class Offered:
    """A watch: looks every few seconds whether a folder has changed, and checks what has in a thread of its own.

    Args:
        models: `engine.models`; keys: `engine.keys`.
    """

    def __init__(self, models: str, keys: str) -> None:
        self._models, self._keys = models, keys
        self._stamp: object = None
        self._profiles: tuple[OfferedProfile, ...] = ()
        self._thread: threading.Thread | None = None
        self._next_ns = 0

    def now(self) -> tuple[OfferedProfile, ...]:
        """By name; as they were found last."""
        return self._profiles

    def folder(self) -> str:
        """Where the unit's own profiles are, whole and without links; empty where shipped ones are all."""
        return os.path.realpath(self._models) if self._models else ""

    def use(self, models: str, keys: str) -> None:
        """Look elsewhere from the next tick on."""
        self._models, self._keys, self._next_ns = models, keys, 0

    def tick(self, now_ns: int) -> None:
        """Look again where it is time; a check that goes on is waited for."""
        is_checking = self._thread is not None and self._thread.is_alive()
        if is_checking or now_ns < self._next_ns:
            return
        self._next_ns = now_ns + LOOK_EVERY_NS
        stamp = tuple(_stamps(self._models, self._keys))
        if stamp != self._stamp:
            self._stamp = stamp
            self._thread = threading.Thread(target=self.look, name="offered-profiles", daemon=True)
            self._thread.start()

    def look(self) -> None:
        """Check every profile; some tenths of a second for a large one."""
        models, keys = self._models, self._keys
        self._profiles = tuple(_found(models, keys))


def _found(models: str, keys: str) -> Iterator[OfferedProfile]:
    for name in profile_names(profile_roots(models)):
        try:
            manifest = trusted_profile(name, models, keys).manifest
        except ModelError as error:
            log.warning("profile %s is not offered: %s", name, error)
            continue
        is_live, card = not is_for_stills(manifest), card_of(manifest)
        yield OfferedProfile(name, str(manifest["name"]), is_live, synthesises(manifest), card)


def _stamps(models: str, keys: str) -> Iterator[tuple[str, int, int]]:
    """What differs as soon as a profile, or who is believed, does."""
    roots = profile_roots(models)
    files = [path for root in roots for path in sorted(root.glob(f"*/{MANIFEST_NAME}"))]
    for path in [*files, *([Path(keys), *sorted(Path(keys).glob("*"))] if keys else [])]:
        try:
            about = path.stat()
        except OSError:
            continue
        yield str(path.resolve()), about.st_mtime_ns, about.st_size
