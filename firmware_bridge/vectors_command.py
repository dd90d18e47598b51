"""`edge-bridge vectors`: the test vectors as two plain files, for a decoder that is written in anything."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from firmware_bridge.errors import UsageError
from firmware_bridge.wire.vectors import PATH


def add_vectors(commands: Any) -> argparse.ArgumentParser:
    """Add the subcommand to the parser of `edge-bridge`."""
    command: argparse.ArgumentParser = commands.add_parser(
        "vectors", help="write the test vectors: frames, and what a decoder must find in them"
    )
    command.add_argument("frames", type=Path, metavar="FRAMES", help="file for the frames, in hex, one a line")
    command.add_argument(
        *("answers",),
        type=Path,
        metavar="ANSWERS",
        help="file for what is in each: type, seq, payload (. for none), the frame encoded anew; - for a damaged one",
    )
    return command


def run_vectors(args: argparse.Namespace) -> int:
    for path in (args.frames, args.answers):
        if not path.absolute().parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.absolute().parent}; make it first")
    vectors = json.loads(PATH.read_text())
    args.frames.write_text("".join(f"{vector['wire']}\n" for vector in vectors))
    args.answers.write_text("".join(f"{answer_line(vector)}\n" for vector in vectors))
    sys.stdout.write(f"{len(vectors)} frames in {args.frames}, what is in them in {args.answers}\n")
    return 0


def answer_line(vector: dict[str, Any]) -> str:
    """What c/check_vectors.c prints for it."""
    if not vector["valid"]:
        return "-"
    return f"{vector['type']} {vector['seq']} {vector['payload'] or '.'} {vector['wire']}"
