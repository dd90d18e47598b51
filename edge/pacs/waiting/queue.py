"""The queue on the disk: what is to be sent, and what has become of it. It outlives power cuts.

Each change is on the disk when a method returns. No patient stands in it: names of files,
UIDs and states alone. What is lost with it is found again in the store, and bears the same UIDs (`uids.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from edge.pacs.waiting.database import Database

NAME = "queue.sqlite"
FORMAT = 1
State = Literal["waiting", "sent", "committed", "failed"]
STATES: tuple[State, ...] = get_args(State)
LAST_ERROR, RETRY, FOLDER = "error", "retry", "folder"
"""What is told: what went wrong last, that somebody wants another try, and in which folder the items were seen."""
LONGEST_WAIT_S = 3600.0
"""What waits for longer waits for a time that a wrong clock once told."""
_TABLES = """
CREATE TABLE views (
    item TEXT NOT NULL, view TEXT NOT NULL, session TEXT NOT NULL, series TEXT NOT NULL, uid TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting', tries INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',
    queued_at REAL NOT NULL, next_try REAL NOT NULL DEFAULT 0, asked_at REAL,
    PRIMARY KEY (item, view)
) WITHOUT ROWID;
CREATE INDEX by_state ON views (state, next_try);
CREATE TABLE objects (
    item TEXT NOT NULL, view TEXT NOT NULL, uid TEXT NOT NULL, sent_uid TEXT NOT NULL, sop_class TEXT NOT NULL,
    is_committed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (item, view, uid)
) WITHOUT ROWID;
CREATE INDEX by_uid ON objects (sent_uid);
CREATE TABLE transactions (uid TEXT PRIMARY KEY, asked_at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE told (key TEXT PRIMARY KEY, at REAL NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;
"""
_COLUMNS = "item, view, session, series, uid, state, tries, reason, queued_at, next_try"


@dataclass(frozen=True, slots=True)
class Entry:
    """A view of something that was saved, which was or is to be sent: one object, or several for a long clip.

    Attributes:
        item, view: of what in the store it is made.
        session: id of its patient session, which says nothing of the patient.
        series, uid: DICOM's names of it; further parts have others, which follow from that.
        reason: why it was not taken; "" where nothing is known against it.
        queued_at, next_try: seconds since 1970, by the unit's clock.
    """

    item: str
    view: str
    session: str
    series: str
    uid: str
    state: State
    tries: int
    reason: str
    queued_at: float
    next_try: float


@dataclass(frozen=True, slots=True)
class Sent:
    """An object that the PACS took. Attributes: sent_uid, sop_class: under which."""

    item: str
    view: str
    sent_uid: str
    sop_class: str


class Queue:
    """Safe to use from any thread, and beside another process that has it open. Every method may raise DatabaseFailed.

    Args:
        folder: is made where it is missing, for its owner and its group alone.
    """

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder / NAME, FORMAT, _TABLES)
        self._database.do("CREATE INDEX IF NOT EXISTS by_session ON views (session)")
        self._lock = threading.Lock()
        self._items: tuple[tuple[int, int], set[str]] | None = None

    def close(self) -> None:
        self._database.close()

    # ---- what is in it

    def items(self) -> set[str]:
        """Read from the disk where another process has changed something; a store may have a hundred thousand."""
        with self._lock:
            seen = self._database.seen_of_others()
            if self._items is None or self._items[0] != seen:
                found = {str(row[0]) for row in self._database.all("SELECT DISTINCT item FROM views")}
                self._items = seen, found
            return {*self._items[1]}

    def unsent(self) -> dict[str, bool]:
        """Items of which something was not sent -> whether something still waits, and not all of that was refused."""
        rows = self._database.all("SELECT item, max(state = 'waiting') FROM views WHERE state IN ('waiting', 'failed') "
                                  "GROUP BY item")  # fmt: skip
        return {str(item): bool(waits) for item, waits in rows}

    def entries(self) -> list[Entry]:
        """All, the oldest first."""
        return self._entries("ORDER BY queued_at, item, view DESC")

    def of(self, item: str) -> list[Entry]:
        return self._entries("WHERE item = ?", item)

    def of_session(self, session: str) -> list[Entry]:
        return self._entries("WHERE session = ?", session)

    def sessions(self, after: float) -> list[str]:
        """Of what was queued after a moment."""
        found = self._database.all("SELECT DISTINCT session FROM views WHERE queued_at > ?", after)
        return [str(row[0]) for row in found]

    def due(self, now: float, most: int = 500) -> list[Entry]:
        """What is to be sent now: what was tried least first, so that nothing stands in the way of all others."""
        where = "WHERE state = 'waiting' AND (next_try <= ? OR next_try > ?)"
        order = "ORDER BY tries, queued_at, item, view DESC LIMIT ?"
        return self._entries(f"{where} {order}", now, now + LONGEST_WAIT_S, most)

    def taken(self, entry: Entry) -> set[str]:
        """UIDs of its objects that the PACS took, as they were made."""
        return {*self.taken_as(entry)}

    def taken_as(self, entry: Entry) -> dict[str, tuple[str, str]]:
        """The same -> class and UID under which the PACS has each."""
        found = self._database.all(
            "SELECT uid, sop_class, sent_uid FROM objects WHERE item = ? AND view = ?", entry.item, entry.view
        )
        return {str(uid): (str(sop_class), str(sent_uid)) for uid, sop_class, sent_uid in found}

    def to_confirm(self, now: float, after_s: float) -> list[Sent]:
        """What was sent, and the PACS was not asked about, or so long ago; of sessions of which all was sent."""
        found = self._database.all(
            "SELECT item, view, sent_uid, sop_class FROM views JOIN objects USING (item, view) WHERE state = 'sent' "
            "AND NOT is_committed AND (asked_at IS NULL OR asked_at <= ? OR asked_at > ?) AND session NOT IN "
            "(SELECT session FROM views WHERE state = 'waiting' AND reason = '') ORDER BY session, item, view DESC",
            *(now - after_s, now),
        )
        return [Sent(*row) for row in found]

    def counts(self, session: str | None = None) -> dict[State, int]:
        """Views in each state: all, or of a session."""
        where, values = ("", ()) if session is None else ("WHERE session = ? ", (session,))
        found = dict(self._database.all(f"SELECT state, count(*) FROM views {where}GROUP BY state", *values))
        return {state: int(found.get(state, 0)) for state in STATES}

    def last_session(self) -> str:
        """Of what was queued last; "" where nothing was."""
        found = self._database.all("SELECT session FROM views ORDER BY queued_at DESC LIMIT 1")
        return str(found[0][0]) if found else ""

    def oldest_waiting(self) -> float | None:
        """When the oldest of what waits was queued."""
        found = self._database.all("SELECT min(queued_at) FROM views WHERE state = 'waiting'")[0][0]
        return None if found is None else float(found)

    def complaint(self) -> str:
        """Why something was not taken though the PACS is there, of what was queued first; "" where all is well."""
        found = self._database.all(
            "SELECT reason FROM views WHERE state IN ('failed', 'waiting') AND reason != '' ORDER BY state, queued_at"
            " LIMIT 1"
        )
        return str(found[0][0]) if found else ""

    def unfinished(self, *, is_commitment_asked: bool) -> dict[str, State]:
        """Items of which something is not yet for good in the PACS, each with the state that is furthest from that."""
        done = ("committed",) if is_commitment_asked else ("committed", "sent")
        rows = self._database.all(
            f"SELECT item, state FROM views WHERE state NOT IN ({', '.join('?' * len(done))})", *done
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
        rows = [(item, view, session, series, uid, now) for view, (series, uid) in named.items()]
        with self._lock:
            with self._database.transaction() as connection:
                done = connection.executemany(
                    "INSERT OR IGNORE INTO views (item, view, session, series, uid, queued_at) "
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    rows,
                )
            if self._items is not None:  # it is on the disk
                self._items[1].add(item)
            return done.rowcount > 0

    def took(self, entry: Entry, uid: str, sent_uid: str, sop_class: str) -> None:
        """The PACS has one of its objects, which was made under one UID and sent under another or the same."""
        self._database.do(
            "INSERT OR REPLACE INTO objects (item, view, uid, sent_uid, sop_class) VALUES (?, ?, ?, ?, ?)",
            *(entry.item, entry.view, uid, sent_uid, sop_class),
        )

    def sent(self, entry: Entry) -> None:
        """The PACS has all of it."""
        self._database.do(
            "UPDATE views SET state = 'sent', tries = tries + 1, reason = '', asked_at = NULL "
            "WHERE item = ? AND view = ?",
            *(entry.item, entry.view),
        )

    def later(self, entry: Entry, reason: str, at: float) -> None:
        """The PACS did not take it now: it is tried again."""
        self._database.do(
            "UPDATE views SET state = 'waiting', tries = tries + 1, reason = ?, next_try = ? "
            "WHERE item = ? AND view = ?",
            *(reason, at, entry.item, entry.view),
        )

    def failed(self, entry: Entry, reason: str) -> None:
        """The PACS will not take it as it is: it stays until somebody asks for another try."""
        self._database.do(
            "UPDATE views SET state = 'failed', tries = tries + 1, reason = ? WHERE item = ? AND view = ?",
            *(reason, entry.item, entry.view),
        )

    def asks(self, transaction: str, now: float) -> None:
        """The PACS is asked about something: its answer will name this."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO transactions VALUES (?, ?)", (transaction, now))
            connection.execute("DELETE FROM transactions WHERE asked_at < ?", (now - 7 * 86400,))

    def asked(self, about: Iterable[Sent], now: float) -> None:
        """The PACS has taken the question whether it keeps these."""
        with self._database.transaction() as connection:
            rows = [(now, one.item, one.view) for one in about]
            connection.executemany("UPDATE views SET asked_at = ? WHERE item = ? AND view = ?", rows)

    def knows(self, transaction: str) -> bool:
        """Whether this was asked."""
        return bool(self._database.all("SELECT 1 FROM transactions WHERE uid = ?", transaction))

    def committed(self, uids: Iterable[str]) -> None:
        """The PACS keeps these for good."""
        with self._database.transaction() as connection:
            rows = [(uid,) for uid in uids]
            connection.executemany("UPDATE objects SET is_committed = 1 WHERE sent_uid = ?", rows)
            connection.execute(
                "UPDATE views SET state = 'committed', reason = '' WHERE state = 'sent' AND NOT EXISTS (SELECT 1 FROM "
                "objects WHERE (objects.item, objects.view) = (views.item, views.view) AND NOT is_committed)"
            )

    def not_committed(self, uid: str, reason: str, at: float) -> None:
        """The PACS does not keep it: it is sent again."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE views SET state = 'waiting', tries = tries + 1, reason = ?, next_try = ? WHERE state = 'sent' "
                "AND EXISTS (SELECT 1 FROM objects WHERE sent_uid = ? AND (objects.item, objects.view) = "
                "(views.item, views.view))",
                (reason, at, uid),
            )
            connection.execute("DELETE FROM objects WHERE sent_uid = ? AND NOT is_committed", (uid,))

    def retry(self) -> int:
        """Send at once what waits, and again what was refused; how many."""
        return self._database.do(
            "UPDATE views SET state = 'waiting', reason = '', next_try = 0 WHERE state IN ('waiting', 'failed')"
        )

    def forget(self, items: Iterable[str]) -> None:
        """Of what is not in the store any more."""
        with self._lock, self._database.transaction() as connection:
            self._items = None
            rows = [(item,) for item in items]
            for table in ("views", "objects"):
                connection.executemany(f"DELETE FROM {table} WHERE item = ?", rows)

    def tell(self, key: str, text: str, now: float) -> None:
        """Keep a line for a person, such as what went wrong last."""
        self._database.do("INSERT OR REPLACE INTO told VALUES (?, ?, ?)", key, now, text)

    def _entries(self, where: str, *values: Any) -> list[Entry]:
        return [Entry(*row) for row in self._database.all(f"SELECT {_COLUMNS} FROM views {where}", *values)]
