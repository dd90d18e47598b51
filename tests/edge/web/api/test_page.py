"""The table of the API in docs/reference.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from edge.basics.markdown import with_section
from edge.web.api import page as page_module
from edge.web.api.page import PAGE, SECTION, api_table, main, served_document


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return served_document()


def test_the_page_has_the_table_that_the_command_makes(document: dict[str, Any]) -> None:
    page = PAGE.read_text()
    assert with_section(page, SECTION, api_table(document)) == page, "run: python -m edge.web.api.page"


def test_every_operation_of_the_program_has_its_row(document: dict[str, Any]) -> None:
    rows = dict(re.findall(r"^\| `(\w+ /\S*)` \| (\w+) \|", PAGE.read_text(), re.MULTILINE))
    assert rows == {
        f"{method.upper()} {path}": one["x-least-role"]
        for path, methods in document["paths"].items()
        for method, one in methods.items()
    }
    assert {"POST /api/profile", "POST /api/light", "GET /metrics"} <= rows.keys()


def test_the_command_renews_the_section_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, document: dict[str, Any]
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"above\n<!-- begin: {SECTION} -->\n(nothing yet)\n<!-- end: {SECTION} -->\nbelow\n")
    monkeypatch.setattr(page_module, "PAGE", page)
    monkeypatch.setattr(page_module, "served_document", lambda: document)
    main()
    text = page.read_text()
    assert text.startswith("above\n") and text.endswith("\nbelow\n")
    assert api_table(document) in text
