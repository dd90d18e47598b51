"""What every command takes and says alike: `--debug`, `--version`, defaults in its help, its help for no word at all.

It stands in the lowest of the packages, as `firmware_bridge.command_line` does, whose parser is built on it.
"""

from __future__ import annotations

import argparse
import os
import select
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

NOTHING_ASKED = 2
"""Exit code of a command without the words that it needs."""
UNREAD = 141
"""Exit code where nobody reads the output any more, as of a program that SIGPIPE ended: 128 and the signal's number."""
EXIT_CODES = (
    "exit codes: 0 done, 1 a check or an input failed, 2 a wrong word or none, 69 a device is missing, "
    "74 a file or the\nnetwork failed, 78 configuration or model is wrong, 130 Ctrl-C"
)


def shown_default(value: Any) -> str:
    """A default as a person reads it; empty where it says nothing, as of a flag."""
    if value is None or isinstance(value, bool) or value in ("", [], ()) or value is argparse.SUPPRESS:
        return ""
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    if isinstance(value, list):
        return " ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


class AlikeFormatter(argparse.RawDescriptionHelpFormatter):
    """Lines of examples stay lines, and each option that has a default says it."""

    def _get_help_string(self, action: argparse.Action) -> str:
        return with_default(action)


def with_default(action: argparse.Action) -> str:
    """An option's help and its default, where the words do not say it themselves."""
    words, shown = action.help or "", "" if action.required else shown_default(action.default).replace("%", "%%")
    is_said = "%(default)s" in words or f"default {shown}" in words or f"default: {shown}" in words
    return words if not shown or is_said else f"{words} (default {shown})".strip()


class Version(argparse.Action):
    """Prints the version, which is looked up when somebody asks for it."""

    def __init__(self, option_strings: Sequence[str], dest: str, **kwargs: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, help=kwargs.get("help"))

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        sys.stdout.write(f"{version('edge-enhance')}\n")
        parser.exit()


class AlikeParser(argparse.ArgumentParser):
    """A command, or a command of a command: they are made of the same class.

    Args:
        bare: what is missing where no word is given, of a command that argparse would let run without one.
        is_inner: it is a command of another.
    """

    def __init__(self, *args: Any, bare: str = "", is_inner: bool = False, **kwargs: Any) -> None:
        # "resolve": a command may have a --version of its own, such as that of what it writes.
        super().__init__(*args, **{**kwargs, "formatter_class": AlikeFormatter, "conflict_handler": "resolve"})
        self._bare, self._is_inner = bare, is_inner
        if self.add_help:
            self.add_argument(
                "--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks and debug messages"
            )
            self.add_argument("--version", action=Version, help="print the version")
        if not is_inner:
            self.set_defaults(debug=False)

    def add_subparsers(self, **kwargs: Any) -> Any:
        """Commands of this command, of its own class; one of them must be named."""
        return super().add_subparsers(
            **{"parser_class": partial(type(self), is_inner=True), "required": True, "metavar": "COMMAND", **kwargs}
        )

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        words = sys.argv[1:] if args is None else list(args)
        if not words and (missing := self._bare or self._missing()):
            self.say_bare(missing)
        return super().parse_known_args(words, namespace)

    def say_bare(self, missing: str) -> NoReturn:
        """The whole help, then in one line what is missing; the exit code is 2, since nothing was done."""
        self.print_help()
        sys.stdout.flush()
        self.exit(NOTHING_ASKED, f"{self.prog}: nothing to do: {missing}\n")

    def format_help(self) -> str:
        for action in self._actions:
            action.help = action.help or with_default(action) or None  # an option without words has its default alone
        text = super().format_help()
        return text if self._is_inner else f"{text}\n{EXIT_CODES}\n"

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """As argparse's; where nobody reads what was printed, quietly."""
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            let_go()
        super().exit(status, message)

    def _missing(self) -> str:
        """What a command line must have."""
        wanted = [one for one in self._actions if one.required and one.nargs not in ("*", "?")]
        for one in wanted:
            if isinstance(one, argparse._SubParsersAction):
                return f"expected one of {', '.join(one.choices)}"
        names = ["/".join(one.option_strings) or str(one.metavar or one.dest) for one in wanted]
        return f"expected {', '.join(names)}" if names else ""


def unless_unread(work: Callable[[], int]) -> int:
    """What `work` returns, all that it printed written; 141, quietly, where nobody reads that any more."""
    try:
        code = work()
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        if not (_is_unread(1) or _is_unread(2)):
            raise
        let_go()
        return UNREAD


def let_go() -> None:
    """Send what is still to be written nowhere, so that Python's own end finds no error to tell."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        if _is_unread(number):
            os.dup2(nowhere, number)
    os.close(nowhere)


def _is_unread(descriptor: int) -> bool:
    """Whether it is a pipe or a socket whose reader has gone."""
    asked = select.poll()
    asked.register(descriptor, 0)
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in asked.poll(0))
