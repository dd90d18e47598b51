"""`edge-train`: prepare pictures, train the networks and judge them."""

from __future__ import annotations

import os
import sys

from edge.basics.running import run_command
from firmware_bridge.command_line import Parser
from trainer.commands import add_training_commands
from trainer.data.degrade import add_degrade_command
from trainer.judging.command import add_evaluate_command
from trainer.mdos.command import add_mdos_command
from trainer.prepare.command import add_prepare_command


def parser() -> Parser:
    top = Parser(prog="edge-train", description=__doc__)
    commands = top.add_subparsers(dest="command")
    add_prepare_command(commands)
    add_degrade_command(commands)
    add_training_commands(commands)
    add_evaluate_command(commands)
    add_mdos_command(commands)
    return top


def main(argv: list[str] | None = None) -> int:
    if argv is None:  # torch starts Pythons of its own, which would look for their modules in the working folder
        os.environ["PYTHONSAFEPATH"] = "1"
    return run_command(parser(), lambda args: int(args.run(args)), argv)


if __name__ == "__main__":
    sys.exit(main())
