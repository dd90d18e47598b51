"""The page of pictures of a model card: what a student does with a fog, and what it cannot do.

`python -m benchmarks.training.limits CHECKPOINT --throats THROATS -o docs/images/live-limits.jpg`, with THROATS from
`python -m edge.sources.demo --kind truth --variety --count 8 --start 150 --output THROATS`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.basics.errors import InputOutputError
from edge.basics.whole_files import write_whole
from edge.pictures.files import read_picture
from edge.pictures.image import Image
from firmware_bridge.command_line import Parser
from trainer.data.camera import Camera
from trainer.data.degradations import defocus
from trainer.data.fogs.airlight import Airlight
from trainer.data.fogs.catalogue import FAMILIES
from trainer.data.fogs.forward_scatter import ForwardScatter
from trainer.judging.fogs.sets import Pair, seen
from trainer.judging.judged import Method, at_network_size, read_judged
from trainer.judging.metrics import psnr

CELL = (320, 180)
LINE_PX = 22
INK, GROUND = (235, 235, 235), (38, 38, 38)


@dataclass(frozen=True)
class Row:
    """One case: what was done to the throat, and what to see in it."""

    title: str
    pair: Pair


def cases(throats: list[Image]) -> Iterator[Row]:
    """What it is made for first, then what it cannot do."""
    rng = np.random.default_rng(7)
    plain, holding = Camera(read=0.5), Camera(read=0.5, exposure_hold=1.0)
    veil = Airlight(0.7, 0.3, 0.6, (1.0, 0.98, 0.95), False, 0.3, 4)
    throat = iter(throats * 8)
    yield Row("a bright veil, exposure fixed: lifted", seen(next(throat), veil, plain, rng))
    yield Row("the same, exposure held by the camera", seen(next(throat), veil, holding, rng))
    dense = Airlight(3.0, 0.0, 0.7, (1.0, 1.0, 1.0), False, 0.0, 4)
    yield Row(
        "a veil that hides nearly all: what is not there does not come back", seen(next(throat), dense, plain, rng)
    )
    dew = FAMILIES["dew"].draw(np.random.default_rng(11), 0.8)
    yield Row("drops: they stay", seen(next(throat), dew, plain, rng))
    smoke = FAMILIES["drifting_smoke"].draw(np.random.default_rng(5), 0.9)
    yield Row("ragged smoke: left, since it could be tissue", seen(next(throat), smoke, plain, rng))
    spread = ForwardScatter(0.9, 0.2, 8 / 480, 0.8, 3)
    yield Row("light thrown aside: contrast, not sharpness", seen(next(throat), spread, plain, rng))
    sharp = next(throat)
    blurred = plain.picture(defocus(plain.light(sharp), 14.0), rng)
    yield Row("out of focus: left as it is", Pair(blurred, sharp))
    flat = np.full((270, 480, 3), 150, np.uint8)
    yield Row("a grey card looks like a dense veil: left as it is", Pair(flat, flat))


def page(rows: Iterator[Row], method: Method) -> Image:
    """Rows of camera, enhanced and truth, each under a line that says what it is, with PSNR before and after."""
    parts = []
    for row in rows:
        enhanced = method(row.pair.foggy)
        before, after = (min(psnr(p, row.pair.truth), 60.0) for p in (row.pair.foggy, enhanced))
        line = np.full((LINE_PX, 3 * CELL[0], 3), GROUND, np.uint8)
        text = f"{row.title}   ({before:.1f} -> {after:.1f} dB)"
        cv2.putText(line, text, (6, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
        shown = [cv2.resize(p, CELL, interpolation=cv2.INTER_AREA) for p in (row.pair.foggy, enhanced, row.pair.truth)]
        parts += [line, np.hstack(shown)]
    return np.vstack(parts)


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--throats", type=Path, required=True, metavar="FOLDER", help="truth_*.png of the demo throat")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a .jpg")
    args = parser.parse_args()
    paths = sorted(args.throats.glob("truth_*.png"))
    if not paths:
        raise InputOutputError(f"{args.throats}: no truth_*.png; make them with python -m edge.sources.demo")
    (method,) = read_judged([args.checkpoint]).dehazers.values()
    sheet = page(cases([at_network_size(read_picture(path)) for path in paths]), method)
    write_whole(args.output, bytes(cv2.imencode(".jpg", sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])[1]))


if __name__ == "__main__":
    main()
