"""Tells the hospital that a patient session begins, and what was made in it when it has ended: MPPS, in its own thread.

It works on the queue of the sender and never holds it up. What of a patient must be told is read where it stands, in
the session that is open or beside what was saved in it, and kept nowhere else: a session in which nothing was saved,
and of whose begin the peer never heard, is not told of at all.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from edge.basics.errors import EdgeError
from edge.basics.threads import give_way
from edge.config import WorklistConfig
from edge.dicom.performed import IN_PROGRESS, Ending, PerformedSeries, step_begun, step_ended
from edge.health.news import Board, SessionChanged
from edge.pacs.made import made_in
from edge.pacs.patience import Patience, wait_after
from edge.pacs.waiting.queue import Entry, Queue
from edge.pacs.waiting.scan import Scan, read_record
from edge.pacs.waiting.steps import STEP_STATES, Step, Steps, StepState
from edge.pacs.waiting.uids import uid_of
from edge.pacs.ways.mpps import Telling, Told, telling
from edge.pacs.worklist import mpps_peer
from edge.saving.store import Store

log = logging.getLogger(__name__)

POLL_S = 5.0
GRACE_S = 10.0
"""After a session closed: what was saved at its last moment is on the disk then."""
SETTLE_S = 300.0
"""So long the end of a step waits for its objects to be sent, and for records that cannot be read."""
MAX_TRIES = 20
"""Of what the peer answers with a failure that says nothing: about an hour and a half."""
_NOTHING_MADE = "Nothing was saved"
_STATES: Mapping[Ending, StepState] = {"COMPLETED": "completed", "DISCONTINUED": "discontinued"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the work is, while this process is the one that sends. Attributes: folder: of the queue."""

    store: Store
    queue: Queue
    scan: Scan
    folder: Path


@dataclass(frozen=True, slots=True)
class _Work(Place):
    place: Place
    steps: Steps


class Performing:
    """Safe to use from any thread.

    Args:
        session: the patient session that is open, as a record has it; must not wait.
        on_told: called with a session's id and the state that the peer has of it now.
    """

    def __init__(
        self,
        config: WorklistConfig,
        board: Board,
        session: Callable[[], Mapping[str, Any] | None],
        on_told: Callable[[str, str], None] = lambda session, state: None,
    ) -> None:
        self._config, self._session, self._on_told = config, session, on_told
        self._place: Place | None = None
        self._work: _Work | None = None
        self._changes: deque[tuple[str, str, float]] = deque()
        self._patience = Patience()
        self._since: float | None = None
        self._wake, self._is_closed = threading.Event(), threading.Event()
        self._record: dict[str, Any] | None = None
        self._thread = threading.Thread(target=self._run, name="mpps", daemon=True)
        board.read(SessionChanged, self._on_session_changed)

    @property
    def is_on(self) -> bool:
        return bool(self._config.mpps)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._is_closed.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def use(self, config: WorklistConfig) -> None:
        """Another peer, or none, from the next step on."""
        if config != self._config:
            self._config = config
            self.hurry()

    @contextmanager
    def working(self, place: Place) -> Iterator[None]:
        """This process sends for the block."""
        if self.is_on:
            with suppress(EdgeError), closing(Steps(place.folder)) as steps:  # else it is known a little later
                self._since = steps.since
        self._place = place
        self.hurry()
        try:
            yield
        finally:
            self._place = None

    def hurry(self) -> None:
        """Do not wait for the next try."""
        self._patience.haste()
        self._wake.set()

    def step_of(self, entry: Entry, record: Mapping[str, Any]) -> str:
        """UID of the step that the peer is told of, for the objects that are made in it; "" where it is of none.

        It follows from what the queue and the store have, so that an object that is made again is the same.
        """
        study = _study_of(record.get("session"))
        is_told = self.is_on and study and self._since is not None and entry.queued_at > self._since
        return _uid(entry.session, study) if is_told else ""

    def record(self) -> dict[str, Any] | None:
        """For `/health`, as the thread knew it last; None where nobody is to be told."""
        return self._record if self.is_on else None

    # ---- the thread

    def _run(self) -> None:
        give_way()
        while not self._is_closed.is_set():
            self._wake.clear()
            place, config = self._place, self._config
            if not config.mpps:
                self._work = None
                self._changes.clear()
            elif place is not None:
                try:
                    self._round(self._work_at(place), config)
                except EdgeError as error:
                    self._tell(dict.fromkeys(STEP_STATES), str(error))
                except Exception as error:
                    log.exception("mpps")
                    self._tell(dict.fromkeys(STEP_STATES), f"unexpected {type(error).__name__}")
            self._wake.wait(POLL_S)

    def _work_at(self, place: Place) -> _Work:
        if self._work is None or self._work.place is not place:
            work = _Work(place.store, place.queue, place.scan, place.folder, place, Steps(place.folder))
            self._since = work.steps.since
            self._take_up(work)
            self._work = work
        return self._work

    def _round(self, work: _Work, config: WorklistConfig) -> None:
        self._note(work.steps)
        now = time.time()
        for step in work.steps.begun():
            if step.performed is None and step.ended_at is not None and now - step.ended_at >= GRACE_S:
                self._settle(work, step, now)
        due = [step for step in work.steps.begun() if step.has_to_be_told and step.next_try <= now]
        if due:
            self._patience.do(lambda: self._tell_all(work, config, due))
        refused = next((one.reason for one in [*work.steps.refused(), *work.steps.begun()] if one.reason), "")
        self._tell(work.steps.counts(), self._patience.reason or refused)

    def _tell(self, counts: Mapping[Any, int | None], reason: str) -> None:
        config = self._config
        to = "{}@{}:{}".format(*config.mpps_address()) if config.mpps else ""
        self._record = {"to": to, **counts, "reason": reason}

    def _on_session_changed(self, news: SessionChanged) -> None:
        study = _study_of(self._session()) if news.id else ""
        self._changes.append((news.id, study, time.time()))
        self._wake.set()

    def _note(self, steps: Steps) -> None:
        """Keep what was opened and closed since; what is not on the disk yet is noted again."""
        while self._changes:
            session, study, at = self._changes[0]
            steps.close_all_but(session, at)
            if study:
                steps.add(session, _uid(session, study))
            self._changes.popleft()

    def _take_up(self, work: _Work) -> None:
        """What happened while nobody looked: what is open, and what the queue has of sessions that are not known."""
        found = self._session() or {}
        now, session, study = time.time(), str(found.get("id", "")), _study_of(found)
        work.steps.close_all_but(session, now)
        if study:
            work.steps.add(session, _uid(session, study))
        work.scan.run()  # nobody may have looked at the store yet
        for other in work.queue.sessions(work.steps.since):
            if other != session and not work.steps.known(other) and (study := _study_of(self._saved_with(work, other))):
                work.steps.add(other, _uid(other, study))
                work.steps.close_all_but(session, now)

    def _settle(self, work: _Work, step: Step, now: float) -> None:
        """What was made in a session that is closed, once nothing more can come; after a while with what is known."""
        open_session = str((self._session() or {}).get("id", ""))
        unsure = any(session in ("", step.session) for session in work.scan.run().values() if session != open_session)
        entries = work.queue.of_session(step.session)
        unsure |= any(one.state == "waiting" for one in entries)
        if unsure and now - (step.ended_at or 0.0) < SETTLE_S:
            return
        if not entries and not step.is_asked:
            work.steps.forget(step)
            log.info("mpps: session %s: nothing was saved, and its begin was not told", step.session)
            return
        work.steps.settle(step, made_in(work.store, work.queue, entries))

    def _tell_all(self, work: _Work, config: WorklistConfig, due: Sequence[Step]) -> None:
        """Raises PeerFailed where the peer is not there, or is lost."""
        with telling(mpps_peer(config)) as way:
            for step in due:
                if self._is_closed.is_set() or self._place is not work.place:
                    return
                try:
                    self._tell_one(work, config, way, step)
                except (EdgeError, OSError):
                    raise
                except Exception as error:  # noqa: BLE001 - its text and its traceback may name the patient
                    work.steps.failed(step, f"unexpected {type(error).__name__}")

    def _tell_one(self, work: _Work, config: WorklistConfig, way: Telling, step: Step) -> None:
        character_set = step.character_set
        if not step.is_created and (step.performed is None or step.performed):
            session = self._record_of(work, step.session)
            if session is None and step.performed is None:
                return  # it was closed just now: whether anything was saved in it is not known yet
            if session is None:
                work.steps.failed(step, "nothing on the unit says any more whose it was")
                return
            begun = step_begun(session, config.own_ae_title.strip())
            character_set = str(begun.get("SpecificCharacterSet", ""))
            work.steps.asked(step, character_set)  # before the answer can be lost
            if not self._has(work, step, way.begin(step.uid, begun)):
                return
            work.steps.created(step)
            self._on_told(step.session, IN_PROGRESS)
            log.info("mpps: session %s: %s", step.session, IN_PROGRESS)
        if step.performed is None or step.ended_at is None:
            return
        ending: Ending = "COMPLETED" if step.performed else "DISCONTINUED"
        at = datetime.fromtimestamp(step.ended_at, timezone.utc).isoformat()
        series = step.performed or [PerformedSeries(uid_of("no series", step.uid), _NOTHING_MADE)]
        told = way.end(step.uid, step_ended(ending, at, series, character_set))
        if told.is_unknown and not step.performed:
            work.steps.forget(step)  # it was never begun, and nothing was made
            return
        if told.is_unknown:
            work.steps.created(step, False)
        if self._has(work, step, told):
            work.steps.done(step, _STATES[ending])
            self._on_told(step.session, ending)
            log.info("mpps: session %s: %s", step.session, ending)

    def _has(self, work: _Work, step: Step, told: Told) -> bool:
        """Whether the peer has it; else it is tried again, or not."""
        if not told.reason:
            return True
        if told.is_final or step.tries >= MAX_TRIES:
            work.steps.failed(step, told.reason)
            log.error("mpps: session %s: %s; edge-enhance pacs retry tells it again", step.session, told.reason)
        else:
            work.steps.later(step, told.reason, time.time() + wait_after(step.tries, is_rare=told.is_rare))
        return False

    def _record_of(self, work: _Work, session: str) -> Mapping[str, Any] | None:
        """Whose it is: of the session that is open, or as it stands beside what was saved in it."""
        found = self._session()
        return found if found is not None and found.get("id") == session else self._saved_with(work, session)

    def _saved_with(self, work: _Work, session: str) -> Mapping[str, Any] | None:
        for name in dict.fromkeys(one.item for one in work.queue.of_session(session)):
            item = work.store.listing.find(name)
            try:
                found = {} if item is None else read_record(work.store, item).get("session")
            except OSError:
                continue
            if isinstance(found, Mapping) and _study_of(found):
                return found
        return None


def _uid(session: str, study_uid: str) -> str:
    return uid_of("performed step", study_uid, session)


def _study_of(session: object) -> str:
    """Of a session with an examination; "" of another, and of what is none."""
    examination = session.get("examination") if isinstance(session, Mapping) else None
    return str(examination.get("study_uid", "")) if isinstance(examination, Mapping) else ""
