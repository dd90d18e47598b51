"""The table of settings in docs/reference.md."""

import re

import pytest

from edge.basics.markdown import with_section
from edge.basics.settings import settings_of
from edge.config import Config
from edge.config_page import PAGE, SECTION, main, settings_table

_SETTINGS = PAGE.read_text().partition(f"<!-- begin: {SECTION} -->")[2].partition(f"<!-- end: {SECTION} -->")[0]
ROWS = {
    cells[0]: cells
    for cells in (re.split(r" *\| *", line.strip("| ")) for line in _SETTINGS.splitlines() if "|" in line)
}
"""First cell -> cells of every row of the table, read as its reader does."""


def test_the_page_has_the_table_that_the_command_makes():
    page = PAGE.read_text()
    assert with_section(page, SECTION, settings_table()) == page, "run: python -m edge.config_page"


def test_the_command_renews_the_section_alone(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text(f"above\n<!-- begin: {SECTION} -->\n(nothing yet)\n<!-- end: {SECTION} -->\nbelow\n")
    monkeypatch.setattr("edge.config_page.PAGE", page)
    main()
    text = page.read_text()
    assert text.startswith("above\n") and text.endswith("\nbelow\n")
    assert settings_table() in text and "(nothing yet)" not in text


@pytest.mark.parametrize("one", [*settings_of(Config())], ids=lambda one: one.path)
def test_every_setting_has_its_row(one):
    assert ROWS[f"`{one.path}`"][3] == one.rules.explain


@pytest.mark.parametrize(
    ("path", "cells"),
    [
        ("web.listen", ["`web.listen`", '`"127.0.0.1:8080"`', "text, or a list of texts", "`--listen`", "restart"]),
        ("web.jpeg_quality", ["`web.jpeg_quality`", "`85`", "30 to 100", "", "reload"]),
        ("bridge.heater", ["`bridge.heater`", '`"auto"`', "auto, off", "", "restart"]),
        ("bridge.led_permille", ["`bridge.led_permille`", "`[]`", "at most 4 numbers, each 0 to 1000", "", "restart"]),
        ("source.wait", ["`source.wait`", "`false`", "true or false", "", "restart"]),
        ("source.uri", ["`source.uri`", '`"demo:"`', "text", "`--source`", "reload"]),
    ],
)
def test_a_row_says_default_range_option_and_what_changes_it(path, cells):
    row = ROWS[f"`{path}`"]
    assert [*row[:3], *row[4:]] == cells
