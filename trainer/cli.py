"""`edge-train`: prepare pictures, train the networks and judge them."""

from __future__ import annotations

import argparse
import os
import sys

from edge.basics.command import exit_code_of
from firmware_bridge.command_line import Parser
from trainer.commands import add_training_commands
from trainer.data.degrade import add_degrade_command
from trainer.judging.command import add_evaluate_command
from trainer.mdos.command import add_mdos_command
from trainer.prepare.command import add_prepare_command


def parser() -> argparse.ArgumentParser:
    top = Parser(prog="edge-train", description=__doc__)
    top.add_argument("--debug", action="store_true", help="show a traceback on errors")
    commands = top.add_subparsers(dest="command", required=True)
    add_prepare_command(commands)
    add_degrade_command(commands)
    add_training_commands(commands)
    add_evaluate_command(commands)
    add_mdos_command(commands)
    return top


def main(argv: list[str] | None = None) -> int:
    if argv is None:  # torch starts Pythons of its own, which would look for their modules in the working folder
        os.environ["PYTHONSAFEPATH"] = "1"
    args = parser().parse_args(argv)
    return exit_code_of("edge-train", lambda: args.run(args), debug=args.debug)


if __name__ == "__main__":
    sys.exit(main())
