"""The way to the PACS as a part of the unit: there where one is configured, which a reload may change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from edge.config import Config
from edge.health.news import Board, PartState
from edge.saving.store import Store

if TYPE_CHECKING:  # pydicom and pynetdicom: loaded where a PACS is configured
    from edge.pacs.performing import Performing
    from edge.pacs.sender import Sender


class PacsPart:
    """Safe to use from any thread.

    Args:
        session: the patient session that is open, as a record has it; must not wait.
        tell: state and reason, as they change.
        on_told: called with a session's id and what the worklist was told of it.
    """

    def __init__(
        self,
        store: Store,
        board: Board,
        session: Callable[[], Mapping[str, Any] | None],
        tell: Callable[[PartState, str], None],
        on_told: Callable[[str, str], None],
    ) -> None:
        self._store, self._board, self._session, self._tell = store, board, session, tell
        self._on_told = on_told
        self._lock, self._is_started = threading.Lock(), False
        self._running: tuple[Sender, Performing] | None = None

    def use(self, config: Config) -> None:
        """By this configuration from the next object on."""
        with self._lock:
            if self._running is not None:
                sender, performing = self._running
                performing.use(config.worklist)
                sender.use(config.pacs)
            elif config.pacs.is_on:
                self._running = self._made(config)
                if self._is_started:
                    self._start()

    def start(self) -> None:
        with self._lock:
            self._is_started = True
            self._start()

    def close(self) -> None:
        for part in reversed(self._running or ()):
            part.close()

    def held(self) -> Mapping[str, str]:
        """As `Sender.held`."""
        return {} if self._running is None else self._running[0].held()

    def record(self) -> dict[str, Any] | None:
        """As `Sender.record`."""
        return None if self._running is None else self._running[0].record()

    def of_session(self) -> dict[str, Any] | None:
        """Objects of the patient session that is open, or of the last one, by their state; None where nothing is."""
        return (self.record() or {}).get("session")

    def _start(self) -> None:
        for part in self._running or ():
            part.start()

    def _made(self, config: Config) -> tuple[Sender, Performing]:
        from edge.pacs.performing import Performing
        from edge.pacs.sender import Sender

        performing = Performing(config.worklist, self._board, self._session, self._on_told)
        sender = Sender(
            *(config.pacs, config.unit.serial, self._store, self._board, self._open_session, self._tell, performing)
        )
        return sender, performing

    def _open_session(self) -> str:
        return str((self._session() or {}).get("id", ""))
