"""Whether a model is older than the one that it would replace."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from edge.basics.texts import is_moment

_NUMBERS = re.compile(r"v?(\d{1,9}(?:\.\d{1,9}){0,7})")


def why_older(new: Mapping[str, Any], old: Mapping[str, Any]) -> str:
    """Why one profile is older than another, or cannot be told to be newer, in words; empty where it is neither.

    Versions that are numbers with dots are compared as such; where they are the same, or no numbers, the later
    `made_at` is the newer one.

    Args:
        new, old: their `model.json`.
    """
    versions = tuple(_numbers(str(one.get("version"))) for one in (new, old))
    told = f"version {new.get('version')} against {old.get('version')}"
    if versions[0] is not None and versions[1] is not None and versions[0] != versions[1]:
        return told if versions[0] < versions[1] else ""
    moments = [one.get("made_at") for one in (new, old)]
    told += f", made at {moments[0]} against {moments[1]}"
    if moments[0] == moments[1] and new.get("sha256") == old.get("sha256"):
        return ""
    if not all(map(is_moment, moments)):
        return f"{told}, which does not tell which is newer"
    return told if datetime.fromisoformat(str(moments[0])) < datetime.fromisoformat(str(moments[1])) else ""


def _numbers(version: str) -> tuple[int, ...] | None:
    """`v3.0` -> (3,)."""
    match = _NUMBERS.fullmatch(version)
    if match is None:
        return None
    numbers = [int(number) for number in match[1].split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
