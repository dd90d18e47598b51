"""Rows of a table of which the first is tried in every run, the others where time is no matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest


def first_in_haste(rows: Mapping[str, tuple[Any, ...]]) -> list[Any]:
    """For `parametrize`: name of a row -> its values; all but the first are slow."""
    return [
        pytest.param(*values, id=name, marks=[pytest.mark.slow] if place else [])
        for place, (name, values) in enumerate(rows.items())
    ]
