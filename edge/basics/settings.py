"""Frozen dataclasses as configuration tables: types and ranges stated beside each field, checked in one place."""

from __future__ import annotations

import dataclasses
import difflib
import math
import unicodedata
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from edge.basics.errors import ConfigError
from edge.basics.texts import shown

T = TypeVar("T")
_TYPE_NAMES = {str: "text without control characters", int: "a whole number", float: "a number", bool: "true or false"}


def setting(
    default: Any, explain: str, *, low: float | None = None, high: float | None = None, choices: tuple[str, ...] = ()
) -> Any:
    """A dataclass field with a default, an explanation and the values it may take.

    Args:
        low, high: inclusive limits of a number.
        choices: the texts allowed; empty allows any.
    """
    limits = {"explain": explain, "low": low, "high": high, "choices": choices}
    return dataclasses.field(default=default, metadata=limits)


def _expected(kind: type, limits: Mapping[str, Any]) -> str:
    if limits.get("choices"):
        return "one of " + ", ".join(limits["choices"])
    low, high = limits.get("low"), limits.get("high")
    span = ""
    if low is not None and high is not None:
        span = f" from {low} to {high}"
    elif low is not None:
        span = f" of at least {low}"
    return _TYPE_NAMES[kind] + span


def _checked(value: object, kind: type, limits: Mapping[str, Any], path: str, origin: str) -> object:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = _float_of(value)
    fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    low, high, choices = limits.get("low"), limits.get("high"), limits.get("choices")
    if fits and isinstance(value, (int, float)):
        fits = (low is None or value >= low) and (high is None or value <= high)
    if fits and choices:
        fits = value in choices
    elif fits and isinstance(value, str):
        fits = not any(unicodedata.category(char) == "Cc" for char in value)
    if not fits:
        raise ConfigError(f"{origin}: {path} = {shown(value)}: expected {_expected(kind, limits)}")
    return value


def _float_of(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _checked_row(value: object, kinds: tuple[Any, ...], limits: Mapping[str, Any], path: str, origin: str) -> object:
    """A list of as many values as a `tuple[int, int]` says, or of any number for `tuple[int, ...]`, each checked."""
    any_number = kinds[-1] is Ellipsis
    if not isinstance(value, list) or (len(value) != len(kinds) and not any_number):
        number = "" if any_number else f" of {len(kinds)}"
        raise ConfigError(f"{origin}: {path} = {shown(value)}: expected a list{number}, each {_TYPE_NAMES[kinds[0]]}")
    if any_number:
        kinds = (kinds[0],) * len(value)
    pairs = enumerate(zip(value, kinds, strict=True))
    return tuple(_checked(one, kind, limits, f"{path}[{number}]", origin) for number, (one, kind) in pairs)


def from_table(kind: type[T], table: Mapping[str, object], path: str, origin: str, default: T | None = None) -> T:
    """Read one frozen dataclass, nested ones included, from a TOML table.

    A nested table changes the values that its owner has by default, which need not be its class's own.

    Args:
        default: gives the values that the table leaves out; without it the class does.
        path: dotted path of the table, empty at the top.
        origin: what the values came from (a file's name), for the message.

    Raises:
        ConfigError: an unknown key, a wrong type or a value out of range; names the dotted path, the value and what
            was expected.
    """
    hints = get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    values: dict[str, object] = {}
    for key, value in table.items():
        dotted = f"{path}.{key}" if path else key
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "known keys: " + ", ".join(fields)
            raise ConfigError(f"{origin}: {dotted} = {shown(value)}: unknown key; {hint}")
        wanted = hints[key]
        if isinstance(wanted, type) and dataclasses.is_dataclass(wanted):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{origin}: {dotted} = {shown(value)}: expected a table, as in [{dotted}]")
            values[key] = from_table(wanted, value, dotted, origin, _default_of(fields[key], default))
        elif get_origin(wanted) is tuple:
            values[key] = _checked_row(value, get_args(wanted), fields[key].metadata, dotted, origin)
        else:
            values[key] = _checked(value, wanted, fields[key].metadata, dotted, origin)
    try:
        return kind(**values) if default is None else dataclasses.replace(default, **values)  # type: ignore[type-var]
    except ConfigError as error:  # values that do not go together, found by their owner, who knows no file
        raise ConfigError(f"{origin}: {error}") from error


def _default_of(field: dataclasses.Field[Any], owner: object) -> Any:
    """What a nested table's owner has in its place; None where there is nothing."""
    if owner is not None:
        return getattr(owner, field.name)
    return None if field.default_factory is dataclasses.MISSING else field.default_factory()
