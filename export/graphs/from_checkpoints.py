"""The pipeline of a recipe, put together from trained checkpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from edge.basics.whole_files import file_sha256
from export.graphs.pipeline import (
    BicubicPipeline,
    GuidedPipeline,
    IdmDehazer,
    IsrPipeline,
    JointPipeline,
    StudentDehazer,
)
from export.recipes import Recipe, check_isr
from trainer.networks.from_checkpoint import READERS
from trainer.networks.resnet_generator import ResnetGenerator
from trainer.networks.rrdb import Rrdb
from trainer.networks.rrdb_weights import load_init
from trainer.training.checkpoint import described, read_whole


@dataclass
class Built:
    """A pipeline and what its manifest says of it.

    Attributes:
        networks: kind, parameters and sizes of each network, in the order in which the frame meets them.
        training: what the checkpoints say of their making; one entry per network where there are two.
        scopes: by which part of their names each network's nodes are found in the graph.
    """

    pipeline: nn.Module
    networks: list[dict[str, Any]] = field(default_factory=list)
    training: dict[str, Any] = field(default_factory=dict)
    scopes: list[str] = field(default_factory=list)


KINDS = {"student": "student", "student_isr": "student_isr", "idm": "resnet_generator"}


def built_from_checkpoints(recipe: Recipe, checkpoint: Path, isr_checkpoint: Path | None) -> Built:
    """The pipeline of a recipe with trained weights.

    Raises:
        ModelError: a checkpoint is missing, damaged or of another network.
        UsageError: `--isr` is missing or of no use.
    """
    check_isr(recipe, isr_checkpoint)
    network, about = READERS[KINDS[recipe.dehazer]](checkpoint)
    networks = [_described(network, KINDS[recipe.dehazer], about)]
    training, scopes = _training(about, KINDS[recipe.dehazer]), ["/idm/" if recipe.dehazer == "idm" else "/student/"]
    if recipe.dehazer == "student_isr":
        return Built(JointPipeline(network), networks, training, scopes)
    dehazer: nn.Module = StudentDehazer(network)
    if recipe.dehazer == "idm":
        assert isinstance(network, ResnetGenerator), "its reader makes no other"
        dehazer = IdmDehazer(network)
    if isr_checkpoint is not None:
        isr, isr_about = _isr_from(isr_checkpoint)
        networks.append(_described(isr, "rrdb", isr_about))
        training = {recipe.dehazer: training, "isr": _training(isr_about, "rrdb")}
        return Built(IsrPipeline(dehazer, isr), networks, training, [*scopes, "/isr/"])
    made: nn.Module = GuidedPipeline(dehazer) if recipe.upscale == "guided" else BicubicPipeline(dehazer)
    return Built(made, networks, training, scopes)


def _isr_from(path: Path) -> tuple[nn.Module, dict[str, str]]:
    """What `edge-train isr` made, or RRDBNet-23 weights of other projects as `edge-train isr --init` takes them."""
    if READERS.keys() & read_whole(path, "edge-train isr")[1].keys():  # one of ours, and none but this one's will do
        return READERS["rrdb"](path)
    network = Rrdb()
    load_init(network, path)
    of_file = {"weights": path.name, "weights_sha256": file_sha256(path)}
    return network.eval(), {**described("rrdb", network.config), **of_file}


def _described(network: nn.Module, kind: str, about: dict[str, str]) -> dict[str, Any]:
    size = json.loads(about[kind])
    return {"kind": kind, "parameters": sum(p.numel() for p in network.parameters()), **size}


def _training(about: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """What a checkpoint says of its making; settings, and the runs that it went on from, as objects."""
    training = {key: value for key, value in about.items() if key != kind}
    for key in ("settings", "init", "warm_start"):
        if isinstance(training.get(key), str):
            training[key] = _read(training[key])
    for key in ("init", "warm_start"):
        if isinstance(training.get(key), dict):
            training[key] = _training(training[key], kind)
    return training


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
