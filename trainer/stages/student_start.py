"""What a student's run begins with: its network, new or trained before, and its teachers."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from edge.basics.errors import ConfigError
from trainer.losses.student import Teachers
from trainer.networks.from_checkpoint import (
    idm_from_checkpoint,
    isr_from_checkpoint,
    student_from_checkpoint,
    student_isr_from_checkpoint,
)
from trainer.networks.student import Student, StudentConfig
from trainer.networks.student_isr import AnyStudent, StudentIsr, StudentIsrConfig
from trainer.stages.student_config import StudentInputs, StudentTraining
from trainer.training.checkpoint import KINDS, read_whole

WITHOUT_WEIGHTS = ("shrink", "smoothing")
"""Sizes by which a student may differ from what it starts from."""


def new_network(config: StudentTraining) -> AnyStudent:
    """The identity at the network's size; with head isr, bilinear x4.

    A student is trained on views of the size that it sees, so nothing is left for it to shrink.
    """
    if not config.is_isr:
        return Student(replace(config.network, shrink=1))
    shape = StudentIsrConfig(**asdict(config.network), head_feat=config.head_feat, head_block=config.head_block)
    return StudentIsr(shape)


def starting_network(config: StudentTraining, init: Path | None) -> tuple[AnyStudent, dict[str, str]]:
    """A new network, or one with the weights of `init`, and what `init` says of itself.

    Head isr also takes a student's checkpoint, for its dehazing half.

    Raises:
        ConfigError: `init` is a student of another size.
        ModelError: `init` is not readable, or another network.
    """
    network = new_network(config)
    if init is None:
        return network, {}
    if isinstance(network, StudentIsr) and "student_isr" in read_whole(init, "edge-train student")[1]:
        whole, of = student_isr_from_checkpoint(init)
        _check_size(init, whole.config, network.config)
        network.load_state_dict(whole.state_dict())
    else:
        half, of = student_from_checkpoint(init)
        student = network.student if isinstance(network, StudentIsr) else network
        _check_size(init, half.config, student.config)
        student.load_state_dict(half.state_dict())
    return network, {key: value for key, value in of.items() if key not in KINDS}


def _check_size(path: Path, found: StudentConfig, wanted: StudentConfig) -> None:
    for name, size in asdict(found).items():
        if name not in WITHOUT_WEIGHTS and size != getattr(wanted, name):
            key = f"student.{name}" if name.startswith("head_") else f"student.network.{name}"
            raise ConfigError(f"{key} = {getattr(wanted, name)!r}: {path} has {size!r}; set it so, or begin anew")


def read_teachers(config: StudentTraining, inputs: StudentInputs) -> Teachers:
    """The networks that the weights ask for.

    Raises:
        ModelError: a file is not readable, or another network.
    """
    idm = isr = None
    if config.distill_weight and inputs.teacher is not None:
        idm, _ = idm_from_checkpoint(inputs.teacher)
    if config.isr_distill_weight and inputs.isr_teacher is not None:
        isr, _ = isr_from_checkpoint(inputs.isr_teacher)
    return Teachers(idm, isr)
