"""The pictures of one case and what is measured of them."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from edge.basics.errors import InputOutputError
from edge.pictures.files import read_picture
from edge.pictures.image import Image
from trainer.data.camera import Camera
from trainer.data.fogs.catalogue import FAMILIES
from trainer.judging.comparing import reproducibility as kept
from trainer.judging.comparing.detail import detail
from trainer.judging.comparing.methods import Compared, as_frame, shrunken
from trainer.judging.comparing.plan import Planned
from trainer.judging.comparing.records import HQ, ORIGINAL, MethodOfRun, encoded
from trainer.judging.fogs.gains import at_best_exposure
from trainer.judging.fogs.sets import SEED, seen, within_network_size
from trainer.judging.fogs.unreferenced import unreferenced
from trainer.judging.judged import at_network_size
from trainer.judging.metrics import psnr_for_means, ssim
from trainer.networks.vgg_features import VggFeatures
from trainer.prepare.screening import scores


@dataclass(frozen=True)
class Yardsticks:
    """Measures that take a file of weights; None leaves their columns out."""

    vgg: VggFeatures | None = None
    niqe: Callable[[Image], float | None] | None = None


@dataclass(frozen=True)
class Found:
    """What one method made, its measures, and its point for KID (`Record.features`)."""

    picture: Image
    measures: dict[str, float]
    features: str


@dataclass
class Scene:
    """A case's pictures, RGB uint8 of one size, and what is computed of them once for all methods.

    Attributes:
        original: foggy.
        truth: None where there is none.
    """

    original: Image
    truth: Image | None
    yardsticks: Yardsticks
    _features: torch.Tensor | None = field(default=None, init=False)

    def features(self) -> torch.Tensor | None:
        """What VGG16 sees in the original."""
        if self._features is None and self.yardsticks.vgg is not None:
            self._features = kept.features_of(self.yardsticks.vgg, self.original)
        return self._features


def scene_of(plan: Planned, yardsticks: Yardsticks) -> Scene:
    """Reads and, where the fog is drawn, degrades; the same on every machine.

    Raises:
        InputOutputError: a picture cannot be read, or the two of a pair differ in size.
    """
    if plan.case.kind in ("pairs", "real"):
        return Scene(*_real_pair(plan), yardsticks)
    assert plan.truth is not None
    picture = at_network_size(read_picture(plan.truth))
    case = plan.case
    words = (case.kind, case.source, case.fog)
    rng = np.random.default_rng((SEED, *(zlib.crc32(w.encode()) for w in words), round(1000 * case.strength)))
    camera, fog = Camera.draw(rng), FAMILIES[case.fog].draw(rng, case.strength)
    pair = seen(picture, fog, camera, rng)
    return Scene(pair.foggy, pair.truth, yardsticks)


def _real_pair(plan: Planned) -> tuple[Image, Image | None]:
    assert plan.foggy is not None
    foggy = read_picture(plan.foggy)
    if plan.truth is None:
        return within_network_size(foggy), None
    truth = read_picture(plan.truth)
    check_one_size((plan.foggy, foggy), (plan.truth, truth))
    return within_network_size(foggy), within_network_size(truth)


def check_one_size(one: tuple[Path, Image], other: tuple[Path, Image]) -> None:
    """Raises InputOutputError, which names both files, where two pictures differ in size."""
    (path, a), (mate, b) = one, other
    if a.shape != b.shape:
        sizes = [f"{picture.shape[1]}x{picture.shape[0]} px" for picture in (a, b)]
        raise InputOutputError(f"{path} has {sizes[0]} and {mate} {sizes[1]}; give pairs of one size")


def measured(scene: Scene, row: MethodOfRun, compared: Compared) -> Found:
    """One method on one scene."""
    if row.kind == ORIGINAL:
        picture = scene.original
    elif row.kind == HQ:
        assert scene.truth is not None
        picture = scene.truth
    else:
        picture = compared.dehazers[row.name](scene.original)
    measures = quality(picture, scene.yardsticks)
    features = None
    if scene.yardsticks.vgg is not None:
        is_original = row.kind == ORIGINAL
        features = scene.features() if is_original else kept.features_of(scene.yardsticks.vgg, picture)
    if row.kind != ORIGINAL:
        measures |= _reproducibility(scene, picture, features)
    if row.name in compared.dehazers:
        enlarged = compared.enlarged(row.name, as_frame(scene.original), picture)
        measures["consistency"] = psnr_for_means(shrunken(enlarged), picture)
    if scene.truth is not None and row.kind != HQ:
        measures |= against_truth(picture, scene.original, scene.truth)
    return Found(picture, measures, "" if features is None else encoded(kept.pooled(features)))


def quality(picture: Image, yardsticks: Yardsticks) -> dict[str, float]:
    found = {}
    if yardsticks.niqe is not None and (value := yardsticks.niqe(picture)) is not None:
        found["niqe"] = value
    return found | {"contrast": unreferenced(picture).contrast, "haze": scores(picture).haze}


def _reproducibility(scene: Scene, picture: Image, features: torch.Tensor | None) -> dict[str, float]:
    difference, hue = kept.colour_differences(picture, scene.original)
    found = {
        "structure_ssim": kept.structure_ssim(picture, scene.original),
        "structure_gradients": kept.structure_gradients(picture, scene.original),
        "colour_de00": difference,
        "colour_hue": hue,
    }
    original = scene.features()
    if features is not None and original is not None:
        found["texture_vgg"] = kept.texture_distance(features, original)
    return found


def against_truth(picture: Image, original: Image, truth: Image) -> dict[str, float]:
    before, after = (psnr_for_means(of, truth) for of in (original, picture))
    best = [psnr_for_means(at_best_exposure(of, truth), truth) for of in (original, picture)]
    recovered, invented = detail(picture, original, truth)
    return {
        "psnr": after,
        "gain": after - before,
        "gain_best": best[1] - best[0],
        "ssim": ssim(picture, truth),
        "detail_recovered": recovered,
        "detail_invented": invented,
    }
