"""A network from its checkpoint, whatever its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from torch import nn

from trainer.networks.resnet_generator import ResnetGenerator, ResnetGeneratorConfig
from trainer.networks.rrdb import Rrdb, RrdbConfig
from trainer.networks.student import Student, StudentConfig
from trainer.networks.student_isr import StudentIsr, StudentIsrConfig
from trainer.training.checkpoint import network_from_checkpoint


def idm_from_checkpoint(path: Path) -> tuple[ResnetGenerator, dict[str, str]]:
    """The generator LQ -> HQ and what its file says of itself; raises ModelError."""
    return network_from_checkpoint(path, "resnet_generator", ResnetGeneratorConfig, ResnetGenerator, "edge-train idm")


def isr_from_checkpoint(path: Path) -> tuple[Rrdb, dict[str, str]]:
    """The network of an `isr.safetensors`, in float32, and what the file says of itself.

    Raises:
        ModelError: missing, damaged, or a checkpoint of another network.
    """
    return network_from_checkpoint(path, "rrdb", RrdbConfig, Rrdb, "edge-train isr")


def student_from_checkpoint(path: Path) -> tuple[Student, dict[str, str]]:
    """Averaged weights, and what the checkpoint says of itself.

    Raises:
        ModelError: missing, damaged, or a checkpoint of another network.
    """
    return network_from_checkpoint(path, "student", StudentConfig, Student, "edge-train student")


def student_isr_from_checkpoint(path: Path) -> tuple[StudentIsr, dict[str, str]]:
    """Averaged weights, and what the checkpoint says of itself.

    Raises:
        ModelError: missing, damaged, or a checkpoint of another network.
    """
    made_by = "edge-train student with head isr"
    return network_from_checkpoint(path, "student_isr", StudentIsrConfig, StudentIsr, made_by)


READERS: Mapping[str, Callable[[Path], tuple[nn.Module, dict[str, str]]]] = {
    "student": student_from_checkpoint,
    "student_isr": student_isr_from_checkpoint,
    "resnet_generator": idm_from_checkpoint,
    "rrdb": isr_from_checkpoint,
}
"""The product of each stage by the metadata key that says what it is."""
