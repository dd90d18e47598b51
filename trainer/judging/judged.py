"""Networks to be judged, read by what their files say they are, and what each does to a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from edge.basics.errors import ModelError
from edge.basics.progress import Tick
from edge.pictures.geometry import NETWORK_HEIGHT_PX, NETWORK_WIDTH_PX, centre_crop_16_9
from edge.pictures.image import Image
from trainer.data.pictures import as_planes
from trainer.networks import guided
from trainer.networks.from_checkpoint import READERS
from trainer.networks.idm_in_use import dehazed
from trainer.networks.resnet_generator import ResnetGenerator
from trainer.networks.rrdb import Rrdb, RrdbConfig
from trainer.networks.rrdb_weights import load_init
from trainer.networks.student import Student
from trainer.networks.student_isr import AnyStudent, StudentIsr, dehazer_of
from trainer.training.checkpoint import read_whole

Method = Callable[[Image], Image]


def counted(methods: Mapping[str, Method], tick: Tick) -> dict[str, Method]:
    """The same methods, which tell of each picture that they have made."""

    def of(method: Method) -> Method:
        def made(picture: Image) -> Image:
            result = method(picture)
            tick()
            return result

        return made

    return {name: of(method) for name, method in methods.items()}


def tensor_from_picture(picture: Image) -> Tensor:
    """RGB uint8 (H, W, 3) -> float (1, 3, H, W) in [0, 255]."""
    return as_planes(picture)[None].float()


def picture_from_tensor(levels_BCHW: Tensor) -> Image:
    """The reverse, rounded and clamped."""
    levels = levels_BCHW[0].permute(1, 2, 0).round().clamp(0, 255)
    return np.ascontiguousarray(levels.numpy().astype(np.uint8))


def at_network_size(picture: Image) -> Image:
    """Centre-cropped to 16:9, resized to 480x270."""
    cropped = centre_crop_16_9(picture)
    method = cv2.INTER_AREA if cropped.shape[1] > NETWORK_WIDTH_PX else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(cropped, (NETWORK_WIDTH_PX, NETWORK_HEIGHT_PX), interpolation=method), np.uint8)


@torch.no_grad()
def dehaze(network: AnyStudent | ResnetGenerator, picture: Image) -> Image:
    """A student's dehazing half, or an IDM, at the picture's own size."""
    levels = tensor_from_picture(picture)
    if isinstance(network, ResnetGenerator):
        return picture_from_tensor((dehazed(network, levels / 127.5 - 1) + 1) * 127.5)
    gain, offset = dehazer_of(network)(levels / 255)
    return picture_from_tensor(gain * levels + offset * 255)


@torch.no_grad()
def enhance(network: AnyStudent, frame: Image) -> Image:
    """The whole profile: shrink, student, then guided x4 or the learned head. Sides divisible by 4."""
    levels = tensor_from_picture(frame)
    shrunk = guided.shrink(levels)
    if isinstance(network, StudentIsr):
        return picture_from_tensor(network(shrunk / 255) * 255)
    gain, offset = network(shrunk / 255)
    small = (gain * shrunk + offset * 255).clamp(0, 255)
    return picture_from_tensor(guided.guided_x4(levels, small, gain))


@dataclass
class Judged:
    """Networks by name.

    Attributes:
        students: whole profiles at 1080p.
        dehazers: methods at the network's size: the students' dehazing halves, and IDMs.
        enlargers: x4 alone.
        taught: families of fog that each one's training drew (`data.fogs`); none where its file names none.
    """

    students: dict[str, AnyStudent] = field(default_factory=dict)
    dehazers: dict[str, Method] = field(default_factory=dict)
    enlargers: dict[str, Rrdb] = field(default_factory=dict)
    taught: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return [*self.dehazers, *self.enlargers]

    def add(self, name: str, network: nn.Module) -> None:
        if isinstance(network, Rrdb):
            self.enlargers[name] = network
            return
        assert isinstance(network, (Student, StudentIsr, ResnetGenerator))
        self.dehazers[name] = partial(dehaze, network)
        if not isinstance(network, ResnetGenerator):
            self.students[name] = network


def read_judged(paths: Sequence[Path]) -> Judged:
    """Networks of any stage; each is called by its file's name, and by its folder's too where two names are the same.

    Raises:
        ModelError: missing, damaged, or neither a product of edge-train nor RRDB weights of other projects.
    """
    judged = Judged()
    stems = [path.stem for path in paths]
    for path in paths:
        metadata = read_whole(path, "edge-train idm, isr or student")[1]
        kind = next((kind for kind in READERS if kind in metadata), None)
        name = path.stem if stems.count(path.stem) == 1 else f"{path.parent.name}/{path.stem}"
        if name in judged.names:
            raise ModelError(f"{path}: there is another {name}; give each file a folder or a name of its own")
        judged.add(name, READERS[kind](path)[0] if kind else _enlarger_of_others(path))
        judged.taught[name] = frozenset(filter(None, metadata.get("fogs", "").split(",")))
    return judged


def _enlarger_of_others(path: Path) -> Rrdb:
    network = Rrdb(RrdbConfig())
    try:
        load_init(network, path)
    except ModelError as error:
        told = "expected one of its idm, isr or student files, or RRDB weights x4 with BasicSR's names"
        raise ModelError(f"{path}: not a product of edge-train; {told}") from error
    return network
