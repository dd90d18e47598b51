"""Foggy pictures whose truth is known: of every family, of fogs with one thing plain, and real pairs."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.basics.errors import InputOutputError
from edge.pictures.files import read_picture
from edge.pictures.geometry import NETWORK_HEIGHT_PX, NETWORK_WIDTH_PX
from edge.pictures.image import Image
from trainer.data.camera import Camera
from trainer.data.degradations import Linear, illumination_falloff
from trainer.data.fogs.airlight import Airlight
from trainer.data.fogs.catalogue import FAMILIES, Fog
from trainer.data.fogs.forward_scatter import ForwardScatter

STRENGTHS = (0.25, 0.5, 0.85)
SEED = 20262


@dataclass(frozen=True)
class Pair:
    """A foggy picture and its truth, RGB uint8, one size."""

    foggy: Image
    truth: Image


def family_pairs(family: str, strength: float, truths: Sequence[Image]) -> Iterator[Pair]:
    """Each picture through a fog of the family and a camera of its own; the same on every machine."""
    for number, picture in enumerate(truths):
        rng = np.random.default_rng((SEED, zlib.crc32(family.encode()), round(1000 * strength), number))
        camera, fog = Camera.draw(rng), FAMILIES[family].draw(rng, strength)
        yield seen(picture, fog, camera, rng)


def seen(picture: Image, fog: Fog, camera: Camera, rng: np.random.Generator) -> Pair:
    clear = camera.light(picture)
    foggy = fog.apply(clear)
    return Pair(camera.picture(foggy * camera.gains(clear, foggy), rng), camera.perfect().picture(clear))


def clear_pairs(truths: Sequence[Image]) -> Iterator[Pair]:
    """Pictures as they are, with a sensor's noise of half a level: an exact picture has no finite PSNR to lose."""
    for number, picture in enumerate(truths):
        rng = np.random.default_rng((SEED, number))
        camera = Camera(read=0.5)
        yield Pair(camera.picture(camera.light(picture), rng), picture)


@dataclass(frozen=True, slots=True)
class Breath:
    """A film that takes light, throws half of it a little aside, and is lit by the scene's own uneven light.

    Attributes:
        depth: optical depth, the same everywhere.
    """

    depth: float

    def thinned(self, factor: float) -> Breath:
        return Breath(self.depth * factor)

    def apply(self, linear: Linear) -> Linear:
        t = np.float32(np.exp(-self.depth))
        aside = ForwardScatter(1.0, 0.0, 16 / 480, 1.0, 0).apply(linear)
        small = cv2.resize(linear, (32, 18), interpolation=cv2.INTER_AREA)
        near = cv2.GaussianBlur(small, (0, 0), 4, borderType=cv2.BORDER_REFLECT).mean(2, keepdims=True)
        lit = cv2.resize(near, linear.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None]
        return np.asarray(t * linear + (1 - t) * (0.5 * aside + 0.9 * lit), np.float32)


def _veil(level: float) -> Airlight:
    return Airlight(0.5, 0.0, level, (1.0, 1.0, 1.0), False, 0.0, 1)


PLAIN: Mapping[str, tuple[Fog, Camera]] = {
    "breath, uneven light, faint": (Breath(0.45), Camera(gamma=2.2)),
    "breath, uneven light, middle": (Breath(0.8), Camera(gamma=2.2)),
    "breath, uneven light, heavy": (Breath(1.1), Camera(gamma=2.2)),
    "veil, level 0.3": (_veil(0.3), Camera(gamma=2.2)),
    "veil, level 0.6": (_veil(0.6), Camera(gamma=2.2)),
    "veil, level 0.9": (_veil(0.9), Camera(gamma=2.2)),
    "veil 0.6, exposure held": (_veil(0.6), Camera(gamma=2.2, exposure_hold=1.0)),
    "veil 0.9, exposure held": (_veil(0.9), Camera(gamma=2.2, exposure_hold=1.0)),
    "veil 0.6, tone curve 1.3": (_veil(0.6), Camera(gamma=1.3)),
    "forward scatter alone": (ForwardScatter(0.35, 0.0, 10 / 480, 1.0, 3), Camera(gamma=2.2)),
}
"""Fogs with one thing plain each, whose parameters no draw decides: what of a network's trouble comes from what."""


def plain_pairs(name: str, truths: Sequence[Image]) -> Iterator[Pair]:
    """Each picture through one plain fog; under a breath the lamp falls off to one side, in the truth too."""
    fog, camera = PLAIN[name]
    for number, picture in enumerate(truths):
        rng = np.random.default_rng((SEED, number))
        if isinstance(fog, Breath):
            lit = illumination_falloff(camera.light(picture), 0.8, (0.35, 0.4))
            picture = camera.picture(lit)
        yield seen(picture, fog, camera, rng)


def real_pairs(folder: Path) -> dict[str, Pair]:
    """`pair_NAME_hazy.png` and `pair_NAME_clear.png`, at most as wide as the network's picture.

    Raises:
        InputOutputError: a half is missing, the halves differ in size, or there is none.
    """
    pairs = {}
    for path in sorted(folder.glob("pair_*_hazy.*")):
        name = path.stem.removeprefix("pair_").removesuffix("_hazy")
        foggy, truth = read_picture(path), read_picture(path.with_stem(f"pair_{name}_clear"))
        if foggy.shape != truth.shape:
            raise InputOutputError(f"{path}: {foggy.shape[1]}x{foggy.shape[0]} px beside a truth of another size")
        pairs[name] = Pair(within_network_size(foggy), within_network_size(truth))
    if not pairs:
        raise InputOutputError(f"{folder}: no pair_NAME_hazy and pair_NAME_clear in it; give the folder that has them")
    return pairs


def within_network_size(picture: Image) -> Image:
    """The whole picture, shrunk to fit into 480x270 where it is larger; sides even."""
    height, width = picture.shape[:2]
    scale = min(1.0, NETWORK_WIDTH_PX / width, NETWORK_HEIGHT_PX / height)
    size = (round(width * scale / 2) * 2, round(height * scale / 2) * 2)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
