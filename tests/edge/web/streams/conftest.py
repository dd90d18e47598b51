"""Viewers over WebSocket of a web sink on a free port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.doubles.ws_viewer import WsViewer


@pytest.fixture
def open_ws(studio: Any) -> Iterator[Callable[..., WsViewer]]:
    """Opens viewers of the studio's sink, and closes them at the end."""
    viewers: list[WsViewer] = []

    def open_viewer(**how: Any) -> WsViewer:
        viewers.append(WsViewer(studio.url, **how))
        return viewers[-1]

    yield open_viewer
    for viewer in viewers:
        viewer.close()
