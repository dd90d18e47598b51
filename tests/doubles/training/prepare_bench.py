"""Folders of made-up pictures, and `edge-train prepare` run on them."""

import argparse
from pathlib import Path

import cv2
import numpy as np

from edge.basics.command import exit_code_of
from firmware_bridge.command_line import Parser
from trainer.prepare.command import add_prepare_command


def scene(seed: int, width_px: int = 96, height_px: int = 72) -> np.ndarray:
    """Smooth blobs: of each seed another perceptual hash, of each size the same."""
    blobs = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(blobs, (width_px, height_px), interpolation=cv2.INTER_CUBIC)


def put(folder: Path, pictures: dict[str, np.ndarray]) -> Path:
    for name, picture in pictures.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), picture)
    return folder


def parsed(arguments) -> argparse.Namespace:
    top = Parser(prog="edge-train")
    add_prepare_command(top.add_subparsers(required=True))
    return top.parse_args(["prepare", *map(str, arguments)])


def prepare(*arguments) -> int:
    args = parsed(arguments)
    return exit_code_of("edge-train", lambda: args.run(args), debug=False)
