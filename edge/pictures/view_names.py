"""What the files of a picture's two views are called, wherever they are made: `a-raw.png` and `a-enhanced.png`.

Files mode, pairs of the button and of the page, snapshots and the clips of a recording are named here and nowhere else.
"""

from __future__ import annotations

import re

from edge.pictures.image import Mode

_OF_A_VIEW = re.compile(r"(?P<stem>.+)[-_](?P<view>raw|enhanced)(?P<suffix>\.\w+)?", re.DOTALL)
"""With `_` files mode named them before; what it made then is still known."""


def view_name(stem: str, view: Mode, suffix: str) -> str:
    """`throat`, `raw`, `.png` -> `throat-raw.png`."""
    return f"{stem}-{view}{suffix}"


def earlier_name(stem: str, view: Mode, suffix: str) -> str:
    """As files mode named it before: `throat_raw.png`."""
    return f"{stem}_{view}{suffix}"


def view_of(name: str) -> Mode | None:
    """Which view a file's name says that it is; None for a name that is no view's."""
    found = _OF_A_VIEW.fullmatch(name)
    if found is None:
        return None
    return "raw" if found["view"] == "raw" else "enhanced"


def subject_of(stem: str) -> str:
    """A name without its ending, of whichever view: `throat-raw` and `throat_enhanced` are of `throat`."""
    found = _OF_A_VIEW.fullmatch(stem)
    return stem if found is None or found["suffix"] else found["stem"]
