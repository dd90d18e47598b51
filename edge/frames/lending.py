"""Where a source puts its pictures: memory that the engine's process reads without a copy, where some is lent."""

from __future__ import annotations

from collections.abc import Callable

from edge.pictures.image import Image

Lend = Callable[[], "Image | None"]
"""Gives an RGB uint8 (1080, 1920, 3) to write into, contents undefined; None where none is free."""


def nothing_lent() -> Image | None:
    """For a source whose frames no engine takes from memory: it uses its own."""
    return None
