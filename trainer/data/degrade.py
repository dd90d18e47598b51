"""`edge-train degrade`: simulated poor pictures from clean ones, for an LQ domain where a clinic has too few.

The fog is that of `recipes.training_pair`. What learns from it must be judged on real poor pictures, or on other fog
(`recipes.held_out_fog`), never on its like.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from edge.basics.errors import InputOutputError
from edge.basics.whole_files import write_whole
from edge.pictures.files import read_picture
from edge.pictures.folder import pictures_below
from edge.pictures.image import Image
from trainer.data.recipes import training_pair


def degraded(clean: Image, name: str, seed: int) -> Image:
    """The simulated poor picture of a clean one; seed and name decide, whatever else is in the folder."""
    rng = np.random.default_rng((seed, zlib.crc32(name.encode(errors="surrogateescape"))))
    return training_pair(clean, rng)[0]


def run_degrade(args: argparse.Namespace) -> int:
    """Write a PNG for each picture, in the same subfolders; one that cannot be used is named and left out.

    Raises:
        InputOutputError: no picture, two that would become one file, or the output folder holds something or cannot be
            written.
    """
    names, _ = pictures_below(args.folder)
    _check_distinct(args.folder, names)
    if args.output.exists() and any(args.output.iterdir()):
        raise InputOutputError(f"{args.output}: not empty; give a new folder, so that nothing is written over")
    left_out = []
    for name in tqdm(names, unit="picture", disable=None, dynamic_ncols=True):
        try:
            clean = read_picture(args.folder / name, rgb8_only=True)
        except InputOutputError as error:
            left_out.append(str(error))
            continue
        bgr = cv2.cvtColor(degraded(clean, name, args.seed), cv2.COLOR_RGB2BGR)
        path = (args.output / name).with_suffix(".png")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, cv2.imencode(".png", bgr)[1].tobytes())
        except OSError as error:
            raise InputOutputError(
                f"{path}: cannot be written ({error.strerror}); make room or give another -o"
            ) from error
    print(f"{args.output}: {len(names) - len(left_out)} pictures")
    for line in left_out:
        print(f"left out: {line}", file=sys.stderr)
    return 0


def _check_distinct(folder: Path, names: list[str]) -> None:
    first: dict[Path, str] = {}
    for name in names:
        other = first.setdefault(Path(name).with_suffix(""), name)
        if other != name:
            raise InputOutputError(f"{folder / name}: would become the same PNG as {other}; rename one of them")


def add_degrade_command(commands: Any) -> None:
    """Register `degrade` with the subcommands of `edge-train`."""
    parser = commands.add_parser(
        "degrade",
        help="simulated LQ pictures from clean ones: fog, drops, fall-off, noise",
        epilog="example: edge-train degrade throats/clean -o throats/lq",
    )
    parser.add_argument("folder", type=Path, help="clean pictures, in any subfolders")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the simulated ones, new or empty")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws other fog (default: 1)")
    parser.set_defaults(run=run_degrade)
