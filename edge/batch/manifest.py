"""The manifest of an output folder: one line an original or page of it, what came of it, and the hash of each.

    {"source": {"path": "/photos/a.png", "sha256": "..."}, "page": 1, "model": "...", "changes": ["cropped"],
     "outputs": [{"name": "a-raw.png", "mode": "raw", "bytes": 2, "sha256": "..."}, ...],
     "sidecar": {"name": "a-enhanced.png.json", "bytes": 3, "sha256": "..."}}
    {"source": {"path": "/photos/b.png", "sha256": "..."}, "page": 1, "failure": "why"}

During a run lines are added at the end; after it the file is written anew, sorted, without those that a later line
replaced. So a kill leaves it readable, and the same originals give the same bytes, however often a run was cut short.
A line is added after its result is whole: one that is missing is made up for from the sidecar by `--resume`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from edge.basics.texts import json_from_text
from edge.basics.whole_files import PRIVATE_FILE, whole_file
from edge.batch.steps import writing

MANIFEST = "edge-enhance-manifest.jsonl"
MOST_LINE = 1 << 20

_Key = tuple[str, int]


class Manifest:
    """Of one folder, for one run. Only where lines begin is held in memory."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / MANIFEST
        self._file: BinaryIO | None = None
        self._begins: dict[_Key, int] = {}
        self._end = 0

    def add(self, entry: Mapping[str, Any]) -> None:
        """Add a line, in the place of an earlier one of the same original and page.

        Raises:
            OutputFolderError: the folder takes nothing more; the lines before it stay whole.
        """
        line = _line(entry)
        with writing(self.path):
            file = self._opened()
            try:
                file.seek(self._end)
                file.write(line)
                file.flush()
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(self._end)
                raise
        self._begins[_key(entry)] = self._end
        self._end += len(line)

    def finish(self) -> None:
        """Write it sorted. Where nothing was added, nothing is written."""
        if self._file is None:
            return
        with writing(self.path), self._file, whole_file(self.path, PRIVATE_FILE) as into:
            for key in sorted(self._begins):
                self._file.seek(self._begins[key])
                into.write(self._file.readline())
        self._file = None

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> BinaryIO:
        """The file, with what an earlier run has left there: its whole lines, without an end that was cut off."""
        if self._file is None:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
            self._file = os.fdopen(descriptor, "r+b")
            for begin, line, entry in _lines(self._file):
                if entry is not None:
                    self._begins[_key(entry)] = begin
                self._end = begin + (len(line) if line.endswith(b"\n") else 0)
            self._file.truncate(self._end)
        return self._file


def entries_of(path: Path) -> Iterator[Mapping[str, Any] | None]:
    """The newest line of each original and page, in their order; None for each line that cannot be read.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        begins: dict[_Key, int] = {}
        for begin, _, entry in _lines(file):
            if entry is None:
                yield None
            else:
                begins[_key(entry)] = begin
        for begin in begins.values():
            file.seek(begin)
            yield dict(json_from_text(file.readline()))


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes, Mapping[str, Any] | None]]:
    """Where each line begins, the line, and what it says; None where it says nothing that can be read."""
    begin = 0
    while line := file.readline(MOST_LINE):
        try:
            entry = json_from_text(line) if line.endswith(b"\n") else None
            if entry is not None:
                _key(entry)
        except (ValueError, KeyError, TypeError):
            entry = None
        yield begin, line, entry
        begin += len(line)


def _key(entry: Mapping[str, Any]) -> _Key:
    return str(entry["source"]["path"]), int(entry["page"])


def _line(entry: Mapping[str, Any]) -> bytes:
    return (json.dumps(entry, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def entry_of_result(page: int, record: Mapping[str, Any], sidecar: str, content: bytes) -> Mapping[str, Any]:
    """The line of a result.

    Args:
        sidecar: its name; content: of it, which is the record's.
    """
    source = record["source"]
    return {
        "source": {"path": source["path"], "sha256": source["sha256"]},
        "page": page,
        "model": record["model"]["sha256"],
        **({"changes": record["changes"]} if record.get("changes") else {}),
        "outputs": record["output"]["files"],
        "sidecar": {"name": sidecar, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()},
    }


def entry_of_failure(origin: Path, page: int, sha256: str | None, why: str) -> Mapping[str, Any]:
    source = {"path": str(origin), **({"sha256": sha256} if sha256 else {})}
    return {"source": source, "page": page, "failure": why}
