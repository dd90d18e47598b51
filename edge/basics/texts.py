"""Texts from files: parsed with one kind of error, written so that they read back, shown on one line."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

from edge.basics.hiding import without_secrets

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_LINE = 1000


def toml_from_text(text: str) -> dict[str, Any]:
    """Raises ValueError where it is not TOML, or nested deeper than Python goes."""
    try:
        return dict(tomllib.loads(text))
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def json_from_text(text: str | bytes) -> Any:
    """Raises ValueError where it is not JSON, or nested deeper than Python goes."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def toml_value(value: object) -> str:
    """Texts, finite numbers, booleans and lists of them; TOML spells all but one character as JSON does."""
    text = json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
    return text.replace("\x7f", "\\u007f").encode("utf-8", "backslashreplace").decode()


def shown(value: object) -> str:
    """`repr`, also of a number with more digits than Python spells out."""
    try:
        return repr(value)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__} too large to show"


def one_line(text: str) -> str:
    """One line of printable characters: what else is in it is escaped, and the middle of a very long one left out.

    What is secret is hidden first: an escaped or cut password would not be known again.
    """
    text = without_secrets(text)
    if len(text) > MAX_LINE:
        half = MAX_LINE // 2
        text = f"{text[:half]} … {text[-half:]}"
    return printable(text)


def printable(text: str) -> str:
    """What cannot be printed is escaped: a name from a file must not move a terminal's cursor, nor begin a line."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return ascii(char)[1:-1]


def is_moment(value: object) -> bool:
    """Whether it is ISO 8601 with an offset, of a year that arithmetic with time zones cannot leave."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return isinstance(value, str) and moment.tzinfo is not None and 1900 < moment.year < 9000


def age_text(age_ms: float) -> str:
    """An age in the words of a clock: `0.7 s`, `42 s`, `3 min 5 s`, `2 h 10 min`."""
    seconds = int(age_ms / 1000)
    if seconds < 10:
        return f"{int(age_ms / 100) / 10} s"
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
