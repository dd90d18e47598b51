"""Frozen dataclasses as configuration tables: each field carries its own rules, and one place reads and checks them."""

from __future__ import annotations

import dataclasses
import math
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from edge.basics.errors import ConfigError
from edge.basics.texts import shown
from firmware_bridge.command_line import hint

T = TypeVar("T")
_TYPE_NAMES = {str: "text without control characters", int: "a whole number", float: "a number", bool: "true or false"}


@dataclass(frozen=True)
class Rules:
    """What a field says of itself beside its type and its default.

    Attributes:
        explain: what it does, for a person: in --help, in the file that is installed and in the table of the docs.
        low, high: inclusive limits of a number, or of each number in a list.
        choices: the texts allowed; empty allows any.
        most: how many values a list may have; 0 for any number.
        option: its name on the command line; empty where it has none.
        metavar: what stands for its value in --help.
        modes: what the command may be doing when the option is given.
        live: a reload takes another value while the program runs; otherwise it wants a restart.
        joins: a text that may be written as a list too, whose texts are joined with commas.
    """

    explain: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    most: int = 0
    option: str = ""
    metavar: str = ""
    modes: tuple[str, ...] = ()
    live: bool = False
    joins: bool = False

    @property
    def span(self) -> str:
        """`30 to 100`, `at least 1`, `at most 9`; empty without limits."""
        if self.low is not None and self.high is not None:
            return f"{self.low} to {self.high}"
        if self.low is not None:
            return f"at least {self.low}"
        return "" if self.high is None else f"at most {self.high}"


@dataclass(frozen=True)
class Setting:
    """One value of a configuration.

    Attributes:
        path: dotted, as in `web.listen`.
        kind: its type, such as `int` or `tuple[int, ...]`.
    """

    path: str
    kind: Any
    value: Any
    rules: Rules

    @property
    def allowed(self) -> str:
        """Which values it takes, in few words; empty for any text."""
        rules = self.rules
        if rules.choices:
            return ("any of " if get_origin(self.kind) is tuple else "") + ", ".join(rules.choices)
        if get_origin(self.kind) is not tuple:
            words = {bool: "true or false", str: "text, or a list of texts" if rules.joins else ""}
            return rules.span or words.get(self.kind, "")
        values = "texts" if get_args(self.kind)[0] is str else "numbers"
        number = f"at most {rules.most}" if rules.most else "any number of"
        return f"{number} {values}{', each ' if rules.span else ''}{rules.span}"


def setting(
    default: Any,
    explain: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    most: int = 0,
    option: str = "",
    metavar: str = "",
    modes: tuple[str, ...] = (),
    live: bool = False,
    joins: bool = False,
) -> Any:
    """A dataclass field with a default and its `Rules`."""
    rules = Rules(explain, low, high, choices, most, option, metavar, modes, live, joins)
    return dataclasses.field(default=default, metadata=vars(rules))


def settings_of(table: Any, path: str = "") -> Iterator[Setting]:
    """Every setting of a frozen dataclass and of those nested in it, in the order in which they are written."""
    hints = get_type_hints(type(table))
    for field in dataclasses.fields(table):
        dotted, value = f"{path}.{field.name}".lstrip("."), getattr(table, field.name)
        if dataclasses.is_dataclass(value):
            yield from settings_of(value, dotted)
        else:
            yield Setting(dotted, hints[field.name], value, _rules_of(field))


def _rules_of(field: dataclasses.Field[Any]) -> Rules:
    return Rules(**field.metadata)


def _expected(kind: type, rules: Rules) -> str:
    if rules.choices:
        return "one of " + ", ".join(rules.choices)
    joint = "" if not rules.span else " from " if rules.low is not None and rules.high is not None else " of "
    return f"{_TYPE_NAMES[kind]}{joint}{rules.span}"


def _checked(value: object, kind: type, rules: Rules, path: str, origin: str) -> object:
    if rules.joins and isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        value = ", ".join(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = _float_of(value)
    fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if fits and isinstance(value, (int, float)):
        fits = (rules.low is None or value >= rules.low) and (rules.high is None or value <= rules.high)
    if fits and rules.choices:
        fits = value in rules.choices
    elif fits and isinstance(value, str):
        fits = not any(unicodedata.category(char) == "Cc" for char in value)
    if not fits:
        near = hint(value, rules.choices) if isinstance(value, str) else ""
        raise ConfigError(f"{origin}: {path} = {shown(value)}: expected {_expected(kind, rules)}{near}")
    return value


def _float_of(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _checked_row(value: object, kinds: tuple[Any, ...], rules: Rules, path: str, origin: str) -> object:
    """A list of as many values as a `tuple[int, int]` says, or as the rules allow a `tuple[int, ...]`, each checked."""
    is_open = kinds[-1] is Ellipsis
    least, most = (0, rules.most or math.inf) if is_open else (len(kinds), len(kinds))
    if not isinstance(value, list) or not least <= len(value) <= most:
        number = f" of {len(kinds)}" if not is_open else f" of at most {rules.most}" if rules.most else ""
        each = _expected(kinds[0], rules)
        raise ConfigError(f"{origin}: {path} = {shown(value)}: expected a list{number}, each {each}")
    if is_open:
        kinds = kinds[:1] * len(value)
    pairs = enumerate(zip(value, kinds, strict=True))
    return tuple(_checked(one, kind, rules, f"{path}[{number}]", origin) for number, (one, kind) in pairs)


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
            told = hint(key, fields) or "; known keys: " + ", ".join(fields)
            what = f"[{dotted}]" if isinstance(value, Mapping) else f"{dotted} = {shown(value)}"
            raise ConfigError(f"{origin}: {what}: unknown key{told}")
        wanted = hints[key]
        if isinstance(wanted, type) and dataclasses.is_dataclass(wanted):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{origin}: {dotted} = {shown(value)}: expected a table, as in [{dotted}]")
            values[key] = from_table(wanted, value, dotted, origin, _default_of(fields[key], default))
        elif get_origin(wanted) is tuple:
            values[key] = _checked_row(value, get_args(wanted), _rules_of(fields[key]), dotted, origin)
        else:
            values[key] = _checked(value, wanted, _rules_of(fields[key]), dotted, origin)
    try:
        return kind(**values) if default is None else dataclasses.replace(default, **values)  # type: ignore[type-var]
    except ConfigError as error:  # values that do not go together, found by their owner, who knows no file
        raise ConfigError(f"{origin}: {error}") from error


def _default_of(field: dataclasses.Field[Any], owner: object) -> Any:
    """What a nested table's owner has in its place; None where there is nothing."""
    if owner is not None:
        return getattr(owner, field.name)
    return None if field.default_factory is dataclasses.MISSING else field.default_factory()
