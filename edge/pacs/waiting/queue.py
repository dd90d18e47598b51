"""The queue on the disk: what is to be sent, and what has become of it. It outlives power cuts.

Each change is on the disk when a method returns. No patient stands in it: names of files,
UIDs and states alone. What is lost with it is found again in the store, and bears the same UIDs (`uids.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from edge.pacs.waiting.database import Database

NAME = "queue.sqlite"
FORMAT = 1
State = Literal["waiting", "sent", "committed", "failed"]
STATES: tuple[State, ...] = get_args(State)
LONGEST_WAIT_S = 3600.0
"""What waits for longer waits for a time that a wrong clock once told."""
_TABLES = """
CREATE TABLE objects (
    item TEXT NOT NULL, view TEXT NOT NULL, session TEXT NOT NULL, series TEXT NOT NULL, uid TEXT NOT NULL,
    sent_uid TEXT NOT NULL DEFAULT '', sop_class TEXT NOT NULL DEFAULT '', state TEXT NOT NULL DEFAULT 'waiting',
    tries INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '', queued_at REAL NOT NULL,
    next_try REAL NOT NULL DEFAULT 0, sent_at REAL, asked_at REAL,
    PRIMARY KEY (item, view)
) WITHOUT ROWID;
CREATE INDEX by_state ON objects (state, next_try);
CREATE INDEX by_uid ON objects (sent_uid);
CREATE TABLE transactions (uid TEXT PRIMARY KEY, asked_at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE told (key TEXT PRIMARY KEY, at REAL NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;
"""
_COLUMNS = "item, view, session, series, uid, sent_uid, sop_class, state, tries, reason, queued_at, next_try"


@dataclass(frozen=True, slots=True)
class Entry:
    """One object that was or is to be sent.

    Attributes:
        item, view: of what in the store it is made.
        session: id of its patient session, which says nothing of the patient.
        series, uid: DICOM's names of it.
        sent_uid, sop_class: under which it was sent; "" before.
        reason: why it was not taken; "" where nothing is known against it.
        queued_at, next_try: seconds since 1970, by the unit's clock.
    """

    item: str
    view: str
    session: str
    series: str
    uid: str
    sent_uid: str
    sop_class: str
    state: State
    tries: int
    reason: str
    queued_at: float
    next_try: float


class Queue:
    """Safe to use from any thread, and beside another process that has it open. Every method may raise DatabaseFailed.

    Args:
        folder: is made where it is missing, for its owner and its group alone.
    """

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder / NAME, FORMAT, _TABLES)

    def close(self) -> None:
        self._database.close()

    # ---- what is in it

    def items(self) -> set[str]:
        return {str(row[0]) for row in self._database.all("SELECT DISTINCT item FROM objects")}

    def entries(self) -> list[Entry]:
        """All, the oldest first."""
        return self._entries("ORDER BY queued_at, item, view DESC")

    def of(self, item: str) -> list[Entry]:
        return self._entries("WHERE item = ?", item)

    def due(self, now: float, most: int = 500) -> list[Entry]:
        """What is to be sent now; of a pair the raw picture first, to which the other refers."""
        where = (
            "WHERE state = 'waiting' AND (next_try <= ? OR next_try > ?) ORDER BY queued_at, item, view DESC LIMIT ?"
        )
        return self._entries(where, now, now + LONGEST_WAIT_S, most)

    def next_try(self) -> float | None:
        """When the next one is to be sent; None where none waits."""
        found = self._database.all("SELECT min(next_try) FROM objects WHERE state = 'waiting'")[0][0]
        return None if found is None else float(found)

    def to_confirm(self, now: float, after_s: float) -> list[Entry]:
        """What was sent, and the PACS was not asked about, or so long ago; of sessions of which all was sent."""
        where = (
            "WHERE state = 'sent' AND (asked_at IS NULL OR asked_at <= ? OR asked_at > ?) AND session NOT IN "
            "(SELECT session FROM objects WHERE state = 'waiting' AND reason = '') ORDER BY session, item, view DESC"
        )
        return self._entries(where, now - after_s, now)

    def counts(self) -> dict[State, int]:
        found = dict(self._database.all("SELECT state, count(*) FROM objects GROUP BY state"))
        return {state: int(found.get(state, 0)) for state in STATES}

    def oldest_waiting(self) -> float | None:
        """When the oldest of what waits was queued."""
        found = self._database.all("SELECT min(queued_at) FROM objects WHERE state = 'waiting'")[0][0]
        return None if found is None else float(found)

    def complaint(self) -> str:
        """Why something was not taken though the PACS is there, of what was queued first; "" where all is well."""
        found = self._database.all(
            "SELECT reason FROM objects WHERE state IN ('failed', 'waiting') AND reason != '' ORDER BY state, queued_at"
            " LIMIT 1"
        )
        return str(found[0][0]) if found else ""

    def unfinished(self, *, is_commitment_asked: bool) -> dict[str, State]:
        """Items of which something is not yet for good in the PACS, each with the state that is furthest from that."""
        done = ("committed",) if is_commitment_asked else ("committed", "sent")
        rows = self._database.all(
            f"SELECT item, state FROM objects WHERE state NOT IN ({', '.join('?' * len(done))})", *done
        )
        worst: dict[str, State] = {}
        for item, state in rows:
            if worst.get(item) != "waiting":
                worst[item] = state
        return worst

    def told(self, key: str) -> tuple[float, str] | None:
        """When and what was told last under this key."""
        found = self._database.all("SELECT at, text FROM told WHERE key = ?", key)
        return (float(found[0][0]), str(found[0][1])) if found else None

    # ---- what changes it

    def add(self, item: str, session: str, named: Mapping[str, tuple[str, str]], now: float) -> bool:
        """Queue an item; whether it was not queued already.

        Args:
            named: view -> UIDs of series and instance.
        """
        with self._database.transaction() as connection:
            rows = [(item, view, session, series, uid, now) for view, (series, uid) in named.items()]
            done = connection.executemany(
                "INSERT OR IGNORE INTO objects (item, view, session, series, uid, queued_at) VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )
            return done.rowcount > 0

    def sent(self, entry: Entry, uid: str, sop_class: str, now: float) -> None:
        """The PACS has it, under this UID."""
        self._database.do(
            "UPDATE objects SET state = 'sent', sent_uid = ?, sop_class = ?, tries = tries + 1, reason = '', "
            "sent_at = ?, asked_at = NULL WHERE item = ? AND view = ?",
            *(uid, sop_class, now, entry.item, entry.view),
        )

    def later(self, entry: Entry, reason: str, at: float) -> None:
        """The PACS did not take it now: it is tried again."""
        self._database.do(
            "UPDATE objects SET state = 'waiting', tries = tries + 1, reason = ?, next_try = ? "
            "WHERE item = ? AND view = ?",
            *(reason, at, entry.item, entry.view),
        )

    def failed(self, entry: Entry, reason: str) -> None:
        """The PACS will not take it as it is: it stays until somebody asks for another try."""
        self._database.do(
            "UPDATE objects SET state = 'failed', tries = tries + 1, reason = ? WHERE item = ? AND view = ?",
            *(reason, entry.item, entry.view),
        )

    def asked(self, transaction: str, entries: Iterable[Entry], now: float) -> None:
        """The PACS was asked whether it keeps these."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO transactions VALUES (?, ?)", (transaction, now))
            connection.execute("DELETE FROM transactions WHERE asked_at < ?", (now - 7 * 86400,))
            connection.executemany(
                "UPDATE objects SET asked_at = ? WHERE sent_uid = ?", [(now, one.sent_uid) for one in entries]
            )

    def knows(self, transaction: str) -> bool:
        """Whether this was asked."""
        return bool(self._database.all("SELECT 1 FROM transactions WHERE uid = ?", transaction))

    def committed(self, uids: Iterable[str]) -> int:
        """The PACS keeps these for good; how many of them were not known to be."""
        with self._database.transaction() as connection:
            done = connection.executemany(
                "UPDATE objects SET state = 'committed', reason = '' WHERE sent_uid = ? AND state = 'sent'",
                [(uid,) for uid in uids],
            )
            return max(0, done.rowcount)

    def not_committed(self, uid: str, reason: str, at: float) -> None:
        """The PACS does not keep it: it is sent again."""
        self._database.do(
            "UPDATE objects SET state = 'waiting', reason = ?, next_try = ? WHERE sent_uid = ? AND state = 'sent'",
            *(reason, at, uid),
        )

    def retry(self) -> int:
        """Send at once what waits, and again what was refused; how many."""
        return self._database.do(
            "UPDATE objects SET state = 'waiting', reason = '', next_try = 0 WHERE state IN ('waiting', 'failed')"
        )

    def forget(self, items: Iterable[str]) -> None:
        """Of what is not in the store any more."""
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM objects WHERE item = ?", [(item,) for item in items])

    def tell(self, key: str, text: str, now: float) -> None:
        """Keep a line for a person, such as what went wrong last."""
        self._database.do("INSERT OR REPLACE INTO told VALUES (?, ?, ?)", key, now, text)

    def _entries(self, where: str, *values: Any) -> list[Entry]:
        return [Entry(*row) for row in self._database.all(f"SELECT {_COLUMNS} FROM objects {where}", *values)]
