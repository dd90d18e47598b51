"""The decision table: a CSV in which a person says of each picture whether it is LQ or HQ."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.basics.errors import ConfigError, InputOutputError
from edge.basics.whole_files import write_whole
from trainer.prepare.manifest import DOMAINS
from trainer.prepare.screening import Scores

COLUMNS = ("number", "path", "haze", "focus", "suggested", "domain")


@dataclass(frozen=True)
class Row:
    """One picture of the table.

    Attributes:
        number: the same as on the contact sheets.
        domain: the person's; empty until there is one.
    """

    number: int
    path: str
    scores: Scores
    domain: str


def write_decisions(rows: Sequence[Row], path: Path) -> None:
    """Write the table, whole or not at all, in the order of `rows`.

    Raises:
        InputOutputError: it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        scores = row.scores
        cells = (row.number, row.path, f"{scores.haze:.4f}", f"{scores.focus:.4f}", scores.suggested, row.domain)
        writer.writerow(cells)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.getvalue().encode(errors="surrogateescape"))
    except OSError as error:
        raise InputOutputError(f"{path}: cannot be written ({error.strerror}); give another folder") from error


def read_decisions(path: Path) -> Mapping[str, str]:
    """What the table says: path -> "lq", "hq", "unsorted" or, where the cell is empty, "".

    Takes what spreadsheets write: commas, semicolons or tabs, a byte order mark, other columns beside path and domain.

    Raises:
        InputOutputError: no such file.
        ConfigError: no column path or domain, another domain, or a path with two decisions; names the line.
    """
    text = _text(path)
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    missing = [name for name in ("path", "domain") if name not in (table.fieldnames or ())]
    if missing:
        told = ", ".join(table.fieldnames or ()) or "nothing"
        raise ConfigError(f"{path}: line 1: no column {missing[0]}, found {told}; expected {', '.join(COLUMNS)}")
    decided: dict[str, str] = {}
    for row in table:
        picture, domain = row["path"] or "", (row["domain"] or "").strip().lower()
        where = f"{path}: line {table.line_num}: {picture}"
        if domain not in ("", *DOMAINS):
            raise ConfigError(f"{where}: domain = {domain!r}: expected {', '.join(DOMAINS)} or an empty cell")
        if decided.setdefault(picture, domain) != domain:
            raise ConfigError(f"{where}: {domain!r} here, {decided[picture]!r} above; keep one of the two lines")
    return decided


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig", errors="surrogateescape")
    except OSError as error:
        hint = "run edge-train prepare without --decision to have one made"
        raise InputOutputError(f"{path}: cannot be read ({error.strerror}); {hint}") from error


def _delimiter(text: str) -> str:
    head = text.partition("\n")[0]
    return max(",;\t", key=head.count)
