"""A reader's page is looked into, not read through: nowhere long without a heading, a table, a command or a picture."""

from __future__ import annotations

import re

import pytest

from tests.paths import REPOSITORY

PAGES = (
    "physician.md",
    "integrator.md",
    "ml-engineer.md",
    "install.md",
    "connect.md",
    "calibrate.md",
    "operate.md",
    "files.md",
    "interfaces.md",
    "dicom.md",
    "reference.md",
)
MOST_WORDS = 119

_REST = re.compile(r"^(#|\||    \S|!\[)")
"""A heading, a row of a table, a command, a picture."""


def longest_passage(text: str) -> str:
    """The passage with the most words between two places where the eye can rest."""
    without_comments = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    passages, is_fenced = [""], False
    for line in without_comments.splitlines():
        if line.startswith("```"):
            is_fenced = not is_fenced
        if is_fenced or line.startswith("```") or _REST.match(line):
            passages.append("")
        else:
            passages[-1] += f"{line} "
    return max(passages, key=lambda passage: len(passage.split()))


@pytest.mark.parametrize("name", PAGES)
def test_no_passage_of_a_readers_page_is_long(name: str) -> None:
    passage = longest_passage((REPOSITORY / "docs" / name).read_text(encoding="utf-8"))
    num_words = len(passage.split())
    assert num_words <= MOST_WORDS, f"docs/{name}: {num_words} words without a rest from {passage[:60]!r} on"


WORDS = "one two three "


@pytest.mark.parametrize(
    ("text", "num_words"),
    [
        pytest.param(f"{WORDS}\n\n{WORDS}\n- {WORDS}", 10, id="paragraphs and lists are one passage"),
        pytest.param(f"{WORDS}\n## head\n{WORDS}", 3, id="a heading"),
        pytest.param(f"{WORDS}\n| {WORDS} |\n{WORDS}", 3, id="a table"),
        pytest.param(f"{WORDS}\n    make venv   {WORDS}\n{WORDS}", 3, id="a command"),
        pytest.param(f"{WORDS}\n```toml\n{WORDS}\n\n{WORDS}\n```\n{WORDS}", 3, id="a fence"),
        pytest.param(f"{WORDS}\n![{WORDS}](x.jpg)\n{WORDS}", 3, id="a picture"),
        pytest.param(f"{WORDS}\n<!-- {WORDS}\n{WORDS} -->\n{WORDS}", 6, id="what is not shown"),
    ],
)
def test_a_passage_ends_where_the_eye_can_rest(text: str, num_words: int) -> None:
    assert len(longest_passage(text).split()) == num_words
