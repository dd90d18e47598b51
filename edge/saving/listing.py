"""What is kept in the folder: pairs and recordings, newest first, as a gallery shows them.

Only plain files with the names that this program gives are looked at; links, pipes, folders and all other names are
nothing here. The folder is read anew when its time says that something in it changed, a record when a page shows it.
"""

from __future__ import annotations

import stat
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from edge.basics.errors import InputOutputError
from edge.basics.folders import Folder, open_folder
from edge.basics.texts import json_from_text
from edge.pictures.marks import SYNTHESISED
from edge.pictures.view_names import view_of
from edge.saving.at_rest import PLAIN, AtRest
from edge.saving.patient_session import MAX_SHOWN
from edge.saving.recording.names import parts_of
from edge.saving.removal import item_of, marked_items
from edge.saving.sidecar import MAX_BYTES

MAX_ITEMS = 100_000
"""Of a folder that holds more, the newest; nobody pages through so many."""
_MAX_RECORDS = 20_000
_SETTLED_NS = 2_000_000_000
"""A folder whose time is younger may change again within the same tick of its clock."""
_UNTOLD: Mapping[str, Any] = {"duration_s": None, "profile": "", "synthesised": False, "session": None, "ended": ""}
"""Of what has no record."""
Kind = Literal["pair", "recording"]


@dataclass(frozen=True, slots=True)
class Item:
    """A pair or a recording.

    Attributes:
        name: what its files' names begin with.
        taken_at: UTC, as its name says.
        files: `raw`, `enhanced`, `record`, `small` -> name of the file; those that are there.
        sizes: name of a file -> bytes.
        changed_ns: of its record, 0 without one.
    """

    name: str
    kind: Kind
    taken_at: datetime
    files: Mapping[str, str]
    sizes: Mapping[str, int]
    changed_ns: int = 0

    @property
    def num_bytes(self) -> int:
        return sum(self.sizes.values())

    @property
    def views(self) -> list[str]:
        return [view for view in ("raw", "enhanced") if view in self.files]


@dataclass(frozen=True, slots=True)
class Page:
    """Some items as JSON has them. Attributes: is_more: whether older ones follow."""

    items: list[dict[str, Any]]
    is_more: bool


@dataclass(slots=True)
class _Gathered:
    files: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    changed_ns: int = 0


class Listing:
    """Reads from the disk: not for an event loop. Safe to call from any thread.

    Args:
        folder: where everything is kept.

    Attributes:
        at_rest: how it stands there.
    """

    def __init__(self, folder: Path, at_rest: AtRest = PLAIN) -> None:
        self._folder, self.at_rest = folder, at_rest
        self._lock = threading.Lock()
        self._items: dict[str, Item] = {}
        self._names: dict[str, datetime] = {}
        self._read_for: tuple[int, int, int] | None = None
        self._records: OrderedDict[tuple[str, int], dict[str, Any]] = OrderedDict()

    @property
    def folder(self) -> Path:
        return self._folder

    def use(self, folder: Path) -> None:
        """Another folder from now on."""
        with self._lock:
            self._folder, self._read_for, self._items, self._names = folder, None, {}, {}
            self._records.clear()

    def items(self) -> list[Item]:
        """All, newest first; empty where the folder is not there.

        Raises:
            InputOutputError: it cannot be read.
        """
        return self.items_and_folder()[0]

    def items_and_folder(self) -> tuple[list[Item], str]:
        """As `items`, and which folder they are in, whatever is mounted there: "" where none is there."""
        with self._lock:
            try:
                with open_folder(self._folder) as folder:
                    self._refresh(folder)
            except FileNotFoundError:
                self._items, self._names, self._read_for = {}, {}, None
            except OSError as error:
                raise InputOutputError(f"{error.filename or self._folder}: {error.strerror or error}") from error
            which = "" if self._read_for is None else "{}:{}".format(*self._read_for)
            return list(self._items.values()), which

    def names(self) -> dict[str, datetime]:
        """Name of all that is kept, of what lost its pictures too -> when it was taken. Raises as `items`."""
        self.items()
        with self._lock:
            return dict(self._names)

    def find(self, name: str) -> Item | None:
        """The item of this name; None where there is none. Raises as `items`."""
        self.items()
        with self._lock:
            return self._items.get(name)

    def file(self, name: str) -> tuple[Item, str] | None:
        """Item and file for the name of a file that an item has. Raises as `items`."""
        item = self.find(item_of(name) or "")
        return (item, name) if item is not None and name in item.files.values() else None

    def page(self, *, session: str = "", before: str = "", num: int = 60, hidden: Collection[str] = ()) -> Page | None:
        """Some items; None where there is none of the name `before`.

        Args:
            session: of this patient session alone, by its id.
            before: name of the item after which to begin.
            num: at most so many.
            hidden: names of items that are not shown, such as a recording that is still running.
        """
        items = [item for item in self.items() if item.name not in hidden]
        if before:
            found = [at for at, item in enumerate(items) if item.name == before]
            if not found:
                return None
            items = items[found[0] + 1 :]
        shown: list[dict[str, Any]] = []
        for told in self._told(items):
            if session and (told["session"] or {}).get("id") != session:
                continue
            if len(shown) == num:
                return Page(shown, True)
            shown.append(told)
        return Page(shown, False)

    def _told(self, items: list[Item]) -> Iterator[dict[str, Any]]:
        try:
            folder = open_folder(self._folder)
        except OSError:
            return
        with folder:
            for item in items:
                yield {**_of_item(item), **self._of_record(folder, item)}

    def _refresh(self, folder: Folder) -> None:
        about = folder.owner()
        read_for = about.st_dev, about.st_ino, about.st_mtime_ns
        if read_for == self._read_for and time.time_ns() - about.st_mtime_ns > _SETTLED_NS:
            return
        self._items, self._names = _items_in(folder)
        self._read_for = read_for

    def _of_record(self, folder: Folder, item: Item) -> dict[str, Any]:
        """What the record beside it says."""
        key = item.name, item.changed_ns
        with self._lock:
            known = self._records.get(key)
        if known is None:
            try:
                known = _read_record(folder, item, self.at_rest)
            except OSError:  # the next look may find it well
                return dict(_UNTOLD)
            with self._lock:
                self._records[key] = known
                while len(self._records) > _MAX_RECORDS:
                    self._records.popitem(last=False)
        return known


def _items_in(folder: Folder) -> tuple[dict[str, Item], dict[str, datetime]]:
    names = folder.names()
    gone = set(marked_items(names))
    wanted: dict[str, list[str]] = {}
    for name in names:
        item = item_of(name)
        if item is not None and item not in gone:
            wanted.setdefault(item, []).append(name)
    newest = sorted(wanted, reverse=True)[:MAX_ITEMS]  # their names begin with the time
    items: dict[str, Item] = {}
    for name in newest:
        gathered = _Gathered()
        for file in wanted[name]:
            _gather(folder, file, gathered)
        kind: Kind = "recording" if parts_of(f"{name}.json") else "pair"
        if (taken_at := _taken_at(name)) and gathered.files.keys() & {"raw", "enhanced"}:
            items[name] = Item(name, kind, taken_at, gathered.files, gathered.sizes, gathered.changed_ns)
    return items, {name: taken_at for name in wanted if (taken_at := _taken_at(name))}


def _gather(folder: Folder, file: str, gathered: _Gathered) -> None:
    about = folder.about(file)
    if about is None or not stat.S_ISREG(about.st_mode):
        return
    ending = file.rpartition(".")[2]
    role = {"json": "record", "jpg": "small"}.get(ending) or view_of(file) or "enhanced"
    gathered.files[role] = file
    gathered.sizes[file] = about.st_size
    if role == "record":
        gathered.changed_ns = about.st_mtime_ns


def _taken_at(name: str) -> datetime | None:
    try:
        return datetime.strptime(name[7:26], "%Y%m%dT%H%M%S.%f").replace(tzinfo=timezone.utc)
    except ValueError:  # such as the 32nd of a month
        return None


def _of_item(item: Item) -> dict[str, Any]:
    return {
        "name": item.name,
        "kind": item.kind,
        "taken_at": item.taken_at.isoformat(timespec="milliseconds"),
        "views": item.views,
        "bytes": item.num_bytes,
        "files": dict(item.files),
    }


def _read_record(folder: Folder, item: Item, at_rest: AtRest) -> dict[str, Any]:
    """Duration, profile, session, and why a recording ended; without what no record says, or what is none.

    Whether detail was synthesised is the record's word: profiles come and go.

    Raises:
        OSError: it cannot be read now.
    """
    told = dict(_UNTOLD)
    if "record" not in item.files:
        return told
    try:
        record = json_from_text(at_rest.read(folder, item.files["record"], MAX_BYTES))
        model, clip, session = record["model"], record.get("clip") or {}, record.get("session")
        told["profile"] = str(model.get("profile", ""))[:64]
        told["synthesised"] = any(made.get("detail") == SYNTHESISED for made in (model, *record.get("changes", ())))
        told["ended"] = str(record.get("ended", ""))[:200]
        duration_s = clip.get("duration_s")
        if isinstance(duration_s, (int, float)):
            told["duration_s"] = float(duration_s)
        if session is not None:
            told["session"] = {"id": str(session["id"])[:32], "label": str(session["label"])[:MAX_SHOWN]}
    except (ValueError, KeyError, TypeError, AttributeError):
        return told
    return told
