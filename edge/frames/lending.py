"""Where a source puts its pictures: memory that the engine can read without a copy, where the engine has some.

An engine on a GPU lends page-locked frames here; without one, or when all are in use, a source uses its own memory.
"""

from __future__ import annotations

from collections.abc import Callable

from edge.pictures.image import Image

Lender = Callable[[], "Image | None"]
_lenders: list[Lender] = []


def lend_from(lender: Lender) -> Callable[[], None]:
    """Take new frames from `lender` from now on. Returns what ends that; safe to call twice."""
    _lenders.append(lender)

    def end() -> None:
        if lender in _lenders:
            _lenders.remove(lender)

    return end


def lent_frame() -> Image | None:
    """An RGB uint8 (1080, 1920, 3) to write into, contents undefined; None where no engine lends any."""
    for lender in tuple(_lenders):
        lent = lender()
        if lent is not None:
            return lent
    return None
