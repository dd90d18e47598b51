"""Words that a person mistyped."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

_NEAR = 0.55


def near_word(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """`did you mean 'led'?`, else what to do instead; the known words where that is empty."""
    names = list(known)
    nearest = max(names, key=lambda name: _likeness(word, name))
    if _likeness(word, nearest) >= _NEAR:
        return f"did you mean {nearest!r}?"
    return otherwise or f"expected {', '.join(names)}"


def _likeness(word: str, name: str) -> float:
    """0 to 1; the beginning of a long name is as good as the whole of it."""
    whole, begun = (SequenceMatcher(None, word, text).ratio() for text in (name, name[: len(word) + 1]))
    return max(whole, begun)
