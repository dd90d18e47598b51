"""The image super-resolution module: ESRGAN with MIINet's crops and blur (MIINet 2.2, 3.3)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from edge.basics.errors import ConfigError, InputOutputError
from edge.basics.settings import setting
from edge.pictures.image import Image
from trainer.data.pictures import PictureStore
from trainer.data.sr_pairs import SuperResolutionDataset, bicubic_x4, centre_pairs
from trainer.losses.isr import DiscriminatorObjective, GeneratorObjective, IsrWeights, PixelObjective
from trainer.networks.rrdb import SCALE, Rrdb, RrdbConfig
from trainer.networks.rrdb_weights import load_init
from trainer.networks.vgg_discriminator import SHRUNK, VggDiscriminator, VggDiscriminatorConfig
from trainer.networks.vgg_features import VggFeatures
from trainer.training.checkpoint import Tensors, described
from trainer.training.learner import Adam, Learner, Terms, frozen
from trainer.training.loop import LoopConfig
from trainer.training.parallel import Placement
from trainer.training.schedules import Rate, halved_at
from trainer.training.stage import Stage, flat_settings, grid, to_device

NUM_PROBES = 4


@dataclass(frozen=True)
class IsrConfig:
    """The table [isr]; the defaults are MIINet's, and ESRGAN's where it says "as ESRGAN".

    ESRGAN's paper keeps no averaged weights; its authors' later code does, with the decay 0.999 that `loop` has.
    """

    phase: str = setting("l1", "first l1, then gan from its weights (ESRGAN 4.1)", choices=("l1", "gan"))
    crop_px: int = setting(224, "side of the HR and of what the discriminator sees (MIINet 2.2, 3.3)", low=32)
    blur_sigma_px: float = setting(5.0, "blur of the LR, in its own pixels (MIINet 3.3)", low=0.0)
    blur_share: float = setting(0.5, "share of LR that is blurred; MIINet 3.3 says: at random", low=0.0, high=1.0)
    epochs: int = setting(400, "passes over the pictures, a crop of each (MIINet 3.3)", low=1)
    steps: int = setting(0, "steps instead of epochs; ESRGAN 4.1: l1 1000000, gan 400000", low=0)
    batch: int = setting(16, "crops a step, over all processes (ESRGAN 4.1)", low=1)
    l1_rate: float = setting(2e-4, "Adam's in phase l1 (ESRGAN 4.1)", low=0.0)
    l1_halved_at: str = setting("0.2 0.4 0.6 0.8", "shares of phase l1: each 2e5 of 1e6 steps (ESRGAN 4.1)")
    gan_rate: float = setting(1e-4, "Adam's in phase gan, of both networks (ESRGAN 4.1)", low=0.0)
    gan_halved_at: str = setting(
        "0.125 0.25 0.5 0.75", "shares of phase gan: 50k, 100k, 200k, 300k of 400k steps (ESRGAN 4.1)"
    )
    beta1: float = setting(0.9, "Adam's first decay (ESRGAN 4.1)", low=0.0, high=1.0)
    beta2: float = setting(0.999, "Adam's second decay (ESRGAN 4.1; its later code: 0.99)", low=0.0, high=1.0)
    perceptual_weight: float = setting(1.0, "weight of the VGG features' L1 (ESRGAN 3.4, eq. 3)", low=0.0)
    adversarial_weight: float = setting(
        5e-3, "weight of eq. 2's sum (ESRGAN 4.1); ESRGAN's code has its mean: 2.5e-3 here", low=0.0
    )
    pixel_weight: float = setting(1e-2, "weight of the pixels' L1 in phase gan (ESRGAN 4.1)", low=0.0)
    vgg: str = setting("", "VGG weights for phase gan, torchvision's names; relative to the config file or absolute")
    vgg_layer: str = setting(
        "vgg19.conv5_4", "before its ReLU (ESRGAN 3.4)", choices=("vgg19.conv5_4", "vgg16.conv5_3")
    )
    checkpointed: bool = setting(False, "compute activations twice instead of keeping them: less memory, slower")
    disc_num_feat: int = setting(64, "channels of the discriminator's first stage (ESRGAN's code)", low=1)
    generator: RrdbConfig = field(default_factory=RrdbConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)


class IsrStage(Stage):
    """Phase l1: the generator alone. Phase gan: the generator, then the discriminator, in every step."""

    kind: ClassVar[str] = "isr"
    memory_advice: ClassVar[str] = (
        "isr.batch or isr.crop_px, or set isr.checkpointed to true or isr.loop.precision to bf16"
    )

    def __init__(
        self,
        config: IsrConfig,
        steps: int,
        place: Placement,
        data: Mapping[str, str],
        probes: tuple[Tensor, Tensor],
        init: Path | None = None,
    ) -> None:
        """
        Args:
            data: what the pictures were; part of the settings that a continued run must share.
            probes: held-out crops (LR, HR), uint8 (N, 3, h, w) and (N, 3, 4h, 4w), for the sample pictures.
            init: weights that the generator starts from (`load_init`).

        Raises:
            ConfigError: phase gan without weights to start from or without a VGG, or a crop that does not divide.
            ModelError: `init` or the VGG's file does not fit.
        """
        _check(config, init)
        torch.manual_seed(config.loop.seed)
        self.config, self.place, self.batch, self.steps, self.probes = config, place, config.batch, steps, probes
        self.settings = {**flat_settings(asdict(config), "isr"), "steps": steps, "isr.init": _sha256(init), **data}
        del self.settings["isr.checkpointed"]  # changes no number, and is what one sets where memory ran out
        generator = Rrdb(config.generator, checkpointed=config.checkpointed)
        if init is not None:
            load_init(generator, init)
        if config.phase == "l1":
            self.learners = {"generator": self._learner({"generator": generator}, PixelObjective(generator))}
            return
        self.judge = VggDiscriminator(VggDiscriminatorConfig(config.disc_num_feat, config.crop_px))
        weights = IsrWeights(config.perceptual_weight, config.adversarial_weight, config.pixel_weight)
        objective = GeneratorObjective(generator, self.judge, self._features(), weights)
        self.learners = {
            "generator": self._learner({"generator": generator}, objective),
            "discriminator": self._learner({"discriminator": self.judge}, DiscriminatorObjective(self.judge), 0.0),
        }

    def _learner(self, networks: Mapping[str, nn.Module], objective: nn.Module, ema: float | None = None) -> Learner:
        config = self.config
        arithmetic = config.loop.arithmetic()
        if ema is not None:
            arithmetic = replace(arithmetic, ema_decay=ema)
        adam = Adam((config.beta1, config.beta2), rate_of(config, self.steps))
        return Learner(networks, objective, adam, arithmetic, self.place)

    def _features(self) -> VggFeatures | None:
        if not self.config.perceptual_weight:
            return None
        features = VggFeatures(Path(self.config.vgg), self.config.vgg_layer)
        layout = torch.channels_last if self.config.loop.channels_last else torch.contiguous_format
        return features.to(self.place.device, memory_format=layout)  # type: ignore[call-overload, no-any-return]

    def _pairs(self, batch: tuple[Tensor, ...]) -> list[Tensor]:
        return [to_device(part, self.place.device, self.config.loop.channels_last) for part in batch]

    def step(self, batch: tuple[Tensor, ...], number: int) -> Terms:
        lr, hr = self._pairs(batch)
        if self.config.phase == "l1":
            return self.learners["generator"].move(number, lr, hr)[0]
        with frozen(self.judge):
            terms, fake = self.learners["generator"].move(number, lr, hr)
        judged, _ = self.learners["discriminator"].move(number, hr, fake)
        return {**terms, "discriminator": judged.pop("total"), **judged}

    @torch.no_grad()
    def sample(self) -> Image:
        """Rows of bicubic, generated and true."""
        lr, hr = self._pairs(self.probes)
        with self.learners["generator"].autocast():
            fake = self.learners["generator"].averages["generator"](lr)
        return grid([bicubic_x4(lr), fake.float(), hr])

    def products(self) -> Mapping[str, tuple[Tensors, Mapping[str, str]]]:
        average = self.learners["generator"].averages["generator"]
        return {"isr.safetensors": (average.state_dict(), described("rrdb", self.config.generator))}


def _check(config: IsrConfig, init: Path | None) -> None:
    divisor = SHRUNK if config.phase == "gan" else SCALE
    if config.crop_px % divisor:
        raise ConfigError(f"isr.crop_px = {config.crop_px}: expected a multiple of {divisor}, such as 224")
    if config.phase == "l1":
        return
    if init is None:
        raise ConfigError("isr.phase = 'gan': needs weights to start from; train phase l1 first, or give --init FILE")
    if config.perceptual_weight and not config.vgg:
        network = config.vgg_layer.partition(".")[0].upper()
        raise ConfigError(
            f"isr.vgg = '': {config.vgg_layer} needs {network}'s weights; name their file, choose another "
            "isr.vgg_layer, or set isr.perceptual_weight to 0"
        )


def rate_of(config: IsrConfig, steps: int) -> Rate:
    """The phase's learning rate.

    Raises:
        ConfigError: the shares are not numbers from 0 to 1.
    """
    text: str = getattr(config, f"{config.phase}_halved_at")
    try:
        shares = [float(word) for word in text.split()]
    except ValueError:
        shares = [math.nan]
    if not all(0 <= share <= 1 for share in shares):
        raise ConfigError(
            f"isr.{config.phase}_halved_at = {text!r}: expected shares of the run from 0 to 1, such as '0.25 0.5'"
        )
    return halved_at(getattr(config, f"{config.phase}_rate"), steps, shares)


def _sha256(path: Path | None) -> str:
    """Empty where there is no file; who loads it says why a file cannot be read."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path is not None and path.is_file() else ""


def prepare_isr(
    config: IsrConfig,
    train: Sequence[Path],
    held_out: Sequence[Path],
    place: Placement,
    data: Mapping[str, str],
    init: Path | None = None,
) -> tuple[IsrStage, SuperResolutionDataset]:
    """All that `loop.fit` needs, from the paths of HQ pictures.

    Args:
        held_out: pictures for the samples; without any the training's are shown.
        data: what the pictures were; part of the settings that a continued run must share.
        init: weights that the generator starts from; phase gan needs them.

    Raises:
        ConfigError: a setting, or `init` missing in phase gan.
        InputOutputError: no picture, or one that cannot be read or is smaller than the crop.
        ModelError: `init` or the VGG's file does not fit.
    """
    if not train:
        raise InputOutputError("isr: no HQ picture to train on; the manifest needs pictures of domain hq, split train")
    _check(config, init)
    store = PictureStore(train, config.loop.cache_gib)
    dataset = SuperResolutionDataset(store, config.crop_px, config.blur_sigma_px, config.blur_share, config.loop.seed)
    steps = config.steps or math.ceil(config.epochs * dataset.epoch_length / config.batch)
    probes = centre_pairs(held_out or train, config.crop_px, NUM_PROBES)
    return IsrStage(config, steps, place, data, probes, init), dataset
