"""The patient session: what is saved while one is open belongs together, and its record says to whom.

The label is what a person calls it, or the name of the patient whom a worklist named. It stands in the records beside
what is saved and is told to who asks for the session; never in a log, in the audit log or in a file's name. An id that
says nothing stands for it there.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from edge.basics.errors import NotNow, UsageError
from edge.basics.texts import json_from_text
from edge.basics.whole_files import PRIVATE_FILE, PRIVATE_FOLDER, make_folder, remove_file, write_whole
from edge.dicom.examination import LONG, Examination, examination_of
from edge.health.news import Board, RecordingChanged, Saved, SessionChanged
from edge.saving.at_rest import PLAIN, AtRest

log = logging.getLogger(__name__)

MAX_LABEL = 64
MAX_SHOWN = 3 * (LONG + len(", ")) + 2 * len(" / ")
"""Characters of a label that is a patient's name, in three scripts."""
_MAX_BYTES = 32768
_CHECK_EVERY_S = 30.0


class SessionRefused(NotNow):
    """A session cannot be opened or closed at this moment."""


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Attributes: since: when it was opened, UTC; examination: None where nobody said whose it is but by the label."""

    id: str
    label: str
    since: datetime
    examination: Examination | None = None

    def record(self) -> dict[str, Any]:
        """As a sidecar has it; of an examination with its begin, which all of its pictures share."""
        if self.examination is None:
            return {"id": self.id, "label": self.label}
        since = self.since.isoformat(timespec="seconds")
        return {"id": self.id, "label": self.label, "since": since, "examination": self.examination.record()}

    def told(self) -> dict[str, Any]:
        """For who may see whose it is: of the examination what tells one patient from another."""
        of = self.examination
        patient = of and {
            "id": of.patient.id,
            "birth_date": of.patient.birth_date,
            "sex": of.patient.sex,
            "is_emergency": of.is_emergency,
        }
        return {
            "id": self.id,
            "label": self.label,
            "since": self.since.isoformat(timespec="seconds"),
            "patient": patient,
        }


class PatientSession:
    """Safe to use from any thread; only what opens, closes or uses one waits for the disk.

    A watch: `tick` closes one in which nothing was saved for long.

    Args:
        board: where it is posted that one was opened or closed, and what is saved is read.
        path: keeps it over a restart of the program; None: it ends with the program.
        idle_hours: it is closed after so long; 0: never.
        is_recording: whether a recording runs or begins, which belongs to one session alone; must not wait.
        at_rest: how that file stands on the disk.
    """

    def __init__(
        self,
        board: Board,
        path: Path | None,
        idle_hours: int,
        is_recording: Callable[[], bool] = lambda: False,
        clock_s: Callable[[], float] = time.monotonic,
        at_rest: AtRest = PLAIN,
    ) -> None:
        self._board, self._path, self._clock_s, self._at_rest = board, path, clock_s, at_rest
        self._idle_s = idle_hours * 3600.0
        self.is_recording = is_recording
        self._lock = threading.Lock()
        self._open: OpenSession | None = None
        self._used_s = self._checked_s = clock_s()
        if path is not None:
            self._take_up(path)
        board.read(Saved, lambda news: self._use())
        board.read(RecordingChanged, lambda news: self._use())

    def use_idle_hours(self, idle_hours: int) -> None:
        self._idle_s = idle_hours * 3600.0

    def now(self) -> dict[str, Any] | None:
        """For a record: `id` and `label`, of an examination it and `since` too; None where none is open."""
        found = self._open
        return None if found is None else found.record()

    def settled(self) -> dict[str, Any] | None:
        """The same, after one that is being opened or closed now. Who counts as `is_recording` before this is asked
        belongs to what it answers: no other is opened until that is over."""
        with self._lock:
            return self.now()

    def record(self) -> dict[str, Any] | None:
        """What `OpenSession.told` says of it."""
        found = self._open
        return None if found is None else found.told()

    def open(self, label: str, instead_of: str | None = None) -> OpenSession:
        """Open one, in place of one that is open.

        Args:
            instead_of: id of the one that is believed to be open, "" for none; None does not care.

        Raises:
            UsageError: the label cannot be taken.
            SessionRefused: a recording runs, another is open, or the disk does not keep it.
        """
        return self._begin(label_of(label), None, instead_of)

    def open_for(self, examination: Examination, instead_of: str | None = None) -> OpenSession:
        """The same for a patient: the label is the name as it is stored, whole.

        Raises:
            UsageError: nothing says whose it is.
            SessionRefused: as of `open`.
        """
        shown = examination.patient.shown
        if not shown:
            raise UsageError("patient: expected a name or an id")
        return self._begin(shown, examination, instead_of)

    def _begin(self, label: str, examination: Examination | None, instead_of: str | None) -> OpenSession:
        session = OpenSession(secrets.token_hex(6), label, datetime.now(timezone.utc), examination)
        with self._lock:
            self._refuse_while_recording()
            self._refuse_another(instead_of)
            self._keep(session)
            self._open = session
            self._used_s = self._clock_s()
            log.info("patient session %s opened", session.id)
            self._board.post(SessionChanged(session.id))  # who waits for `settled` finds it told
        return session

    def close(self, only: str | None = None) -> bool:
        """Whether one was open.

        Args:
            only: id of the one that is meant; None closes any.

        Raises:
            SessionRefused: a recording runs, another is open, or the disk does not take it.
        """
        with self._lock:
            self._refuse_while_recording()
            if self._open is not None:
                self._refuse_another(only)
            return self._close("")

    def tick(self, now_ns: int) -> None:
        """Look whether it is idle; who watches the unit does not wait until it is closed."""
        now_s = self._clock_s()
        if now_s - self._checked_s < _CHECK_EVERY_S:
            return
        self._checked_s = now_s
        if self._open is not None and self._is_idle():
            threading.Thread(target=self._close_idle, name="session-idle", daemon=True).start()

    def _is_idle(self) -> bool:
        return self._idle_s > 0 and self._clock_s() - self._used_s > self._idle_s and not self.is_recording()

    def _close_idle(self) -> None:
        with self._lock:
            if self._is_idle():  # still
                try:
                    self._close(f", nothing was saved for {self._idle_s / 3600:.0f} h")
                except SessionRefused as error:
                    log.error("patient session: %s", error)

    def _refuse_while_recording(self) -> None:
        if self.is_recording():
            raise SessionRefused("a recording runs, which belongs to one session: stop it first")

    def _refuse_another(self, expected: str | None) -> None:
        """Two who choose at once: the second sees what the first chose before it is replaced."""
        if expected is not None and expected != ("" if self._open is None else self._open.id):
            raise SessionRefused("another session was opened or closed meanwhile: look who it is, and choose again")

    def _close(self, why: str) -> bool:
        session = self._open
        if session is None:
            return False
        if self._path is not None:
            try:
                remove_file(self._path)
            except OSError as error:
                raise SessionRefused(f"{self._path}: {error.strerror or error}") from error
        self._open = None
        log.info("patient session %s closed%s", session.id, why)
        self._board.post(SessionChanged(""))
        return True

    def _use(self) -> None:
        with self._lock:
            self._used_s = self._clock_s()
            if self._open is not None:
                try:
                    self._keep(self._open)
                except SessionRefused as error:
                    log.warning("patient session: %s", error)

    def _keep(self, session: OpenSession) -> None:
        if self._path is None:
            return
        kept = {**session.record(), "since": session.since.isoformat(), "used_at": time.time()}
        try:
            make_folder(self._path.parent, PRIVATE_FOLDER)
            content = json.dumps(kept, ensure_ascii=False).encode("utf-8", "replace")
            write_whole(self._path, self._at_rest.content(self._path.name, content), PRIVATE_FILE)
        except OSError as error:
            reason = f"{self._path}: {error.strerror or error}; the session would end with the program"
            raise SessionRefused(reason) from error

    def _take_up(self, path: Path) -> None:
        """What was open when the program ended; nothing where the file is not of our making."""
        try:
            kept = json_from_text(self._at_rest.read_path(path, _MAX_BYTES))
            since = datetime.fromisoformat(str(kept["since"]))
            of = examination_of(kept["examination"]) if "examination" in kept else None
            label = label_of(str(kept["label"])) if of is None else of.patient.shown
            session = OpenSession(str(kept["id"])[:32], label, since, of)
            idle_s = max(0.0, time.time() - float(kept["used_at"]))  # a clock that was set back tells nothing
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, UsageError):
            log.warning("%s: is no patient session of this program; none is open", path)
            return
        self._open = session
        self._used_s = self._clock_s() - idle_s
        self._checked_s = self._clock_s() - _CHECK_EVERY_S


def without_patient(told: Mapping[str, Any]) -> dict[str, Any]:
    """Of what `OpenSession.told` gives: that one is open, and not whose."""
    return {"id": told["id"], "label": "", "since": told["since"], "patient": None}


def label_of(text: str) -> str:
    """A label as it is kept: 1 to 64 characters that can be printed.

    Raises:
        UsageError: it is none; the text itself is not repeated.
    """
    label = unicodedata.normalize("NFC", text.strip())
    if not 0 < len(label) <= MAX_LABEL or not label.isprintable():
        raise UsageError(f"label: expected 1 to {MAX_LABEL} characters that can be printed")
    return label


def state_path() -> Path | None:
    """In the service's state folder; None for a program that was started by hand."""
    folder = os.environ.get("STATE_DIRECTORY", "")
    return Path(folder) / "session" / "session.json" if folder else None
