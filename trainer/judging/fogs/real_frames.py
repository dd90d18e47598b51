"""Real foggy frames: figures that need no truth, what is gained where there is one, and pages to look at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import mean

import cv2
import numpy as np

from edge.basics.errors import InputOutputError
from edge.basics.markdown import table
from edge.basics.whole_files import write_whole
from edge.pictures.files import read_picture
from edge.pictures.image import Image
from trainer.judging.fogs.gains import Perceptual, gained, mean_gain
from trainer.judging.fogs.sets import real_pairs, within_network_size
from trainer.judging.fogs.unreferenced import unreferenced
from trainer.judging.judged import Method
from trainer.prepare.contact_sheet import COLUMNS, ROWS, Tile, draw_sheet, thumbnail
from trainer.prepare.screening import scores

LENS_FOG = ("surgclean_",)
"""How the names of laparoscopes with a fogged lens begin."""
PICTURES = {".jpg", ".jpeg", ".png"}


def foggy_frames(folder: Path) -> dict[str, Image]:
    """Every frame of the folder that is not a truth, within 480x270, by name.

    Raises:
        InputOutputError: none is there, or one cannot be read.
    """
    paths = [p for p in sorted(folder.glob("*")) if p.suffix.lower() in PICTURES]
    paths = [p for p in paths if not p.stem.endswith("_clear") and "_sharp_" not in p.stem]
    if not paths:
        raise InputOutputError(f"{folder}: no picture in it; give the folder of real foggy frames")
    return {path.stem: within_network_size(read_picture(path)) for path in paths}


def unreferenced_table(frames: Mapping[str, Image], methods: Mapping[str, Method]) -> str:
    """Means over the frames with a fogged lens, and over all; contrast and brightness over the raw frame's."""
    groups = {"fogged lens": [f for n, f in frames.items() if n.startswith(LENS_FOG)], "all": list(frames.values())}
    groups = {name: members for name, members in groups.items() if members}
    head = ["method"]
    for name, members in groups.items():
        head += [f"{name} ({len(members)}): brightness kept, least and most", "contrast", "haze", "clipped"]
    rows: list[list[object]] = []
    for method_name, method in methods.items():
        row: list[object] = [method_name]
        for members in groups.values():
            raw = [unreferenced(frame) for frame in members]
            ours = [unreferenced(method(frame)) for frame in members]
            pairs = list(zip(ours, raw, strict=True))
            kept = [a.brightness / max(b.brightness, 1) for a, b in pairs]
            row += [
                f"{mean(kept):.2f}, {min(kept):.2f} to {max(kept):.2f}",
                mean(a.contrast / max(b.contrast, 0.1) for a, b in pairs),
                mean(a.haze for a in ours),
                f"{100 * mean(a.clipped for a in ours):.1f}%",
            ]
        rows.append(row)
    return table(head, rows)


def pairs_table(folder: Path, methods: Mapping[str, Method], perceptual: Perceptual | None) -> str:
    """dB gained on each real pair, and brightness over the raw frame's, beside the truth's."""
    pairs = real_pairs(folder)
    head = ["method", *(f"{name}: gain, at best exposure, brightness" for name in pairs), "mean gain"]
    truth_row: list[object] = ["truth"]
    truth_row += [f"-, -, {p.truth.mean() / p.foggy.mean():.2f}" for p in pairs.values()]
    rows: list[list[object]] = [[*truth_row, "-"]]
    for name, method in methods.items():
        cells, gains = [], []
        for pair in pairs.values():
            result = method(pair.foggy)
            gain = gained(pair.foggy, result, pair.truth, perceptual)
            gains.append(gain)
            cells.append(f"{gain.psnr:+.2f}, {gain.best:+.2f}, {result.mean() / pair.foggy.mean():.2f}")
        rows.append([name, *cells, f"{mean_gain(gains).psnr:+.2f}"])
    return table(head, rows)


def side_by_side(frames: Mapping[str, Image], methods: Mapping[str, Method], folder: Path) -> list[Path]:
    """Write pages `real-001.png`, ...: a frame a row, as it is and by up to five methods.

    Raises:
        InputOutputError: the folder cannot be written.
    """
    shown = dict(list(methods.items())[:COLUMNS])
    nothing = np.full((2, 2, 3), 38, np.uint8)
    rows = []
    for frame_name, frame in frames.items():
        row = [(f"{frame_name} {name}", method(frame)) for name, method in shown.items()]
        rows.append(row + [("", nothing)] * (COLUMNS - len(row)))
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for page, start in enumerate(range(0, len(rows), ROWS), 1):
            cells = [cell for row in rows[start : start + ROWS] for cell in row]
            tiles = [Tile(n, name, scores(_seen(p)), "", thumbnail(p)) for n, (name, p) in enumerate(cells, 1)]
            sheet = draw_sheet(tiles, "real foggy frames: " + " | ".join(shown))
            paths.append(folder / f"real-{page:03d}.png")
            write_whole(paths[-1], bytes(cv2.imencode(".png", sheet[..., ::-1])[1]))
    except OSError as error:
        raise InputOutputError(f"{folder}: cannot be written ({error.strerror}); give another folder") from error
    return paths


def _seen(picture: Image) -> Image:
    """Large enough for its scores."""
    return picture if min(picture.shape[:2]) >= 64 else np.asarray(cv2.resize(picture, (64, 64)), np.uint8)
