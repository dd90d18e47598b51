"""What the files of a recording are called: `throat-20260504T030201.678Z-recording` and an ending of each."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from edge.pictures.image import Mode
from edge.pictures.view_names import view_name

SUFFIX = "-recording"
_STEM = re.compile(r"throat-\d{8}T\d{6}\.\d{3}Z-recording(?:-\d{1,4})?")
_FILE = re.compile(rf"({_STEM.pattern})(\.json|\.jpg|-raw\.mp4|-enhanced\.mp4)")


def stem_of(began_at: datetime) -> str:
    """By when its first frame was taken, UTC."""
    at = began_at.astimezone(timezone.utc)
    return f"throat-{at:%Y%m%dT%H%M%S}.{at.microsecond // 1000:03d}Z{SUFFIX}"


def clip_name(stem: str, view: Mode) -> str:
    return view_name(stem, view, ".mp4")


def sidecar_name(stem: str) -> str:
    return f"{stem}.json"


def poster_name(stem: str) -> str:
    """Of a small picture of its begin."""
    return f"{stem}.jpg"


def parts_of(name: str) -> tuple[str, str] | None:
    """Stem and ending of a file of a recording; None for any other."""
    found = _FILE.fullmatch(name)
    return None if found is None else (found[1], found[2])


def files_of(stem: str) -> list[str]:
    """All that a recording may have, what tells of the others last."""
    return [clip_name(stem, "raw"), clip_name(stem, "enhanced"), poster_name(stem), sidecar_name(stem)]
