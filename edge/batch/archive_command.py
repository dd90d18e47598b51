"""`edge-enhance archive`: a folder of results, held to its manifest."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from edge.basics.command import say
from edge.basics.errors import InputOutputError
from edge.basics.progress import progress
from edge.basics.running import run_command
from edge.batch.manifest import MANIFEST, entries_of
from edge.batch.verify import verify
from firmware_bridge.command_line import Parser

PROGRAM = "edge-enhance archive"
EXAMPLES = """examples:
  edge-enhance photos/ clip.mp4 --output enhanced/    makes it
  edge-enhance archive verify enhanced/               reads all of it"""
_VERIFY = "every file of the manifest: there, its size and hash, decoded whole, 1920x1080, not black; exit code 0 or 1"


def parser() -> Parser:
    top = Parser(prog=PROGRAM, description=__doc__, epilog=EXAMPLES)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    one = commands.add_parser("verify", help=_VERIFY, description=_VERIFY)
    one.add_argument("folder", type=Path, metavar="DIR", help="what files were enhanced into")
    return top


def run(args: argparse.Namespace) -> int:
    folder: Path = args.folder
    found = _counted(folder)
    num_results = found["results"]
    num_faults = 0
    with progress("verifying", found.total(), "result", after_s=1.0) as tick:
        for fault in verify(folder, tick):
            num_faults += 1
            say(f"{folder / fault.name}: {fault.why}")
    told = f"; {found['failures']} inputs came to nothing, as it says" if found["failures"] else ""
    if num_faults:
        say(f"{num_faults} faults in {num_results} results{told}; remove those, then enhance again with --resume")
        return 1
    say(f"{num_results} results are whole{told}")
    return 0


def _counted(folder: Path) -> Counter[str]:
    """How many results and failures the manifest has."""
    try:
        entries = entries_of(folder / MANIFEST)
        return Counter("failures" if entry is not None and "failure" in entry else "results" for entry in entries)
    except OSError as error:
        raise InputOutputError(
            f"{folder / MANIFEST}: {error.strerror or error}; expected a folder that files were enhanced into"
        ) from error


def main(argv: Sequence[str] | None = None) -> int:
    return run_command(parser(), run, argv)
