"""`python -m edge.sources.demo`: frames of the synthetic throat as files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from edge.basics.errors import EdgeError, InputOutputError, UsageError
from edge.basics.whole_files import make_folder, write_whole
from edge.pictures.image import Image
from edge.sources.demo.render import DemoRenderer
from firmware_bridge.command_line import Parser


def write_png(path: Path, image: Image) -> None:
    """Write an RGB picture whole or not at all.

    Raises:
        InputOutputError: the folder cannot be written.
    """
    done, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not done:
        raise InputOutputError(f"{path}: the picture could not be encoded as PNG")
    write_whole(path, np.asarray(data, np.uint8).tobytes())


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m edge.sources.demo",
        description="Write frames of the synthetic throat as PNG files.",
        epilog="example: python -m edge.sources.demo --output /tmp/demo --count 9 --every 17 --seed 3",
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="folder for the pictures; made if missing"
    )
    parser.add_argument("--count", type=int, default=1, help="how many moments (default 1)")
    parser.add_argument(
        "--every", type=int, default=1, help="frames from one moment to the next, at 30 a second (default 1)"
    )
    parser.add_argument("--start", type=int, default=0, help="first frame (default 0)")
    parser.add_argument("--seed", type=int, default=0, help="which throat (default 0)")
    parser.add_argument(
        "--kind", choices=("truth", "degraded", "pair"), default="pair", help="what to write (default pair)"
    )
    parser.add_argument(
        "--variety",
        action="store_true",
        help="another throat for each picture: seed, seed + 1, ..., and wider differences",
    )
    parser.add_argument("--force", action="store_true", help="overwrite pictures that are there")
    return parser


def write_frames(options: argparse.Namespace) -> int:
    """Write what the options say; returns the number of files.

    Raises:
        UsageError: a number is out of range, or a file is there already.
        InputOutputError: the folder cannot be written.
    """
    if options.count < 1 or options.every < 1 or options.start < 0 or options.seed < 0:
        raise UsageError("--count and --every must be at least 1, --start and --seed at least 0")
    kinds = ("truth", "degraded") if options.kind == "pair" else (options.kind,)
    indices = [options.start + i * options.every for i in range(options.count)]
    targets = {(kind, index): options.output / f"{kind}_{index:06d}.png" for index in indices for kind in kinds}
    taken = [path for path in targets.values() if path.exists()]
    if taken and not options.force:
        raise UsageError(f"{taken[0]} exists: choose another --output, or overwrite with --force")
    renderer: DemoRenderer | None = None
    try:
        make_folder(options.output)
        for number, index in enumerate(indices):
            if options.variety:
                renderer = DemoRenderer(options.seed + number, spread=1.5)
            elif renderer is None:
                renderer = DemoRenderer(options.seed)
            for kind in kinds:
                write_png(targets[kind, index], getattr(renderer, kind)(index))
    except OSError as error:
        raise InputOutputError(f"{options.output}: {error.strerror or error}") from error
    return len(targets)


def main(arguments: list[str] | None = None) -> int:
    """Entry of `python -m edge.sources.demo`; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        count = write_frames(options)
    except EdgeError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    sys.stdout.write(f"wrote {count} pictures to {options.output}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
