"""How every command reads its words: one that it does not know is refused in one line, with the nearest that it does.

It stands in the lowest of the packages, because the commands of all five are read alike.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from firmware_bridge.command_alike import AlikeParser

USAGE = 2
"""Exit code of a command line that asks for something that cannot be (sysexits.h has none for it, Python takes 2)."""
_NUMBER = re.compile(r"-\.?\d")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """What was meant by a mistyped word; None where nothing is like it. Large and small letters are alike."""
    by_small = {one.lower(): one for one in known}
    swapped = [one for one in by_small if sorted(one) == sorted(word.lower())]  # letters that changed places
    near = swapped or difflib.get_close_matches(word.lower(), by_small, n=1)
    return by_small[near[0]] if near else None


def hint(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'live'?`, to end a message with; empty where nothing is like the word."""
    near = nearest(word, known)
    return "" if near is None else f"; did you mean {near!r}?"


class Parser(AlikeParser):
    """Tells a wrong word in one line instead of printing the usage, wrong options before missing ones.

    The beginning of an option's name is no option: a mistyped one would be taken for another.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        words = sys.argv[1:] if args is None else list(args)
        for word in self._options_in(words):
            name = word.partition("=")[0]
            if not self._knows(name):
                self._refuse(f"unknown option {name!r}", name, [one for one in self._named() if one.startswith("--")])
        return super().parse_known_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        told = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in message)
        self.exit(USAGE, f"{self.prog}: {told}\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        known = [str(one) for one in action.choices]
        if isinstance(action, argparse._SubParsersAction):
            self._refuse(f"unknown command {value!r}", str(value), known)
        told = f"invalid choice: {value!r}; expected {', '.join(known)}{hint(str(value), known)}"
        raise argparse.ArgumentError(action, told)

    def _refuse(self, what: str, word: str, known: Sequence[str]) -> NoReturn:
        lists = (
            f"; expected {known[0]!r}"
            if len(known) == 1 and known[0].isalpha()
            else f"; {self.prog} --help lists what there is"
        )
        self.error(what + (hint(word, known) or lists))

    def _named(self) -> Iterable[str]:
        return self._option_string_actions

    def _options_in(self, words: Sequence[str]) -> Iterable[str]:
        """The words that this parser would take for options: what follows a command is the command's own."""
        has_commands = any(isinstance(one, argparse._SubParsersAction) for one in self._actions)
        for word in words:
            is_option = len(word) > 1 and word.startswith("-") and not _NUMBER.match(word) and " " not in word
            if word == "--" or (has_commands and not is_option):
                return
            if is_option:
                yield word

    def _knows(self, name: str) -> bool:
        """Whether it is an option, or `-o` with its value in the same word."""
        return any(one in (name, "" if name.startswith("--") else name[:2]) for one in self._named())


if __name__ == "__main__":  # the Makefile asks: a word, and those that are known
    sys.stdout.write(hint(sys.argv[1], sys.argv[2:]))
