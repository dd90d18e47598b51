"""A command from its words to its exit code, alike for all of them."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence

from edge.basics.command import exit_code_of, have_standard_streams
from edge.basics.guarded_output import guard_output
from edge.basics.logs import set_handler
from firmware_bridge.command_line import Parser

TRACED = "%(asctime)s %(levelname)s %(name)s: %(message)s"
"""How a line of the log looks with --debug."""


def run_command(
    parser: Parser,
    work: Callable[[argparse.Namespace], int],
    argv: Sequence[str] | None,
    *,
    level: int = logging.WARNING,
) -> int:
    """Read the words, run the command and tell a failure in one line; the exit code.

    Args:
        argv: None for the words that the program was started with.
        level: what the log tells without --debug; with it, all, with where it comes from, and a failure's traceback.
    """
    have_standard_streams()
    given = sys.argv[1:] if argv is None else list(argv)
    guard_output(given)
    args = parser.parse_args(given)
    form = TRACED if args.debug else "%(message)s"
    set_handler(logging.StreamHandler(), logging.DEBUG if args.debug else level, form)
    return exit_code_of(parser.prog, lambda: work(args), debug=args.debug)
