"""Pictures in memory, and the endless row of training pairs drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from edge.errors import InputOutputError
from edge.geometry import NETWORK_HEIGHT_PX, NETWORK_WIDTH_PX
from trainer.recipes import Picture, training_pair, vary_tone


@dataclass(frozen=True)
class Group:
    """Pictures of one kind and how they may be varied.

    Attributes:
        pictures: RGB uint8, any size.
        share: how often a pair comes from this group, relative to the others.
        tone: how far tone and colour may be varied, 0 to 1.
        turns: whether quarter turns and vertical flips are plausible (a larynx has no fixed up, a throat has).
    """

    pictures: Sequence[Picture]
    share: float
    tone: float
    turns: bool


def read_pictures(paths: Sequence[Path]) -> list[Picture]:
    """Decode pictures as RGB uint8.

    Raises:
        InputOutputError: names the first file that cannot be read.
    """
    pictures = []
    for path in paths:
        bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if bgr is None:
            raise InputOutputError(f"{path}: not a readable picture; remove it from the training folder")
        pictures.append(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8))
    return pictures


def random_view(picture: Picture, rng: np.random.Generator, turns: bool) -> Picture:
    """A random 16:9 part, mirrored at random, at the network's 480x270."""
    if turns:
        picture = np.rot90(picture, int(rng.integers(0, 4)))
    height, width = picture.shape[:2]
    largest = min(width, height * 16 / 9)
    crop_w = largest * rng.uniform(0.55, 1.0)
    crop_h = crop_w * 9 / 16
    left, top = rng.uniform(0, width - crop_w + 1e-6), rng.uniform(0, height - crop_h + 1e-6)
    part = picture[int(top) : int(top + crop_h), int(left) : int(left + crop_w)]
    method = cv2.INTER_AREA if part.shape[1] > NETWORK_WIDTH_PX else cv2.INTER_CUBIC
    part = cv2.resize(np.ascontiguousarray(part), (NETWORK_WIDTH_PX, NETWORK_HEIGHT_PX), interpolation=method)
    return np.ascontiguousarray(part[:, ::-1]) if rng.random() < 0.5 else np.asarray(part, np.uint8)


class PairDataset(Dataset[tuple[Tensor, Tensor]]):
    """Pair number i of a seed: always the same two pictures, whoever asks and when.

    Items are (lq, gt), uint8 (3, 270, 480).
    """

    def __init__(self, groups: Sequence[Group], num_pairs: int, seed: int) -> None:
        self.groups = groups
        self.num_pairs = num_pairs
        self.seed = seed
        self._shares = np.array([group.share for group in groups]) / sum(group.share for group in groups)

    def __len__(self) -> int:
        return self.num_pairs

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng((self.seed, index))
        group = self.groups[int(rng.choice(len(self.groups), p=self._shares))]
        clean = random_view(group.pictures[int(rng.integers(len(group.pictures)))], rng, group.turns)
        if group.tone:
            clean = vary_tone(clean, rng, group.tone)
        lq, gt = training_pair(clean, rng)
        return torch.from_numpy(lq).permute(2, 0, 1), torch.from_numpy(gt).permute(2, 0, 1)
