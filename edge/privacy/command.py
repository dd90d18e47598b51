"""`edge-enhance privacy`: the key by which what is kept is encrypted, and files from the disk made readable again."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from edge.basics.command import say
from edge.basics.errors import EdgeError, InputOutputError
from edge.basics.folders import Folder, open_folder, open_plain
from edge.basics.running import run_command
from edge.basics.whole_files import PRIVATE_FILE, PRIVATE_FOLDER, whole_file_in
from edge.config import Config
from edge.config_file import load_config
from edge.saving.at_rest import AtRest, at_rest_with
from edge.saving.sealing.keys import make_key
from edge.saving.sealing.sealed import CutShort, Unreadable
from firmware_bridge.command_line import Parser

PROGRAM = "edge-enhance privacy"
EXAMPLES = """examples:
  sudo edge-enhance privacy make-key /etc/edge-enhance/privacy.key
  edge-enhance privacy decrypt disk/throat-*.png --output plain/ --key privacy.key

Keep a copy of the key where the unit is not: without it nothing that was encrypted can ever be read."""
_PIECE_BYTES = 1 << 20


def parser() -> Parser:
    top = Parser(prog=PROGRAM, description=__doc__, epilog=EXAMPLES)
    commands = top.add_subparsers(dest="command")
    make = commands.add_parser("make-key", help="a new key in a new file")
    make.add_argument("file", type=Path, metavar="FILE")
    make.set_defaults(run=run_make_key)
    decrypt = commands.add_parser("decrypt", help="write files of a unit's disk as they are without encryption")
    decrypt.add_argument("files", nargs="+", type=Path, metavar="FILE")
    decrypt.add_argument("--output", type=Path, required=True, metavar="DIR", help="where they are written")
    decrypt.add_argument(
        "--key", action="append", default=[], metavar="FILE", help="with this key, and others; else those of [privacy]"
    )
    decrypt.add_argument("--config", type=Path, metavar="FILE", help="the unit's TOML, as for --live")
    decrypt.set_defaults(run=run_decrypt)
    return top


def run_make_key(args: argparse.Namespace) -> int:
    key = make_key(args.file)
    say(
        f"{args.file}: a new key, {key.id.hex()}",
        f'in edge.toml: [privacy] key = "{args.file.absolute()}"; keep a copy where the unit is not',
    )
    return 0


def run_decrypt(args: argparse.Namespace) -> int:
    config = Config() if args.key else load_config(args.config, {}).config
    at_rest = at_rest_with(args.key, config.privacy)
    try:
        output = open_folder(args.output, PRIVATE_FOLDER)
    except OSError as error:
        raise InputOutputError(f"{error.filename or args.output}: {error.strerror or error}") from error
    num_failed = 0
    with output:
        for path in args.files:
            try:
                say(_decrypted(path, output, at_rest))
            except EdgeError as error:
                num_failed += 1
                sys.stderr.write(f"{PROGRAM}: {error}\n")
    return 1 if num_failed else 0


def _decrypted(path: Path, output: Folder, at_rest: AtRest) -> str:
    """Write one file; what was done, in a line. Raises EdgeError."""
    told = ""
    try:
        try:
            file, name = at_rest.opened_anywhere(open_plain(path), path)
        except CutShort:
            if path.suffix != ".mp4":
                raise
            file, name = at_rest.opened_anywhere(open_plain(path), path, is_whole=False)
            told = ", as far as it is whole: it was cut short, as a recording that a power cut ended"
        with file:
            if name != path.name:
                told += f"; the file was called {path.name}"
            if output.about(name) is not None:
                raise InputOutputError(f"{output.path / name}: is there already; nothing is written over")
            with whole_file_in(output, name, PRIVATE_FILE) as written:
                for piece in _pieces(file):
                    written.write(piece)
                if os.geteuid() == 0:
                    owner = output.owner()
                    os.fchown(written.fileno(), owner.st_uid, owner.st_gid)
    except Unreadable as error:
        raise InputOutputError(f"{path}: {error.strerror}; nothing of it was written") from error
    except OSError as error:
        raise InputOutputError(f"{error.filename or path}: {error.strerror or error}") from error
    return f"{output.path / name}{told}"


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece


def main(argv: Sequence[str] | None = None) -> int:
    return run_command(parser(), lambda args: int(args.run(args)), argv)


if __name__ == "__main__":
    sys.exit(main())
