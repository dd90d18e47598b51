"""The options of a source's URI, read and refused in one way."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar, overload

from edge.basics.errors import UsageError
from firmware_bridge.command_line import hint

T = TypeVar("T")

_MIN_FPS, _MAX_FPS = 1.0, 240.0


class UriOptions:
    """The `key=value&...` part of a URI; each getter takes its key, what is left over is unknown."""

    def __init__(self, uri: str, query: str) -> None:
        self._uri = uri
        self._values: dict[str, str] = {}
        self._known: list[str] = []
        for pair in filter(None, query.split("&")):
            key, equals, value = pair.partition("=")
            if not equals or key in self._values:
                fault = "is given twice" if equals else "has no value; expected key=value"
                raise UsageError(f"{uri}: option '{pair}' {fault}")
            self._values[key] = value

    def fps(self) -> float | None:
        """The frame rate, None where it is not given."""
        return self.number("fps", None, _MIN_FPS, _MAX_FPS)

    def text(self, key: str) -> str:
        """Any text; empty where it is not given."""
        return self._taken(key, str, "a text", "")

    def is_paced(self) -> bool:
        return self.pace() != "free"

    def pace(self) -> str:
        """`camera` or `free`; empty where it is not given."""
        return self.choice("pace", {"camera": "camera", "free": "free"}, "")

    def switch(self, key: str, *, default: bool) -> bool:
        return self.choice(key, {"0": False, "1": True}, default)

    @overload
    def number(self, key: str, default: float, low: float, high: float) -> float: ...
    @overload
    def number(self, key: str, default: None, low: float, high: float) -> float | None: ...
    def number(self, key: str, default: float | None, low: float, high: float) -> float | None:
        def parsed(value: str) -> float:
            if not low <= (found := float(value)) <= high:
                raise ValueError
            return found

        return self._taken(key, parsed, f"a number from {low:g} to {high:g}", default)

    def whole_number(self, key: str, default: int) -> int:
        def parsed(value: str) -> int:
            if not (value.isascii() and value.isdecimal()):
                raise ValueError
            return int(value)

        return self._taken(key, parsed, "a whole number from 0 on", default)

    def whole_number_within(self, key: str, default: int | None, low: int, high: int) -> int | None:
        def parsed(value: str) -> int:
            if not (value.isascii() and value.isdecimal() and low <= int(value) <= high):
                raise ValueError
            return int(value)

        return self._taken(key, parsed, f"a whole number from {low} to {high}", default)

    def span(self, key: str, low: float, high: float) -> tuple[float, float] | None:
        """`LOW-HIGH`, or one number for both; None where it is not given."""

        def parsed(value: str) -> tuple[float, float]:
            first, dash, last = value.partition("-")
            begin = float(first)
            end = float(last) if dash else begin
            if not low <= begin <= end <= high:
                raise ValueError
            return begin, end

        return self._taken(key, parsed, f"a number from {low:g} to {high:g}, or two as LOW-HIGH", None)

    def choice(self, key: str, choices: dict[str, T], default: T) -> T:
        return self._taken(key, choices.__getitem__, " or ".join(choices), default)

    def refuse_unknown(self) -> None:
        for key, value in self._values.items():
            known = ", ".join(self._known)
            told = f"expected one of {known}{hint(key, self._known)}"
            raise UsageError(f"{self._uri}: unknown option '{key}' with value '{value}'; {told}")

    def _taken(self, key: str, parse: Callable[[str], T], expected: str, default: T) -> T:
        self._known.append(key)
        if key not in self._values:
            return default
        value = self._values.pop(key)
        try:
            return parse(value)
        except (KeyError, ValueError):
            self._refuse(key, value, expected)

    def _refuse(self, key: str, value: str, expected: str) -> NoReturn:
        raise UsageError(f"{self._uri}: option {key} is '{value}'; expected {expected}") from None
