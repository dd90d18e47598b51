"""Generated sections of a Markdown page: each command renews its own and leaves the rest as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge.basics.errors import InputOutputError
from edge.basics.whole_files import write_whole


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; floats with two digits."""

    def cells(row: Sequence[object]) -> str:
        return "| " + " | ".join(f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row) + " |"

    return "\n".join([cells(head), "|" + "---|" * len(head), *map(cells, rows)])


def replace_section(page: Path, name: str, text: str) -> None:
    """Put `text` between the page's markers `<!-- begin: name -->` and `<!-- end: name -->`.

    Raises:
        InputOutputError: the page or its markers are missing.
    """
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    try:
        before, rest = page.read_text(encoding="utf-8").split(begin)
        after = rest.split(end)[1]
    except (OSError, ValueError, IndexError) as error:
        raise InputOutputError(f"{page}: expected a page with the markers {begin} and {end}") from error
    write_whole(page, f"{before}{begin}\n{text.strip()}\n{end}{after}".encode())
