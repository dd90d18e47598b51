"""Words of a command line, each with the modes that use it: given in another mode it is refused, not ignored."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from edge.basics.errors import UsageError
from edge.basics.settings import Setting

_KINDS: dict[type, Callable[[str], Any]] = {str: str, int: int, float: float, bool: bool}


@dataclass(frozen=True)
class Option:
    """One word.

    Attributes:
        name: `--output`; without dashes it is what stands by itself, any number of times.
        help: for a person.
        modes: what the command may be doing when it is given, as a person knows them.
        metavar: what stands for its value; an option without one is a flag.
        kind: makes the value of the word.
        instead: what to do where it is refused.
    """

    name: str
    help: str
    modes: tuple[str, ...]
    metavar: str = ""
    kind: Callable[[str], Any] = str
    instead: str = "leave it out"

    @property
    def key(self) -> str:
        """Its attribute of the parsed arguments."""
        return self.name.lstrip("-").replace("-", "_").lower()

    @property
    def is_flag(self) -> bool:
        return self.name.startswith("-") and not self.metavar

    def given(self, args: argparse.Namespace) -> Any:
        """What the command line says; None where it says nothing."""
        value = getattr(args, self.key)
        return None if value is False or value == [] else value


def option_of(setting: Setting) -> Option:
    """The option of a setting that has one, its help made of the setting's rules and default.

    Raises:
        TypeError: the setting is neither text nor a number, nor one of true or false: that has a flag, for true.
    """
    rules = setting.rules
    if setting.kind not in _KINDS:
        raise TypeError(f"{setting.path}: only text, numbers and true have an option, not {setting.kind}")
    if setting.kind is bool:
        return Option(rules.option, rules.explain, rules.modes)
    default = f"default {setting.value}" if setting.value != "" else ""
    allowed = "" if rules.joins else setting.allowed
    notes = "; ".join(note for note in (allowed, default) if note)
    help_text = f"{rules.explain} ({notes})" if notes else rules.explain
    metavar = rules.metavar or setting.path.rpartition(".")[2].upper()
    return Option(rules.option, help_text, rules.modes, metavar, _KINDS[setting.kind])


def add_options(parser: argparse.ArgumentParser, options: Iterable[Option]) -> None:
    """Give the options to a parser, grouped by the modes that use them."""
    groups: dict[tuple[str, ...], argparse._ArgumentGroup] = {}
    for option in options:
        if option.modes not in groups:
            groups[option.modes] = parser.add_argument_group(f"for {listed(option.modes)}")
        group, help_text = groups[option.modes], option.help.replace("%", "%%")
        if option.is_flag:
            group.add_argument(option.name, action="store_true", help=help_text)
        elif option.metavar:
            group.add_argument(option.name, type=option.kind, metavar=option.metavar, help=help_text)
        else:
            group.add_argument(option.key, nargs="*", metavar=option.name, help=help_text)


def given_settings(settings: Iterable[Setting], args: argparse.Namespace) -> dict[str, tuple[str, Any]]:
    """What the command line says of settings that have an option: dotted path -> (option, value)."""
    given = {one.path: option_of(one) for one in settings if one.rules.option}
    values = {path: (option.name, option.given(args)) for path, option in given.items()}
    return {path: value for path, value in values.items() if value[1] is not None}


def refuse_unused(options: Iterable[Option], args: argparse.Namespace, mode: str) -> None:
    """Refuse what the mode would ignore.

    Raises:
        UsageError: names the option, the modes that it is for, and what to do.
    """
    for option in options:
        value = option.given(args)
        if value is not None and mode not in option.modes:
            word = option.name if option.name.startswith("-") else f"{option.name} {value[0]!r}"
            raise UsageError(f"{word} is for {listed(option.modes)}, not for {mode}; {option.instead}")


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
