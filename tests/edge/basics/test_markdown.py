"""Generated sections of a page."""

import pytest

from edge.basics.errors import InputOutputError
from edge.basics.markdown import replace_section, table


def test_only_its_own_section_is_renewed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- begin: x -->\nold\n<!-- end: x -->\nb\n<!-- begin: y -->\nkeep\n<!-- end: y -->\n")
    replace_section(page, "x", "new\n")
    replace_section(page, "x", "newer")
    assert page.read_text() == (
        "a\n<!-- begin: x -->\nnewer\n<!-- end: x -->\nb\n<!-- begin: y -->\nkeep\n<!-- end: y -->\n"
    )


@pytest.mark.parametrize("text", [None, "no markers", "<!-- begin: x -->"])
def test_a_page_without_the_section_is_left_alone(tmp_path, text):
    page = tmp_path / "page.md"
    if text is not None:
        page.write_text(text)
    with pytest.raises(InputOutputError, match="begin: x"):
        replace_section(page, "x", "new")
    assert not page.exists() or page.read_text() == text


def test_table():
    assert table(["a", "b"], [["x", 1.234]]) == "| a | b |\n|---|---|\n| x | 1.23 |"
