"""Texts in and out: one kind of error, one line, and TOML that reads back."""

import pytest

from edge.basics.errors import EdgeError
from edge.basics.texts import MAX_LINE, age_text, json_from_text, one_line, shown, toml_from_text, toml_value


@pytest.mark.parametrize(
    "parse, text",
    [
        pytest.param(json_from_text, "[" * 100_000 + "]" * 100_000, id="deep JSON"),
        pytest.param(json_from_text, "9" * 5000, id="long number in JSON"),
        pytest.param(json_from_text, "{", id="cut JSON"),
        pytest.param(toml_from_text, "a = " + "[" * 3000 + "]" * 3000, id="deep TOML"),
        pytest.param(toml_from_text, "a = " + "9" * 5000, id="long number in TOML"),
        pytest.param(toml_from_text, "a = ", id="cut TOML"),
    ],
)
def test_all_that_cannot_be_read_is_a_value_error(parse, text):
    with pytest.raises(ValueError):
        parse(text)


@pytest.mark.parametrize(
    "value", ["a\nb", 'a"b\\c', "\x7f", "\x01\x1b[2J", "äöü 日本 🫁", "", 3, -0.5, 1e300, True, [1, 2]]
)
def test_what_is_written_as_toml_reads_back(value):
    assert toml_from_text(f"key = {toml_value(value)}") == {"key": value}


@pytest.mark.parametrize(
    "text, line",
    [
        pytest.param("a\nb", "a\\nb", id="line"),
        pytest.param("a\x1b[2Jb", "a\\x1b[2Jb", id="escape"),
        pytest.param("a\udcffb", "a\\udcffb", id="not UTF-8"),
        pytest.param("sha256 is 12…, ä", "sha256 is 12…, ä", id="printable"),
    ],
)
def test_an_error_is_one_printable_line(text, line):
    assert one_line(text) == str(EdgeError(text)) == line


def test_a_long_error_keeps_its_beginning_and_its_end():
    message = one_line("begin" + "x" * 100_000 + "end")
    assert len(message) <= MAX_LINE + 3 and message.startswith("begin") and message.endswith("end")


def test_a_number_too_long_to_spell_is_shown():
    assert shown(1 << 20_000) == "a int too large to show" and shown("a") == "'a'"


@pytest.mark.parametrize(
    ("age_ms", "text"),
    [
        (0, "0.0 s"),
        (740, "0.7 s"),
        (9_990, "9.9 s"),
        (12_400, "12 s"),
        (185_000, "3 min 5 s"),
        (7_800_000, "2 h 10 min"),
    ],
)
def test_an_age_reads_like_a_clock(age_ms: float, text: str) -> None:
    assert age_text(age_ms) == text
