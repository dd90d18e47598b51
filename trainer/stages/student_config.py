"""The table [student] of a training's TOML file, and the files that a run takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.basics.errors import ConfigError
from edge.basics.settings import setting
from edge.pictures.geometry import SCALE
from trainer.data.student_items import DataConfig, Parts
from trainer.losses.student import StudentWeights
from trainer.networks.student import StudentConfig
from trainer.training.loop import LoopConfig


@dataclass(frozen=True)
class StudentTraining:
    """The table [student]: how a student is trained. A weight of 0 leaves its term and what it costs out."""

    head: str = setting("guided", "how 480x270 becomes 1080p", choices=("guided", "isr"))
    steps: int = setting(6000, "optimiser steps", low=1)
    batch: int = setting(8, "items a step, over all processes", low=1)
    learning_rate: float = setting(1.5e-3, "peak learning rate of Adam", low=0.0)
    warmup_steps: int = setting(100, "steps of linear warm-up before the cosine decay", low=0)
    width_px: int = setting(480, "width of a view; the units' networks see 480", low=48)
    height_px: int = setting(270, "height of a view; the units' networks see 270", low=48)
    pair_weight: float = setting(1.0, "weight of synthetic pairs at the network's size", low=0.0)
    distill_weight: float = setting(0.0, "weight of the L1 distance to an IDM teacher's result", low=0.0)
    temporal_weight: float = setting(0.0, "weight of the flicker between two moments", low=0.0)
    frame_weight: float = setting(0.0, "weight of the loss at the camera's own pixels, after the head", low=0.0)
    isr_distill_weight: float = setting(0.0, "head isr: weight of the L1 distance to an ISR teacher's x4", low=0.0)
    gradient_weight: float = setting(0.5, "weight of the gradient loss, in pairs and frames", low=0.0)
    squared_weight: float = setting(5.0, "weight of the squared error, in pairs and frames", low=0.0)
    decibel_weight: float = setting(0.0, "weight of a decibel of PSNR, in pairs", low=0.0)
    harm_weight: float = setting(0.0, "weight of a decibel lost on a picture that comes out worse", low=0.0)
    decibels_from: int = setting(0, "step from which decibel_weight and harm_weight count", low=0)
    moments_from: int = setting(0, "step from which temporal_weight counts; a step before costs half", low=0)
    frame_width_px: int = setting(512, "width of what is cut from the camera's own pixels", low=64)
    frame_height_px: int = setting(288, "height of what is cut from the camera's own pixels", low=64)
    head_feat: int = setting(32, "head isr: its channels", low=1)
    head_block: int = setting(5, "head isr: its pairs of convolutions", low=0)
    network: StudentConfig = field(default_factory=StudentConfig)
    data: DataConfig = field(default_factory=DataConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(compile=True, checkpoint_every=200, sample_every=200))

    def weights(self) -> StudentWeights:
        taught = (self.pair_weight, self.distill_weight, self.temporal_weight, self.frame_weight)
        shape = (self.gradient_weight, self.squared_weight)
        return StudentWeights(*taught, self.isr_distill_weight, *shape, self.decibel_weight, self.harm_weight)

    @property
    def is_isr(self) -> bool:
        return self.head == "isr"

    def parts(self, num_lq: int) -> Parts:
        """What the weights ask of an item, where there are `num_lq` real poor pictures."""
        real = self.distill_weight > 0 and num_lq > 0
        return Parts(
            size=(self.width_px, self.height_px),
            pair=self.pair_weight > 0 or (self.distill_weight > 0 and not real),
            later=self.temporal_weight > 0,
            frame=(self.frame_width_px, self.frame_height_px) if self.frame_weight or self.isr_distill_weight else None,
            real=real,
        )


@dataclass(frozen=True)
class StudentInputs:
    """The files of a run.

    Attributes:
        clean: clean pictures by kind (`data.clean_paths`).
        lq: real poor pictures, without a truth; they take the place of synthetic ones in the distillation.
        teacher: `idm.safetensors`, for `distill_weight`.
        isr_teacher: `isr.safetensors`, for `isr_distill_weight`.
        init: a student to start from; head isr takes `student.safetensors` too, for its dehazing half.
    """

    clean: Mapping[str, Sequence[Path]]
    lq: Sequence[Path] = ()
    teacher: Path | None = None
    isr_teacher: Path | None = None
    init: Path | None = None


def check(config: StudentTraining, inputs: StudentInputs) -> None:
    """Refuse what cannot teach anything.

    Raises:
        ConfigError: names the key and what to do.
    """
    taught = {name: getattr(config, name) for name in ("pair_weight", "distill_weight", "frame_weight")}
    if not any(taught.values()):
        raise ConfigError(
            f"student.{', student.'.join(taught)}: all 0, so nothing says what is right; give one of them a weight"
        )
    for name in ("frame_width_px", "frame_height_px"):
        if getattr(config, name) % SCALE:
            raise ConfigError(f"student.{name} = {getattr(config, name)}: expected a multiple of {SCALE}")
    if (config.decibel_weight or config.harm_weight) and not config.pair_weight:
        raise ConfigError("student.pair_weight = 0: decibel_weight and harm_weight judge pairs; give it a weight too")
    if config.network.shrink > 1 and (config.is_isr or config.frame_weight):
        raise ConfigError(
            f"student.network.shrink = {config.network.shrink}: head isr and frame_weight see 480x270; "
            "set it to 1, or student.head to guided and student.frame_weight to 0"
        )
    if config.distill_weight and inputs.teacher is None:
        raise ConfigError(
            f"student.distill_weight = {config.distill_weight}: needs a teacher; give --teacher with the "
            "idm.safetensors of edge-train idm, or set it to 0"
        )
    if config.isr_distill_weight and not config.is_isr:
        raise ConfigError(
            f"student.isr_distill_weight = {config.isr_distill_weight}: head guided has no x4 to teach; set it to 0, "
            "or student.head to isr"
        )
    if config.isr_distill_weight and inputs.isr_teacher is None:
        raise ConfigError(
            f"student.isr_distill_weight = {config.isr_distill_weight}: needs a teacher; give --isr-teacher with the "
            "isr.safetensors of edge-train isr, or set it to 0"
        )
    if config.is_isr and not (config.frame_weight or config.isr_distill_weight):
        raise ConfigError(
            "student.frame_weight = 0: head isr learns its x4 at the camera's own pixels; give it or "
            "student.isr_distill_weight a weight"
        )
