"""The decision table: a CSV in which a person says of each picture what no score can: its domain, group and split."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from edge.basics.errors import ConfigError, InputOutputError
from edge.basics.whole_files import write_whole
from trainer.prepare.manifest import DOMAINS, SPLITS
from trainer.prepare.screening import Scores

COLUMNS = ("number", "path", "haze", "focus", "suggested", "domain", "group", "split")


@dataclass(frozen=True)
class Decision:
    """What a person says of one picture; empty where nobody has said anything.

    Attributes:
        domain: "lq", "hq" or "unsorted".
        group: pictures of one name are one group, such as crops of one photo that neither path nor hash links.
        split: "train" or "held_out", for the picture's whole group.
    """

    domain: str = ""
    group: str = ""
    split: str = ""


UNDECIDED = Decision()


@dataclass(frozen=True)
class Row:
    """One picture of the table; `number` is the same as on the contact sheets."""

    number: int
    path: str
    scores: Scores
    decision: Decision = UNDECIDED


def write_decisions(rows: Sequence[Row], path: Path) -> None:
    """Write the table, whole or not at all, in the order of `rows`.

    Raises:
        InputOutputError: it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        measured, decision = row.scores, row.decision
        cells = (row.number, row.path, f"{measured.haze:.4f}", f"{measured.focus:.4f}", measured.suggested)
        writer.writerow((*cells, decision.domain, decision.group, decision.split))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.getvalue().encode(errors="surrogateescape"))
    except OSError as error:
        raise InputOutputError(f"{path}: cannot be written ({error.strerror}); give another folder") from error


def read_decisions(path: Path) -> Mapping[str, Decision]:
    """What the table says of each path in it.

    Takes what spreadsheets write: commas, semicolons or tabs, a byte order mark, columns in any order; `group` and
    `split` may be left out.

    Raises:
        InputOutputError: no such file.
        ConfigError: no column path or domain, another word in a cell, or a path with two decisions; names the line.
    """
    text = _text(path)
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    missing = [name for name in ("path", "domain") if name not in (table.fieldnames or ())]
    if missing:
        found = ", ".join(table.fieldnames or ()) or "nothing"
        raise ConfigError(f"{path}: line 1: no column {missing[0]}, found {found}; expected {', '.join(COLUMNS)}")
    decided: dict[str, Decision] = {}
    for row in table:
        where = f"{path}: line {table.line_num}: {row['path']}"
        decision = Decision(
            domain=_word(row, "domain", DOMAINS, where),
            group=(row.get("group") or "").strip(),
            split=_word(row, "split", SPLITS, where),
        )
        before = decided.setdefault(row["path"] or "", decision)
        for name, cell in asdict(decision).items():
            if cell != getattr(before, name):
                other = getattr(before, name)
                raise ConfigError(f"{where}: {name} {cell!r} here, {other!r} above; keep one of the two lines")
    return decided


def _word(row: Mapping[str, str | None], name: str, words: Sequence[str], where: str) -> str:
    word = (row.get(name) or "").strip().lower()
    if word not in ("", *words):
        raise ConfigError(f"{where}: {name} = {word!r}: expected {', '.join(words)} or an empty cell")
    return word


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig", errors="surrogateescape")
    except OSError as error:
        hint = "run edge-train prepare without --decision to have one made"
        raise InputOutputError(f"{path}: cannot be read ({error.strerror}); {hint}") from error


def _delimiter(text: str) -> str:
    head = text.partition("\n")[0]
    return max(",;\t", key=head.count)
