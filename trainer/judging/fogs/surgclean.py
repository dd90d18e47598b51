"""The public SurgClean set, where a person has it: real fogged laparoscopes beside a clean view of the same place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import cv2
import numpy as np

from edge.basics.errors import InputOutputError
from edge.basics.markdown import table
from edge.pictures.files import read_picture
from trainer.judging.fogs.gains import Perceptual
from trainer.judging.fogs.sets import Pair
from trainer.judging.judged import Method
from trainer.judging.metrics import psnr, ssim

PUBLISHED = ("FocalNet, best published defogging, 3.7 M parameters", 19.07, 0.628, 0.435)
"""PSNR, SSIM and LPIPS of the set's own paper (arXiv 2505.19161)."""
PICTURES = {".jpg", ".jpeg", ".png", ".bmp"}


@dataclass(frozen=True)
class SurgClean:
    """Files of the two folders, by the same name without its ending."""

    foggy: Sequence[Path]
    truth: Sequence[Path]

    def pairs(self) -> Iterator[Pair]:
        """The pairs as they are; not aligned: the lens was taken out and wiped between the two.

        A truth of another size is resized to its picture, as the paper's evaluation does.
        """
        for foggy, truth in zip(self.foggy, self.truth, strict=True):
            picture, clean = read_picture(foggy), read_picture(truth)
            if clean.shape != picture.shape:
                clean = np.asarray(cv2.resize(clean, picture.shape[1::-1], interpolation=cv2.INTER_AREA), np.uint8)
            yield Pair(picture, clean)


def surgclean(folder: Path) -> SurgClean:
    """The set's files.

    Args:
        folder: has `input/` and `gt/`.

    Raises:
        InputOutputError: no such folders, or a picture of one has no mate in the other.
    """
    sides = []
    for side in ("input", "gt"):
        found = {p.stem: p for p in sorted((folder / side).glob("*")) if p.suffix.lower() in PICTURES}
        if not found:
            raise InputOutputError(
                f"{folder / side}: no pictures; give the folder of SurgClean that has input/ and gt/"
            )
        sides.append(found)
    foggy, truth = sides
    if alone := sorted(foggy.keys() ^ truth.keys()):
        raise InputOutputError(f"{folder}: {alone[0]} is in only one of input/ and gt/; restore the set")
    return SurgClean(list(foggy.values()), [truth[name] for name in foggy])


def surgclean_table(of: SurgClean, methods: Mapping[str, Method], perceptual: Perceptual | None) -> str:
    """PSNR, SSIM and LPIPS of each method, the published figure last; unaligned, so 20 dB is much."""
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in methods}
    for pair in of.pairs():
        for name, method in methods.items():
            result = method(pair.foggy)
            look = float("nan") if perceptual is None else perceptual(result, pair.truth)
            found[name].append((psnr(result, pair.truth), ssim(result, pair.truth), look))
    rows: list[list[object]] = []
    for name, scores in found.items():
        means = [mean(column) for column in zip(*scores, strict=True)]
        rows.append([name, means[0], f"{means[1]:.3f}", f"{means[2]:.3f}"])
    name, db, similar, look = PUBLISHED
    rows.append([name, db, f"{similar:.3f}", f"{look:.3f}"])
    return table(["method", "PSNR", "SSIM", "LPIPS"], rows)
