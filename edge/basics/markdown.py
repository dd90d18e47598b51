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


def with_section(page: str, name: str, text: str) -> str:
    """The page with `text` between its markers `<!-- begin: name -->` and `<!-- end: name -->`.

    Raises:
        ValueError: the page does not have each of them once, in this order.
    """
    begin, end = _markers(name)
    before, rest = page.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n{text.strip()}\n{end}{after}"


def replace_section(page: Path, name: str, text: str) -> None:
    """Renew a section in the page's file.

    Raises:
        InputOutputError: the page or its markers are missing.
    """
    try:
        renewed = with_section(page.read_text(encoding="utf-8"), name, text)
    except (OSError, ValueError) as error:
        raise InputOutputError(f"{page}: expected a page with the markers {' and '.join(_markers(name))}") from error
    write_whole(page, renewed.encode())


def _markers(name: str) -> tuple[str, str]:
    return f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
