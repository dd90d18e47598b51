"""Which part of a file is asked for: `Range`, RFC 9110 section 14, one span of bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class Span:
    """Attributes: end: of the byte after it; is_all: nothing less than the file was asked for."""

    begin: int
    end: int
    is_all: bool = False


def span_of(header: str, size: int) -> Span | None:
    """None for a part that the file has not. What is no range of one span asks for all, as the standard allows."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or not (found[1] or found[2]):
        return Span(0, size, True)
    if not found[1]:
        last = int(found[2])
        return Span(max(0, size - last), size) if last and size else None
    begin = int(found[1])
    end = min(size, int(found[2]) + 1) if found[2] else size
    if found[2] and int(found[2]) < begin:
        return Span(0, size, True)
    return Span(begin, end) if begin < size else None
