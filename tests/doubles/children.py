"""Processes that a test leaves behind: what another test left in the same worker is not its fault."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

_before: set[int] = set()


@pytest.fixture(autouse=True)
def children_before() -> Iterator[None]:
    """Import it, and each test of the module begins with a look at which there are."""
    _before.clear()
    _before.update(one.pid for one in psutil.Process().children())
    yield


def new_children() -> list[psutil.Process]:
    """Those that have begun since the test did, and have not ended."""
    return [one for one in psutil.Process().children() if one.pid not in _before]
