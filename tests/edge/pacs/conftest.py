"""A unit that sends, in a hurry, and the PACS that it sends to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.config import PacsConfig
from edge.health.news import Board, SessionChanged
from edge.pacs import patience, sender
from edge.pacs.sender import Sender
from tests.doubles.orthanc import Orthanc
from tests.doubles.pacs_store import store_of
from tests.doubles.played_pacs import PlayedPacs
from tests.doubles.ports import free_port
from tests.doubles.waiting import GUARD_S


class Unit:
    """A store and what sends from it. Attributes: told: state and reason of its part, each time."""

    def __init__(self, folder: Path, **config: Any) -> None:
        self.folder, self.board, self.open_session = folder / "pictures", Board(), ""
        self.config = PacsConfig(**{"host": "127.0.0.1", "folder": str(folder / "pacs"), "timeout_s": 120, **config})
        self.store = store_of(self.folder, self.board)
        self.told: list[tuple[str, str]] = []
        self.sender = Sender(
            self.config, "S1", self.store, self.board, lambda: self.open_session, lambda *one: self.told.append(one)
        )
        self.store.held = self.sender.held

    def start(self) -> Unit:
        self.sender.start()
        return self

    def end(self) -> None:
        """Nothing is sent any more: its threads give way to all else, and may end later than who closes them waits."""
        self.sender.close()
        if self.sender._thread.is_alive():
            self.sender._thread.join(GUARD_S)

    def close_session(self) -> None:
        self.open_session = ""
        self.board.post(SessionChanged(""))

    def counts(self) -> dict[str, int]:
        """State -> views; without those of which there are none."""
        record = self.sender.record()
        return {name: record[name] for name in ("waiting", "sent", "committed", "failed") if record[name]}


@pytest.fixture
def in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for that need not be."""
    monkeypatch.setattr(patience, "FIRST_S", 0.02)
    monkeypatch.setattr(patience, "LAST_S", 0.2)
    monkeypatch.setattr(patience, "RARE_S", 0.05)
    monkeypatch.setattr(sender, "POLL_S", 0.02)
    monkeypatch.setattr(sender, "ANEW_S", 0.05)


@pytest.fixture
def unit_of(tmp_path: Path, in_haste: None) -> Iterator[Callable[..., Unit]]:
    made: list[Unit] = []

    def make(**config: Any) -> Unit:
        made.append(Unit(tmp_path, **config))
        return made[-1]

    yield make
    for unit in made:
        unit.sender.close()


@pytest.fixture
def pacs_of() -> Iterator[Callable[..., PlayedPacs]]:
    made: list[PlayedPacs] = []

    def make(**told: Any) -> PlayedPacs:
        made.append(PlayedPacs(**told))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def port() -> int:
    """Where the unit may be told what the PACS keeps."""
    return free_port()


@pytest.fixture
def orthanc(tmp_path: Path, port: int) -> Iterator[Orthanc]:
    with Orthanc(tmp_path / "orthanc", own=("EDGE-ENHANCE", port)) as running:
        yield running
