"""The demo throat's renderer: frame n is the same pixels, whichever frames were rendered before."""

from __future__ import annotations

import pytest

from edge.sources.demo.render import DemoRenderer


@pytest.fixture(scope="session")
def renderer() -> DemoRenderer:
    return DemoRenderer(0)
