"""Performed procedure steps on the disk: what the peer of MPPS was told of each session, and has yet to be told.

No patient stands in it: ids of sessions, UIDs and states alone. Each change is on the disk when a method returns.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from edge.dicom.performed import PerformedSeries
from edge.pacs.waiting.database import Database

NAME = "steps.sqlite"
FORMAT = 1
StepState = Literal["begun", "completed", "discontinued", "failed"]
STEP_STATES: tuple[StepState, ...] = get_args(StepState)
_TABLES = """
CREATE TABLE steps (
    session TEXT PRIMARY KEY, uid TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'begun', ended_at REAL,
    is_asked INTEGER NOT NULL DEFAULT 0, is_created INTEGER NOT NULL DEFAULT 0, character_set TEXT NOT NULL DEFAULT '',
    performed TEXT, tries INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '', next_try REAL NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX by_state ON steps (state);
CREATE TABLE since (at REAL NOT NULL);
"""
_COLUMNS = "session, uid, state, ended_at, is_asked, is_created, character_set, performed, tries, reason, next_try"


@dataclass(frozen=True, slots=True)
class Step:
    """A session, as the peer is told of it.

    Attributes:
        uid: of the step, which follows from the session.
        ended_at: when the session was closed, in seconds since 1970; None while it is open.
        is_asked: whether the peer may have it; is_created: whether it said so.
        character_set: that it was created with.
        performed: what was made, once that is known; empty where nothing was.
    """

    session: str
    uid: str
    state: StepState
    ended_at: float | None
    is_asked: bool
    is_created: bool
    character_set: str
    performed: tuple[PerformedSeries, ...] | None
    tries: int
    reason: str
    next_try: float

    @property
    def has_to_be_told(self) -> bool:
        """Whether there is something that the peer can be told now."""
        return self.state == "begun" and (not self.is_created or self.performed is not None)


class Steps:
    """Safe to use from any thread, and beside another process that has it open. Every method may raise DatabaseFailed.

    Attributes:
        since: when it was made: sessions that ended before had none.
    """

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder / NAME, FORMAT, _TABLES)
        self._database.do("INSERT INTO since SELECT ? WHERE NOT EXISTS (SELECT 1 FROM since)", time.time())
        self.since = float(self._database.all("SELECT min(at) FROM since")[0][0])

    def close(self) -> None:
        self._database.close()

    def begun(self) -> list[Step]:
        """Those that the peer does not have to the end, in no order."""
        return self._steps("WHERE state = 'begun'")

    def refused(self) -> list[Step]:
        return self._steps("WHERE state = 'failed'")

    def known(self, session: str) -> bool:
        return bool(self._database.all("SELECT 1 FROM steps WHERE session = ?", session))

    def counts(self) -> dict[StepState, int]:
        found = dict(self._database.all("SELECT state, count(*) FROM steps GROUP BY state"))
        return {state: int(found.get(state, 0)) for state in STEP_STATES}

    def add(self, session: str, uid: str) -> None:
        """A session is open."""
        self._database.do(
            "INSERT INTO steps (session, uid) VALUES (?, ?) ON CONFLICT (session) DO UPDATE SET ended_at = NULL",
            *(session, uid),
        )

    def close_all_but(self, open_session: str, at: float) -> None:
        """The sessions of all others are closed, if they were not yet."""
        self._database.do("UPDATE steps SET ended_at = ? WHERE ended_at IS NULL AND session != ?", at, open_session)

    def settle(self, step: Step, performed: Sequence[PerformedSeries]) -> None:
        """What was made in it is known, and changes no more."""
        told = json.dumps([astuple(one) for one in performed])
        self._set(step, "performed = ?", told)

    def asked(self, step: Step, character_set: str) -> None:
        """The peer is asked to create it: from here on it may have it."""
        self._set(step, "is_asked = 1, character_set = ?", character_set)

    def created(self, step: Step, is_created: bool = True) -> None:
        self._set(step, "is_created = ?, tries = 0, reason = ''", is_created)

    def done(self, step: Step, state: StepState) -> None:
        """The peer has it to its end; what it named is not needed any more."""
        self._set(step, "state = ?, performed = NULL, reason = ''", state)

    def later(self, step: Step, reason: str, at: float) -> None:
        self._set(step, "tries = tries + 1, reason = ?, next_try = ?", reason, at)

    def failed(self, step: Step, reason: str) -> None:
        """The peer will not take it: it stays until somebody asks for another try."""
        self._set(step, "state = 'failed', tries = tries + 1, reason = ?", reason)

    def forget(self, step: Step) -> None:
        self._database.do("DELETE FROM steps WHERE session = ?", step.session)

    def retry(self) -> int:
        """Tell again what was refused, and at once what waits; how many."""
        return self._database.do(
            "UPDATE steps SET state = 'begun', tries = 0, reason = '', next_try = 0 "
            "WHERE state = 'failed' OR (state = 'begun' AND reason != '')"
        )

    def _set(self, step: Step, what: str, *values: Any) -> None:
        self._database.do(f"UPDATE steps SET {what} WHERE session = ?", *values, step.session)

    def _steps(self, where: str) -> list[Step]:
        return [_step(*row) for row in self._database.all(f"SELECT {_COLUMNS} FROM steps {where}")]


def _step(session: str, uid: str, state: StepState, *rest: Any) -> Step:
    ended_at, is_asked, is_created, character_set, told, tries, reason, next_try = rest
    performed = None if told is None else tuple(_series(*one) for one in json.loads(told))
    flags = bool(is_asked), bool(is_created)
    return Step(session, uid, state, ended_at, *flags, character_set, performed, tries, reason, next_try)


def _series(uid: str, description: str, images: list[list[str]]) -> PerformedSeries:
    return PerformedSeries(uid, description, tuple((sop_class, one) for sop_class, one in images))
