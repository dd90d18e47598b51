"""The image dehazing module: CycleGAN with a perceptual loss (MIINet 2.1, 3.2). beta 0 is the paper's CycleGAN."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from edge.basics.errors import ConfigError, InputOutputError
from edge.basics.settings import setting
from edge.pictures.image import Image
from trainer.data.fog_pairs import FogPairs, taught_without
from trainer.data.pictures import PictureStore
from trainer.data.unpaired import HQ, LQ, UnpairedDataset
from trainer.losses.idm import DiscriminatorObjective, GeneratorObjective
from trainer.networks.patch_discriminator import PatchDiscriminator, PatchDiscriminatorConfig
from trainer.networks.resnet_generator import ResnetGenerator, ResnetGeneratorConfig
from trainer.networks.vgg_features import VggFeatures
from trainer.stages.idm_start import load_warm_start
from trainer.stages.image_pool import ImagePool
from trainer.training.checkpoint import Tensors, described
from trainer.training.learner import Adam, Learner, Terms, frozen
from trainer.training.loop import LoopConfig
from trainer.training.parallel import Placement
from trainer.training.schedules import linear_decay, rising
from trainer.training.stage import Stage, flat_settings, grid, to_device


@dataclass(frozen=True)
class IdmConfig:
    """The table [idm]; the defaults are the paper's, and CycleGAN's where it says "as CycleGAN"."""

    width_px: int = setting(480, "width of a view (MIINet 3.2)", low=16)
    height_px: int = setting(270, "height of a view (MIINet 3.2)", low=16)
    enlarge: bool = setting(False, "whether smaller pictures may be enlarged to a view")
    variants: int = setting(23, "views of a picture, the same each epoch (MIINet 3.2); 0: always new", low=0)
    smallest: float = setting(0.55, "smallest view, share of the largest (random scale)", low=0.05, high=1.0)
    epochs: int = setting(400, "passes over the larger domain's views (MIINet 3.2)", low=1)
    steps: int = setting(0, "optimiser steps instead of epochs; 0: as many as the epochs take", low=0)
    batch: int = setting(1, "pairs of views a step, over all processes (CycleGAN 4)", low=1)
    learning_rate: float = setting(2e-4, "Adam's, halfway; then linear to 0 (CycleGAN 4)", low=0.0)
    beta1: float = setting(0.5, "Adam's first decay (CycleGAN's code)", low=0.0, high=1.0)
    beta2: float = setting(0.999, "Adam's second decay (CycleGAN's code)", low=0.0, high=1.0)
    lambda_cycle: float = setting(10.0, "weight of eq. (3) (MIINet 3.2)", low=0.0)
    beta: float = setting(1.5, "weight of eq. (4) (MIINet 3.2); 0: the paper's CycleGAN", low=0.0)
    lambda_identity: float = setting(0.0, "weight of CycleGAN's identity loss; eq. (5) has none", low=0.0)
    lambda_pair: float = setting(0.0, "weight of the distance to LQ without its fog; eq. (5) has none", low=0.0)
    discriminator_weight: float = setting(0.5, "factor on eqs. (1), (2) for the discriminators (CycleGAN 7.1)", low=0.0)
    pool: int = setting(50, "earlier fakes shown to a discriminator (CycleGAN 4)", low=0)
    fog: str = setting("none", "drawn over LQ pictures, which are clean then", choices=("none", "families"))
    left_out: tuple[str, ...] = setting((), "families of fog kept from training, beside those that always are")
    tone: float = setting(0.0, "how far the tone of views is varied", low=0.0, high=1.0)
    longest_px: int = setting(0, "longest side at which pictures are kept; 0: as they are", low=0)
    generator_warmup_steps: int = setting(0, "steps over which the generators' rate rises from 0", low=0)
    vgg: str = setting("", "VGG16 weights for eq. (4), torchvision's names; relative to the config file or absolute")
    generator: ResnetGeneratorConfig = field(default_factory=ResnetGeneratorConfig)
    discriminator: PatchDiscriminatorConfig = field(default_factory=PatchDiscriminatorConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(ema_decay=0.0))


class IdmStage(Stage):
    """Both generators, then both discriminators, in every step."""

    kind: ClassVar[str] = "idm"
    memory_advice: ClassVar[str] = "idm.batch, or idm.width_px and idm.height_px, or set idm.loop.precision to bf16"

    def __init__(
        self,
        config: IdmConfig,
        steps: int,
        place: Placement,
        data: Mapping[str, str],
        probes: tuple[Tensor, Tensor],
        init: Path | None = None,
    ) -> None:
        """
        Args:
            data: what the pictures were; part of the settings that a continued run must share.
            probes: held-out views (LQ, HQ), uint8 (N, 3, H, W), for the sample pictures.
            init: both generators as `edge-train warm-start` left them; None begins from nothing.

        Raises:
            ConfigError: beta without VGG16's weights, or `init` is of another size.
            ModelError: `init` cannot be read, or holds something else.
        """
        if config.beta and not config.vgg:
            raise ConfigError("idm.vgg = '': eq. (4) needs VGG16's weights; name their file, or set idm.beta to 0")
        if config.lambda_pair and config.fog == "none":
            told = f"idm.lambda_pair = {config.lambda_pair:g}: LQ has no truth where its fog is real"
            raise ConfigError(f"{told}; set idm.fog to families, or idm.lambda_pair to 0")
        torch.manual_seed(config.loop.seed)
        self.config, self.place, self.batch, self.steps, self.probes = config, place, config.batch, steps, probes
        generators = (ResnetGenerator(config.generator), ResnetGenerator(config.generator))
        self.about = {"fogs": ",".join(fog_of(config).names)} if config.fog == "families" else {}
        if init is not None:
            self.about |= load_warm_start(init, generators, config.generator)
        self.settings = {**flat_settings(asdict(config), "idm"), "steps": steps, **data}
        self.settings |= {key: value for key, value in self.about.items() if key != "warm_start"}  # its hash is there
        self.judges = (PatchDiscriminator(config.discriminator), PatchDiscriminator(config.discriminator))
        self.learners = {"generators": self._generators(generators), "discriminators": self._discriminators()}
        seed = 2 * config.loop.seed
        self.pools = {"lq": ImagePool(config.pool, seed), "hq": ImagePool(config.pool, seed + 1)}

    def _generators(self, networks: tuple[ResnetGenerator, ResnetGenerator]) -> Learner:
        config, arithmetic = self.config, self.config.loop.arithmetic()
        features = None
        if config.beta:
            layout = torch.channels_last if arithmetic.channels_last else torch.contiguous_format
            features = VggFeatures(Path(config.vgg), "vgg16.pool2")
            features.to(self.place.device, memory_format=layout)  # type: ignore[call-overload]
        objective = GeneratorObjective(
            networks,
            self.judges,
            features,
            lambda_cycle=config.lambda_cycle,
            beta=config.beta,
            lambda_identity=config.lambda_identity,
            lambda_pair=config.lambda_pair,
        )
        named = {"gen_lq_to_hq": networks[0], "gen_hq_to_lq": networks[1]}
        adam = self._adam()
        adam = replace(adam, rate_at=rising(adam.rate_at, config.generator_warmup_steps))
        return Learner(named, objective, adam, arithmetic, self.place)

    def _discriminators(self) -> Learner:
        arithmetic = replace(self.config.loop.arithmetic(), ema_decay=0.0)
        disc_hq, disc_lq = self.judges
        objective = DiscriminatorObjective(disc_hq, disc_lq, self.config.discriminator_weight)
        named = {"disc_hq": disc_hq, "disc_lq": disc_lq}
        return Learner(named, objective, self._adam(), arithmetic, self.place)

    def _adam(self) -> Adam:
        betas = (self.config.beta1, self.config.beta2)
        return Adam(betas, linear_decay(self.config.learning_rate, self.steps))

    def _views(self, batch: tuple[Tensor, ...]) -> list[Tensor]:
        layout = self.config.loop.channels_last
        return [to_device(part, self.place.device, layout).mul_(2).sub_(1) for part in batch]

    def step(self, batch: tuple[Tensor, ...], number: int) -> Terms:
        lq, hq, *truth = self._views(batch)
        with frozen(*self.judges):
            terms, (fake_lq, fake_hq) = self.learners["generators"].move(number, lq, hq, *truth)
        share = self.place.share_of(self.batch, "idm.batch")
        shown = [self.pools[name].exchange(fake, number, share) for name, fake in (("lq", fake_lq), ("hq", fake_hq))]
        judged, _ = self.learners["discriminators"].move(number, lq, hq, *shown)
        return {**terms, "disc_hq": judged["disc_hq"], "disc_lq": judged["disc_lq"]}

    @torch.no_grad()
    def sample(self) -> Image:
        """Rows of LQ, G(LQ), F(G(LQ)) and HQ, F(HQ), G(F(HQ))."""
        averages = self.learners["generators"].averages
        to_hq, to_lq = averages["gen_lq_to_hq"], averages["gen_hq_to_lq"]
        lq, hq = self._views(self.probes)
        with self.learners["generators"].autocast():
            fake_hq, fake_lq = to_hq(lq), to_lq(hq)
            columns = (lq, fake_hq, to_lq(fake_hq), hq, fake_lq, to_hq(fake_lq))
        return grid([(column.float() + 1) / 2 for column in columns])

    def products(self) -> Mapping[str, tuple[Tensors, Mapping[str, str]]]:
        average = self.learners["generators"].averages["gen_lq_to_hq"]
        metadata = {**described("resnet_generator", self.config.generator), **self.about}
        return {"idm.safetensors": (average.state_dict(), metadata)}

    def extra(self) -> Tensors:
        kept = {name: pool.pictures_NCHW for name, pool in self.pools.items()}
        return {f"pool_{name}": pictures for name, pictures in kept.items() if pictures is not None}

    def restore_extra(self, tensors: Tensors) -> None:
        for name, pool in self.pools.items():
            pictures = tensors.get(f"pool_{name}")
            pool.pictures_NCHW = None if pictures is None else pictures.to(self.place.device)


NUM_PROBES = 4


def fog_of(config: IdmConfig) -> FogPairs:
    """What is drawn over clean pictures where `fog` is "families"; raises ConfigError where `left_out` is wrong."""
    return FogPairs(taught_without(config.left_out))


def prepare_idm(
    config: IdmConfig,
    train: tuple[Sequence[Path], Sequence[Path]],
    held_out: tuple[Sequence[Path], Sequence[Path]],
    place: Placement,
    data: Mapping[str, str],
    init: Path | None = None,
) -> tuple[IdmStage, UnpairedDataset]:
    """All that `loop.fit` needs, from the paths of LQ and HQ pictures.

    Args:
        held_out: pictures for the samples; a domain without any shows its training pictures.
        data: what the pictures were; part of the settings that a continued run must share.
        init: both generators as `edge-train warm-start` left them; None begins from nothing.

    Raises:
        ConfigError: a setting, such as beta without VGG16's weights.
        InputOutputError: a domain without pictures, or one that cannot be read or is too small.
        ModelError: the VGG's file does not fit.
    """
    for domain, paths in zip(("LQ", "HQ"), train, strict=True):
        if not paths:
            raise InputOutputError(f"idm: no {domain} picture to train on; the manifest needs domain {domain.lower()}")

    def views(lq: Sequence[Path], hq: Sequence[Path], cache_gib: float) -> UnpairedDataset:
        return UnpairedDataset(
            PictureStore(lq, cache_gib / 2, config.longest_px),
            PictureStore(hq, cache_gib / 2, config.longest_px),
            (config.width_px, config.height_px),
            variants=config.variants,
            smallest=config.smallest,
            enlarge=config.enlarge,
            seed=config.loop.seed,
            fog=fog_of(config) if config.fog == "families" else None,
            tone=config.tone,
            truth=config.lambda_pair > 0,
        )

    dataset = views(*train, config.loop.cache_gib)
    shown = views(*(list(kept or used)[:NUM_PROBES] for kept, used in zip(held_out, train, strict=True)), 0)
    items = [shown[number] for number in range(NUM_PROBES)]
    lq, hq = (torch.stack([item[domain] for item in items]) for domain in (LQ, HQ))
    steps = config.steps or math.ceil(config.epochs * dataset.epoch_length / config.batch)
    return IdmStage(config, steps, place, data, (lq, hq), init), dataset
