"""Both generators of the dehazing module learn simulated pairs before they learn unpaired pictures.

Not in the paper: a GAN from nothing wants days of a GPU, pairs take a few hours of a CPU to the same place. Regression
towards a fog that no picture foretells gives its mean, so the way HQ -> LQ is learnt less often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from edge.basics.errors import ConfigError, InputOutputError
from edge.basics.settings import setting
from edge.pictures.image import Image
from trainer.data.pictures import PictureStore
from trainer.data.student_items import Group, Parts, StudentDataset
from trainer.losses.distances import PAIR_WEIGHTS, pair_loss
from trainer.networks.resnet_generator import ResnetGenerator
from trainer.stages.idm import IdmConfig, fog_of
from trainer.stages.idm_start import GENERATORS
from trainer.training.checkpoint import Tensors, described, flattened
from trainer.training.learner import Adam, Learner, Terms
from trainer.training.loop import LoopConfig
from trainer.training.parallel import Placement
from trainer.training.schedules import warm_cosine
from trainer.training.stage import Stage, flat_settings, grid, to_device

NUM_PROBES = 4
PRODUCT = "generators.safetensors"


@dataclass(frozen=True)
class WarmStartConfig:
    """The table [warm_start]; pictures, their fog and the generators' size are those of [idm]."""

    steps: int = setting(0, "optimiser steps; 0: the paper's way, from nothing", low=0)
    batch: int = setting(2, "pairs a step, over all processes", low=1)
    learning_rate: float = setting(1e-3, "peak learning rate of Adam", low=0.0)
    warmup_steps: int = setting(50, "steps of linear warm-up before the cosine decay", low=0)
    reverse_every: int = setting(3, "every how many steps the generator HQ -> LQ learns too", low=1)
    gradient_weight: float = setting(PAIR_WEIGHTS[0], "weight of the gradient loss beside L1", low=0.0)
    squared_weight: float = setting(PAIR_WEIGHTS[1], "weight of the squared error beside L1", low=0.0)
    loop: LoopConfig = field(default_factory=LoopConfig)


class PairObjective(nn.Module):
    """How far a generator is from the other half of its pairs; both in [-1, 1], the losses as in [0, 1]."""

    def __init__(self, generator: ResnetGenerator, gradient_weight: float, squared_weight: float) -> None:
        super().__init__()
        self.generator, self.weights = generator, (gradient_weight, squared_weight)

    def forward(self, given_BCHW: Tensor, wanted_BCHW: Tensor) -> tuple[Terms, None]:
        out = self.generator(given_BCHW).float()
        return {"total": pair_loss(out, wanted_BCHW, *self.weights)}, None


class WarmStartStage(Stage):
    """One learner a generator: they share nothing but the pairs."""

    kind: ClassVar[str] = "warm-start"
    memory_advice: ClassVar[str] = "warm_start.batch, or idm.width_px and idm.height_px"

    def __init__(
        self,
        config: WarmStartConfig,
        idm: IdmConfig,
        probes: tuple[Tensor, Tensor],
        place: Placement,
        data: Mapping[str, str],
    ) -> None:
        """
        Args:
            probes: pairs (LQ, HQ), uint8 (N, 3, H, W), for the sample pictures.
            data: what the pictures were; part of the settings that a continued run must share.
        """
        torch.manual_seed(config.loop.seed)
        self.config, self.place, self.batch, self.steps, self.probes = config, place, config.batch, config.steps, probes
        shared = {key: value for key, value in asdict(idm).items() if key in SHARED}
        self.settings = {**flat_settings(asdict(config), "warm_start"), **flat_settings(shared, "idm"), **data}
        self.shape = idm.generator
        self.about = {"fogs": ",".join(fog_of(idm).names)}
        self.learners = {name: self._learner(name) for name in GENERATORS}
        self.reverse = torch.zeros(())  # a run that was killed between two of its steps goes on with the last one

    def _learner(self, name: str) -> Learner:
        config = self.config
        network = ResnetGenerator(self.shape)
        objective = PairObjective(network, config.gradient_weight, config.squared_weight)
        adam = Adam((0.9, 0.99), warm_cosine(config.learning_rate, config.steps, config.warmup_steps), clip=1.0)
        return Learner({name: network}, objective, adam, config.loop.arithmetic(), self.place)

    def _pairs(self, batch: Sequence[Tensor]) -> list[Tensor]:
        layout = self.config.loop.channels_last
        return [to_device(part, self.place.device, layout).mul_(2).sub_(1) for part in batch]

    def step(self, batch: tuple[Tensor, ...], number: int) -> Terms:
        lq, hq = self._pairs(batch)
        terms = self.learners["gen_lq_to_hq"].move(number, lq, hq)[0]
        if number % self.config.reverse_every == 0:
            self.reverse = self.learners["gen_hq_to_lq"].move(number, hq, lq)[0]["total"]
        return {**terms, "reverse": self.reverse}

    @torch.no_grad()
    def sample(self) -> Image:
        """Rows of LQ, G(LQ), HQ and F(HQ)."""
        to_hq, to_lq = (self.learners[name].averages[name] for name in GENERATORS)
        lq, hq = self._pairs(self.probes)
        return grid([(column.float() + 1) / 2 for column in (lq, to_hq(lq), hq, to_lq(hq))])

    def extra(self) -> Tensors:
        return {"reverse": self.reverse.detach()}

    def restore_extra(self, tensors: Tensors) -> None:
        self.reverse = tensors.get("reverse", self.reverse).to(self.place.device)

    def products(self) -> Mapping[str, tuple[Tensors, Mapping[str, str]]]:
        """Both generators in one file, and G alone, as `edge-train evaluate` judges it."""
        averages = {name: self.learners[name].averages[name] for name in GENERATORS}
        both: Tensors = {}
        for name, network in averages.items():
            both |= flattened(name, network.state_dict())
        of_one = {**described("resnet_generator", self.shape), **self.about}
        return {
            PRODUCT: (both, {**described("generators", self.shape), **self.about}),
            "idm.safetensors": (averages["gen_lq_to_hq"].state_dict(), of_one),
        }


SHARED = ("width_px", "height_px", "smallest", "longest_px", "fog", "left_out", "tone", "generator")
"""What the pairs take from [idm]."""


def check_start(config: WarmStartConfig, init: Path | None) -> None:
    """Raises ConfigError where a config and `--init` do not say the same about how the generators begin."""
    if config.steps and init is None:
        raise ConfigError(
            f"warm_start.steps = {config.steps}: the config begins from learnt pairs; make them with edge-train "
            f"warm-start and give --init RUN/{PRODUCT}, or set warm_start.steps to 0"
        )
    if init is not None and not config.steps:
        raise ConfigError(f"--init {init}: the config begins from nothing, warm_start.steps = 0; leave --init out")


def prepare_warm_start(
    config: WarmStartConfig, idm: IdmConfig, train: Sequence[Path], place: Placement, data: Mapping[str, str]
) -> tuple[WarmStartStage, StudentDataset]:
    """All that `loop.fit` needs, from the paths of clean pictures.

    Raises:
        ConfigError: no steps, or pictures that are not to be fogged.
        InputOutputError: no picture, or one that cannot be read or is too small.
    """
    if not config.steps:
        raise ConfigError("warm_start.steps = 0: the config begins from nothing; leave this command out, or set it")
    if idm.fog != "families":
        raise ConfigError(f"idm.fog = {idm.fog!r}: pairs are simulated; expected 'families'")
    if not train:
        raise InputOutputError("warm-start: no picture to train on; the manifest needs domains lq and hq, split train")
    store = PictureStore(train, config.loop.cache_gib, idm.longest_px)
    group = Group(store, 1.0, idm.tone, turns=False)
    parts = Parts(size=(idm.width_px, idm.height_px), pair=True)
    dataset = StudentDataset([group], config.loop.seed, parts, degrade=fog_of(idm))
    unseen = range(config.steps * config.batch, config.steps * config.batch + NUM_PROBES)
    lq, hq = (torch.stack(column) for column in zip(*(dataset[i] for i in unseen), strict=True))
    return WarmStartStage(config, idm, (lq, hq), place, data), dataset
