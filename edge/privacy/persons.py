"""What is stored of one person: found by the records beside pictures and recordings, which alone say whose they are."""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from edge.basics.errors import InputOutputError
from edge.basics.folders import Folder, open_folder
from edge.basics.texts import json_from_text
from edge.dicom.examination import shown_name
from edge.saving.at_rest import AtRest
from edge.saving.listing import Listing
from edge.saving.recording.names import parts_of
from edge.saving.recording.record import RUNNING
from edge.saving.removal import names_of
from edge.saving.sidecar import MAX_BYTES


@dataclass(frozen=True, slots=True, repr=False)
class Stored:
    """A pair or recording of a person.

    Attributes:
        files: name -> bytes on the disk.
        record: what stands beside it.
    """

    name: str
    taken_at: datetime
    files: Mapping[str, int]
    record: Mapping[str, Any]

    @property
    def session(self) -> Mapping[str, Any]:
        return _mapping(self.record.get("session"))

    @property
    def session_id(self) -> str:
        return str(self.session.get("id", ""))

    @property
    def patient(self) -> Mapping[str, Any]:
        """Empty where only a label says whose it is."""
        return _mapping(_mapping(self.session.get("examination")).get("patient"))

    @property
    def is_running(self) -> bool:
        return self.record.get("state") == RUNNING

    @property
    def kind(self) -> str:
        return "recording" if parts_of(f"{self.name}.json") else "pair"

    def whose(self) -> tuple[str, str, str, str]:
        """Name as a person reads it, id, who gave the id, and date of birth; the label where that is all."""
        of = {key: str(self.patient.get(key, "")) for key in ("name", "id", "issuer", "birth_date")}
        return shown_name(of["name"]) or str(self.session.get("label", "")), of["id"], of["issuer"], of["birth_date"]


@dataclass(frozen=True, slots=True)
class Found:
    """Attributes: stored: oldest first; unreadable: names of records, whosever they are; alone: of what has none."""

    stored: list[Stored] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, repr=False)
class Wanted:
    """Attributes: text: a patient's id, or the label of a session without a patient; sessions: their ids."""

    text: str = ""
    sessions: Collection[str] = ()

    def is_of(self, one: Stored) -> bool:
        if one.session_id in self.sessions:
            return True
        said = str(one.patient.get("id", "")) if one.patient else str(one.session.get("label", ""))
        return bool(self.text) and hmac.compare_digest(_alike(said).encode(), _alike(self.text).encode())


def find(folder: Path, at_rest: AtRest, wanted: Wanted) -> Found:
    """All that is stored of a person.

    Raises:
        InputOutputError: the folder is not there, or cannot be read.
    """
    found = Found()
    try:
        with open_folder(folder) as opened:
            for name, taken_at in sorted(Listing(folder).names().items()):
                one = _stored(opened, at_rest, name, taken_at, found)
                if one is not None and wanted.is_of(one):
                    found.stored.append(one)
    except OSError as error:
        why = error.strerror or error
        raise InputOutputError(f"{error.filename or folder}: {why}; expected [save] folder of the unit") from error
    return found


def _stored(folder: Folder, at_rest: AtRest, name: str, taken_at: datetime, found: Found) -> Stored | None:
    files = dict(_files(folder, name))
    records = [file for file in files if file.endswith(".json")]
    if not records:
        found.alone.append(name)
        return None
    try:
        record = json_from_text(at_rest.read(folder, records[0], MAX_BYTES))
    except (OSError, ValueError):
        found.unreadable.append(records[0])
        return None
    return Stored(name, taken_at, files, _mapping(record))


def _files(folder: Folder, name: str) -> Iterator[tuple[str, int]]:
    for file in names_of(name):
        about = folder.about(file)
        if about is not None and folder.is_file(file):
            yield file, about.st_size


def _mapping(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


def _alike(text: str) -> str:
    """What a person takes for the same: however it was typed, without blanks around."""
    return unicodedata.normalize("NFC", text).strip().casefold()
