"""Finds in the store what belongs into the queue: all that was saved in a session with an examination, once it closed.

It is the store that says what is to be sent, and this looks at it again and again: so nothing that happens between the
closing of a session and the writing of the queue, a power cut included, loses anything or queues it twice.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from edge.basics.folders import open_folder
from edge.basics.texts import json_from_text
from edge.pacs.waiting.queue import FOLDER, Queue
from edge.pacs.waiting.uids import named
from edge.saving.listing import Item
from edge.saving.recording.record import ENDED
from edge.saving.sidecar import MAX_BYTES
from edge.saving.store import Store

log = logging.getLogger(__name__)

_MAX_NAMES = 5


class _Belongs(NamedTuple):
    session: str
    study_uid: str
    is_ended: bool


class Scan:
    """Safe to call from any thread.

    Args:
        open_session: id of the patient session that is open; "" where none is.
        removed: names of what somebody removed from the store; what is forgotten is taken out.

    Attributes:
        trouble: why what is gone is not forgotten; "" where all is well.
    """

    def __init__(self, store: Store, queue: Queue, open_session: Callable[[], str], removed: set[str]) -> None:
        self._store, self._queue, self._open_session, self._removed = store, queue, open_session, removed
        self.trouble = ""
        self._lock = threading.Lock()
        self._coming: Mapping[str, int] = {}
        self._known: dict[str, tuple[int, _Belongs | None]] = {}

    def run(self) -> Mapping[str, str]:
        """Queue what is new, and forget what is gone; names of what is queued later -> id of its session.

        That is what waits for the session that is open to close; a recording that a power cut ended and nobody has made
        whole yet; and, with "" for its session, what cannot be read now, whoever's it may be.

        Raises:
            InputOutputError: the store or the queue cannot be read.
        """
        with self._lock:
            return self._run()

    def num_coming(self, session: str) -> int:
        """Views of a session that are queued later, as the last look found them."""
        return self._coming.get(session, 0)

    def _run(self) -> Mapping[str, str]:
        running, open_session = self._store.running(), self._open_session()
        removed = {*self._removed}  # before the folder is looked at
        listed, folder = self._store.listing.items_and_folder()
        items = {item.name: item for item in listed if running is None or item.name != running[0]}
        queued = self._queue.items()
        gone = queued - {item.name for item in listed} - ({running[0]} if running else set())
        self._forget(gone & removed)
        self._removed -= removed
        self._missed(gone - removed, folder, is_empty=not listed)
        self._known = {name: known for name, known in self._known.items() if name in items}
        later: dict[str, str] = {}
        coming: Counter[str] = Counter()
        for item in reversed(items.values()):
            try:
                belongs = None if item.name in queued else self._session_of(item)
            except OSError as error:
                later[item.name] = ""
                log.debug("pacs: the record of %s cannot be read now: %s", item.name, error.strerror)
                continue
            if belongs is None:
                continue
            session, study_uid, is_ended = belongs
            if session == open_session or not is_ended:
                later[item.name] = session
                coming[session] += len(item.views)
            else:
                uids = named(item.name, item.kind, session, study_uid, item.views)
                self._queue.add(item.name, session, uids, time.time())
        self._coming = coming
        return later

    def _missed(self, gone: set[str], folder: str, *, is_empty: bool) -> None:
        """Nobody is known to have removed these: a disk that is not mounted must not undo what the queue knows."""
        self.trouble = ""
        told = self._queue.told(FOLDER)
        is_same = told is not None and told[1] == folder
        if gone and is_same and not is_empty:
            self._forget(gone)
        elif gone:
            what = (
                "is another folder than before" if folder and not is_empty else "is empty" if folder else "is missing"
            )
            if is_empty or gone & self._queue.unsent().keys():
                self.trouble = (
                    f"{self._store.folder}: {what}: {len(gone)} that are queued are not in it; mount its disk"
                )
        elif folder and not is_same and not is_empty:
            self._queue.tell(FOLDER, folder, time.time())

    def _forget(self, gone: set[str]) -> None:
        if not gone:
            return
        unsent = sorted(item for item, waits in self._queue.unsent().items() if waits and item in gone)
        self._queue.forget(gone)
        if unsent:
            more = f" and {len(unsent) - _MAX_NAMES} more" if len(unsent) > _MAX_NAMES else ""
            log.error("pacs: gone from the store before they were sent: %s%s", ", ".join(unsent[:_MAX_NAMES]), more)

    def _session_of(self, item: Item) -> _Belongs | None:
        """What it belongs to; None where it is nobody's examination. Raises OSError."""
        known = self._known.get(item.name)
        if known is None or known[0] != item.changed_ns:
            known = self._known[item.name] = item.changed_ns, _session_in(read_record(self._store, item))
        return known[1]


def read_record(store: Store, item: Item) -> Mapping[str, Any]:
    """The record beside it; empty where there is none, or what is none. Raises OSError where it cannot be read now."""
    if "record" not in item.files:
        return {}
    try:
        with open_folder(store.folder) as folder:
            found = json_from_text(store.listing.at_rest.read(folder, item.files["record"], MAX_BYTES))
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _session_in(record: Mapping[str, Any]) -> _Belongs | None:
    session = record.get("session")
    examination = session.get("examination") if isinstance(session, Mapping) else None
    if not isinstance(session, Mapping) or not isinstance(examination, Mapping):
        return None
    is_ended = record.get("kind") != "recording" or record.get("state") == ENDED
    return _Belongs(str(session.get("id", "")), str(examination.get("study_uid", "")), is_ended)
