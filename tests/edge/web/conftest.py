"""A web sink on a free port, fed by the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from edge.web import pulse
from tests.doubles.http_viewer import Viewer
from tests.doubles.studio import Studio


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    """On a busy machine its process stands still now and then, and no viewer is cut for that: others test the cut."""
    monkeypatch.setattr(pulse, "STOOD_STILL_NS", 10**18)
    studio = Studio()
    yield studio
    studio.close()


@pytest.fixture
def watch(studio: Any) -> Iterator[Callable[..., Viewer]]:
    """Opens viewers of the studio's sink, and closes them at the end."""
    viewers: list[Viewer] = []

    def open_viewer(query: str = "view=enhanced") -> Viewer:
        viewers.append(Viewer(studio.url, query))
        return viewers[-1]

    yield open_viewer
    for viewer in viewers:
        viewer.close()
