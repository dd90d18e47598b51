"""What the student learns from: pairs, moments, the camera's own pixels and real poor pictures, made one by one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from edge.basics.errors import ConfigError, InputOutputError
from edge.basics.settings import setting
from edge.pictures.geometry import NETWORK_HEIGHT_PX, NETWORK_WIDTH_PX
from edge.pictures.image import Image
from trainer.data.fog_pairs import FogPairs, taught_without
from trainer.data.pictures import PictureStore, as_planes
from trainer.data.recipes import training_pair, vary_tone
from trainer.data.views import random_view

NETWORK_SIZE = (NETWORK_WIDTH_PX, NETWORK_HEIGHT_PX)
SMALLEST_PX = 32
"""Side below which a picture shows nothing worth learning."""
MOTION_PX = 2.5
"""Largest motion between two moments along x and y, in the network's pixels: 10 of the camera's."""
ZOOM = 0.005
"""Largest change of scale between two moments."""
THINNING = (0.9, 1.02)
"""Range of the fog's optical depth at the second moment over that at the first: breath mostly leaves."""
FRAME_NOISE_GAIN = 2.0
"""The camera's noise over that of its 4x4 mean: 4 from the sensor, halved by the camera's own noise reduction."""


@dataclass(frozen=True)
class DataConfig:
    """Which clean pictures a run degrades; a share of 0 leaves them out."""

    larynx_share: float = setting(0.0, "share of pairs made from larynx pictures", low=0.0)
    larynx_tone: float = setting(1.0, "how far their tone is varied", low=0.0, high=1.0)
    demo_share: float = setting(0.0, "share of pairs made from renders of the demo throat", low=0.0)
    demo_tone: float = setting(0.6, "how far their tone is varied", low=0.0, high=1.0)
    throat_share: float = setting(0.0, "share of pairs made from throat pictures", low=0.0)
    throat_tone: float = setting(0.3, "how far their tone is varied", low=0.0, high=1.0)
    hq_share: float = setting(0.0, "share of pairs made from the manifest's HQ training pictures", low=0.0)
    hq_tone: float = setting(0.3, "how far their tone is varied", low=0.0, high=1.0)
    oral_share: float = setting(0.0, "share of pairs made from pictures of mouths", low=0.0)
    oral_tone: float = setting(0.4, "how far their tone is varied", low=0.0, high=1.0)
    fog: str = setting("condensation", "what is drawn over them", choices=("condensation", "families"))
    left_out: tuple[str, ...] = setting((), "families of fog kept from training, beside those that always are")
    longest_px: int = setting(0, "longest side at which pictures are kept; 0: as they are", low=0)

    def shares(self) -> dict[str, float]:
        """The kinds of pictures that are used."""
        shares = {kind: float(getattr(self, f"{kind}_share")) for kind in KINDS}
        return {kind: share for kind, share in shares.items() if share}


KINDS = ("larynx", "throat", "demo", "hq", "oral")

Degradation = Callable[..., tuple[Image, Image]]
"""`recipes.training_pair`, or what is called like it."""


def degradation(config: DataConfig) -> Degradation:
    """What a config draws over clean pictures.

    Raises:
        ConfigError: `left_out` names what is no family.
    """
    return FogPairs(taught_without(config.left_out)) if config.fog == "families" else training_pair


@dataclass(frozen=True)
class Group:
    """Pictures of one kind and how they may be varied.

    Attributes:
        pictures: RGB uint8, any size.
        share: how often a pair comes from this group, relative to the others.
        tone: how far tone and colour may be varied, 0 to 1.
        turns: whether quarter turns and vertical flips are plausible (a larynx has no fixed up, a throat has).
    """

    pictures: Sequence[Image] | PictureStore
    share: float
    tone: float
    turns: bool


OPTIONS = {"larynx": "--larynx", "throat": "--throats", "hq": "--manifest", "oral": "--oral", "demo": "--demo"}
"""By which option of `edge-train student` the pictures of a kind are given."""


def shares_of(config: DataConfig, given: Collection[str], *, takes_lq: bool) -> DataConfig:
    """The shares of a run: all from the manifest, where that is all that is given and the config has none for it.

    Args:
        given: kinds whose pictures the command line names.
        takes_lq: the run takes the manifest's LQ, so its HQ may have no share.
    """
    if list(given) != ["hq"] or config.hq_share or takes_lq:
        return config
    return replace(config, **{f"{kind}_share": float(kind == "hq") for kind in KINDS})


def refuse_idle(config: DataConfig, given: Collection[str], *, takes_lq: bool) -> None:
    """Raises ConfigError where pictures are given that no share uses; arguments as of `shares_of`."""
    shares = config.shares()
    for kind in given if shares else ():
        if kind not in shares and not (kind == "hq" and takes_lq):
            key = f"student.data.{kind}_share"
            raise ConfigError(
                f"{OPTIONS[kind]}: {key} = 0, so none of its pictures would be used; give it a share with "
                f"--set {key}=0.5, or leave {OPTIONS[kind]} out"
            )


def clean_paths(config: DataConfig, given: Mapping[str, Sequence[Path]], demo: Path | None) -> dict[str, list[Path]]:
    """Training pictures of each kind that has a share.

    Args:
        given: HQ training pictures of the manifest of each kind.
        demo: folder with truth_*.png.

    Raises:
        InputOutputError: a kind with a share has no pictures.
    """
    found: dict[str, list[Path]] = {}
    for kind, share in config.shares().items():
        if kind == "demo":
            found[kind] = sorted(demo.glob("truth_*.png")) if demo else []
            if not found[kind]:
                raise InputOutputError(
                    f"--demo {demo}: no truth_*.png; make them with "
                    "python -m edge.sources.demo --kind truth --variety --count 240 --output DIR"
                )
            continue
        found[kind] = list(given.get(kind, ()))
        if not found[kind]:
            raise InputOutputError(
                f"student.data.{kind}_share = {share}: no picture of domain hq, split train; give {OPTIONS[kind]} a "
                "manifest of edge-train prepare, or set the share to 0"
            )
    return found


def read_groups(config: DataConfig, paths: Mapping[str, Sequence[Path]], cache_gib: float) -> list[Group]:
    """The groups of `clean_paths`; the memory for decoded pictures is divided by their number.

    Raises:
        ConfigError: no kind has a share.
        InputOutputError: a picture cannot be read.
    """
    shares = config.shares()
    if not shares:
        raise ConfigError("student.data: every data share is 0; give at least one of them a share")
    total = sum(len(paths[kind]) for kind in shares)
    return [
        Group(
            PictureStore(paths[kind], cache_gib * len(paths[kind]) / total, config.longest_px),
            share,
            float(getattr(config, f"{kind}_tone")),
            turns=kind == "larynx",
        )
        for kind, share in shares.items()
    ]


@dataclass(frozen=True)
class Parts:
    """What an item holds, in this order.

    Attributes:
        size: width_px, height_px of all but the frame: the network's size.
        pair: `lq`, `gt`.
        later: `later_lq`, `later_gt`, `motion`: the same scene a moment later, and how it moved.
        frame: size (width_px, height_px) of `frame`, `truth`, cut from the camera's own pixels; None leaves them out.
        real: `real`, a real poor picture without a truth.
    """

    size: tuple[int, int] = NETWORK_SIZE
    pair: bool = True
    later: bool = False
    frame: tuple[int, int] | None = None
    real: bool = False

    def names(self) -> tuple[str, ...]:
        held = ["lq", "gt"] if self.pair or self.later else []
        held += ["later_lq", "later_gt", "motion"] if self.later else []
        held += ["frame", "truth"] if self.frame else []
        return (*held, "real") if self.real else tuple(held)


PAIR = Parts()


class StudentDataset(Dataset[tuple[Tensor, ...]]):
    """Item i of a seed: always the same pictures, whoever asks and when.

    Items are uint8 (3, H, W), `motion` float32 (3,): dx and dy in the network's pixels, and zoom. A point p of `gt`,
    seen from the middle of the picture, is at zoom * p + (dx, dy) in `later_gt`.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        seed: int,
        parts: Parts = PAIR,
        real: PictureStore | Sequence[Image] = (),
        degrade: Degradation = training_pair,
        first_moment: int = 0,
    ) -> None:
        """`first_moment` is the item from which later moments are moments: before, they are the first one again."""
        self.groups, self.seed, self.parts, self.real, self.degrade = groups, seed, parts, real, degrade
        self.first_moment = first_moment
        total = sum(group.share for group in groups)
        self._shares = np.array([group.share / total for group in groups])

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        item: list[Tensor] = []
        if self.parts.pair or self.parts.later:
            item += self._pair(index)
        if self.parts.frame:
            item += self._frame(index, self.parts.frame)
        if self.parts.real:
            rng = np.random.default_rng((self.seed, index, 3))
            picture = _usable(self.real, int(rng.integers(len(self.real))))
            item.append(as_planes(random_view(picture, rng, self.parts.size)))
        return tuple(item)

    def _clean(self, rng: np.random.Generator) -> tuple[Image, Group]:
        group = self.groups[int(rng.choice(len(self.groups), p=self._shares))]
        return _usable(group.pictures, int(rng.integers(len(group.pictures)))), group

    def _pair(self, index: int) -> list[Tensor]:
        rng = np.random.default_rng((self.seed, index))
        picture, group = self._clean(rng)
        clean = random_view(picture, rng, self.parts.size, turns=group.turns)
        if group.tone:
            clean = vary_tone(clean, rng, group.tone)
        again = copy.deepcopy(rng)
        item = [as_planes(picture) for picture in self.degrade(clean, rng)]
        if self.parts.later and index < self.first_moment:
            item += [*item, torch.tensor([0.0, 0.0, 1.0])]
        elif self.parts.later:
            moment = np.random.default_rng((self.seed, index, 1))
            motion = np.array([*moment.uniform(-MOTION_PX, MOTION_PX, 2), 1 + moment.uniform(-ZOOM, ZOOM)], np.float32)
            later = self.degrade(moved(clean, motion), again, thinning=moment.uniform(*THINNING), noise=moment)
            item += [*(as_planes(picture) for picture in later), torch.from_numpy(motion)]
        return item

    def _frame(self, index: int, size: tuple[int, int]) -> list[Tensor]:
        rng = np.random.default_rng((self.seed, index, 2))
        picture, group = self._clean(rng)
        if group.turns:
            picture = np.rot90(picture, int(rng.integers(0, 4)))
        clean = random_view(picture, rng, size, smallest=native_share(picture, size))
        if group.tone:
            clean = vary_tone(clean, rng, group.tone)
        return [as_planes(picture) for picture in self.degrade(clean, rng, noise_gain=FRAME_NOISE_GAIN)]


def native_share(picture: Image, size: tuple[int, int]) -> float:
    """Width of a view at the picture's own pixels over that of the largest; 1 where it would have to be enlarged."""
    largest = min(picture.shape[1], picture.shape[0] * size[0] / size[1])
    return min(1.0, size[0] / largest)


def moved(picture: Image, motion: np.ndarray) -> Image:
    """The picture after a camera's motion (dx_px, dy_px, zoom) about its middle; mirrored where nothing was seen."""
    height, width = picture.shape[:2]
    dx, dy, zoom = (float(x) for x in motion)
    cx, cy = (width - 1) / 2, (height - 1) / 2
    matrix = np.array([[zoom, 0, cx - zoom * cx + dx], [0, zoom, cy - zoom * cy + dy]])
    border = cv2.BORDER_REFLECT_101
    return np.asarray(cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=border))


def _usable(pictures: Sequence[Image] | PictureStore, number: int) -> Image:
    picture = pictures[number]
    height, width = picture.shape[:2]
    if min(height, width) < SMALLEST_PX:
        name = str(pictures.paths[number]) if isinstance(pictures, PictureStore) else f"picture {number}"
        raise InputOutputError(f"{name}: {width}x{height} px, expected {SMALLEST_PX} px and more; remove it")
    return picture
