"""Commands beside the runtime's own options, loaded when they are called."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import cast

COMMANDS = {
    "install-service": "edge.service.command:install_main",
    "model": "edge.model_command:main",
    "uninstall-service": "edge.service.command:uninstall_main",
}
"""First word of the command line -> module and function, which takes the other words and returns an exit code."""


def run_command(name: str, argv: Sequence[str]) -> int:
    """Load a command and run it."""
    module, function = COMMANDS[name].split(":")
    work = cast("Callable[[Sequence[str]], int]", getattr(importlib.import_module(module), function))
    return work(argv)
