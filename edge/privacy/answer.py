"""What a person who asks is given: the files as they are without encryption, and two lists of what they are."""

from __future__ import annotations

import html
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from edge.access.audit_command import entries
from edge.basics.folders import Folder
from edge.basics.texts import is_moment
from edge.basics.whole_files import PRIVATE_FILE, whole_file_in
from edge.config import Config
from edge.pacs.waiting.queue import NAME, Entry, Queue
from edge.privacy.persons import Stored
from edge.saving.at_rest import AtRest

INDEX = "index"
_STYLE = "body{font:16px sans-serif;margin:2em}table{border-collapse:collapse}td,th{border:1px solid;padding:.3em .6em}"


def queued(config: Config, stored: Iterable[Stored]) -> dict[str, list[Entry]]:
    """Name of an item -> what the queue for the PACS says of it. Raises InputOutputError."""
    if not config.pacs.is_on or not (config.pacs.path / NAME).is_file():
        return {}
    queue = Queue(config.pacs.path)
    try:
        return {one.name: queue.of(one.name) for one in stored}
    finally:
        queue.close()


def lookers(config: Config, stored: Sequence[Stored]) -> list[dict[str, Any]]:
    """Lines of the audit log that tell of these files and sessions, and who watched while a session was open.

    Raises:
        InputOutputError: it cannot be read.
    """
    if config.audit.path is None:
        return []
    names = {file for one in stored for file in (one.name, *one.files)}
    sessions = {one.session_id for one in stored} - {""}
    about = names | sessions
    told, watching, is_open = [], dict[str, dict[str, Any]](), False
    for _, entry in entries(config.audit.path):
        event, who = str(entry.get("event")), str(entry.get("who"))
        if event == "patient-session":
            is_open = entry.get("id") in sessions
            told += [*watching.values()] if is_open else []
        elif event == "look-begin":
            watching[who] = entry
            told += [entry] if is_open else []
        elif event == "look-end":
            watching.pop(who, None)
        if {str(value) for key, value in entry.items() if key not in ("at", "who", "event")} & about:
            told.append(entry)
    keys = ("at", "event", "who", "name", "id", "address", "value")
    lines = [{key: entry[key] for key in keys if key in entry} for entry in told if is_moment(entry.get("at"))]
    return [dict(line) for line in sorted({tuple(line.items()) for line in lines})]


def write_answer(
    output: Folder, folder: Folder, at_rest: AtRest, stored: Sequence[Stored], about: Mapping[str, Any]
) -> None:
    """Write the files and the lists into a folder that is empty.

    Raises:
        OSError: a file cannot be read or written; what was written before stays.
    """
    for one in stored:
        for name in one.files:
            with at_rest.open(folder, name) as file, whole_file_in(output, name, PRIVATE_FILE) as written:
                shutil.copyfileobj(file, written, 1 << 20)
    lists = {f"{INDEX}.json": json.dumps(about, indent=2, ensure_ascii=False), f"{INDEX}.html": _page(about)}
    for name, content in lists.items():
        with whole_file_in(output, name, PRIVATE_FILE) as written:
            written.write(f"{content}\n".encode("utf-8", "backslashreplace"))


def about_person(
    config: Config, stored: Sequence[Stored], sent: Mapping[str, Sequence[Entry]], seen: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What both lists say."""
    return {
        "made_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "unit": config.unit.serial,
        "kept_days": config.privacy.retention_days or None,
        "persons": [dict(zip(("name", "id", "issuer", "birth_date"), one, strict=True)) for one in whose(stored)],
        "stored": [_item(one, sent.get(one.name, ())) for one in stored],
        "seen": [dict(entry) for entry in seen],
    }


def whose(stored: Iterable[Stored]) -> list[tuple[str, str, str, str]]:
    """Who they are said to be, each once."""
    return sorted({one.whose() for one in stored})


def _item(one: Stored, sent: Sequence[Entry]) -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": one.kind,
        "taken_at": one.taken_at.isoformat(timespec="milliseconds"),
        "session": one.session_id,
        "files": [*one.files],
        "sent": [{"view": entry.view, "state": entry.state, "uid": entry.uid} for entry in sent],
    }


def _page(about: Mapping[str, Any]) -> str:
    files = "".join(
        f"<tr><td>{_text(one['taken_at'])}<td>{_text(one['kind'])}<td>"
        + "<br>".join(f'<a href="{_text(name)}">{_text(name)}</a>' for name in one["files"])
        + "<td>"
        + ("<br>".join(f"{_text(sent['view'])}: {_text(sent['state'])}" for sent in one["sent"]) or "nowhere")
        for one in about["stored"]
    )
    seen = "".join(
        "<tr>" + "".join(f"<td>{_text(one.get(key, ''))}" for key in ("at", "who", "event", "name"))
        for one in about["seen"]
    )
    persons = "".join(f"<li>{_text(', '.join(filter(None, one.values())))}" for one in about["persons"])
    days = about["kept_days"]
    kept = f"Each is removed after {days} days." if days else "Each stays until somebody removes it."
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>What is stored</title><style>{_STYLE}</style>'
        f"<h1>What this unit stores</h1><p>Unit {_text(about['unit'] or 'without a serial number')}, "
        f"{_text(about['made_at'])}. Times are UTC.</p><ul>{persons}</ul>"
        f"<h2>Pictures and recordings</h2><p>{kept} The .json beside each says all that is known of it.</p>"
        f"<table><tr><th>taken<th>kind<th>files<th>sent to the archive{files}</table>"
        f"<h2>Who saw or changed them</h2><p>As far as the unit's audit log goes back.</p>"
        f"<table><tr><th>at<th>who<th>what<th>file{seen}</table></html>"
    )


def _text(value: object) -> str:
    return html.escape(str(value))
