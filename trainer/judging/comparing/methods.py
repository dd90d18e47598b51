"""What each compared method makes of a picture: at the network's size, and as a profile's whole x4."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from edge.basics.errors import ModelError
from edge.basics.whole_files import file_sha256
from edge.pictures.geometry import SCALE
from edge.pictures.image import Image
from trainer.judging.comparing.records import HQ, ORIGINAL, MethodOfRun
from trainer.judging.judged import Judged, Method, enhance, picture_from_tensor, read_judged, tensor_from_picture
from trainer.networks import guided
from trainer.networks.rrdb import Rrdb
from trainer.training.checkpoint import read_whole


@dataclass(frozen=True)
class Compared:
    """The networks of one command.

    Attributes:
        rows: of the dehazers, in the order given.
        dehazers: by name, at the network's size.
        judged: all of them, enlargers too.
    """

    rows: tuple[MethodOfRun, ...]
    dehazers: dict[str, Method]
    judged: Judged

    @property
    def enlargers(self) -> dict[str, Rrdb]:
        return self.judged.enlargers

    def enlarged(self, name: str, frame: Image, dehazed: Image) -> Image:
        """The profile's x4 of a frame; an IDM's is carried over by the guided step, as `miinet-guided` does."""
        if name in self.judged.students:
            return enhance(self.judged.students[name], frame)
        with torch.no_grad():
            return picture_from_tensor(guided.guided_x4(tensor_from_picture(frame), tensor_from_picture(dehazed)))


def read_compared(paths: Sequence[Path]) -> Compared:
    """The networks of checkpoints.

    Raises:
        ModelError: missing, damaged, of an unknown kind, or called `original` or `hq`; or none of them dehazes.
    """
    judged = read_judged(paths)
    for path, name in zip(paths, _names(paths), strict=True):
        if name in (ORIGINAL, HQ):
            raise ModelError(f"{path}: {name} is what the comparison calls its own rows; rename the file")
    rows = [_described(p, n) for p, n in zip(paths, _names(paths), strict=True) if n in judged.dehazers]
    slugs = [row.slug for row in rows]
    if twice := {slug for slug in slugs if slugs.count(slug) > 1}:
        raise ModelError(f"two checkpoints' pictures would be called {twice.pop()}; rename one of the files")
    return Compared(tuple(rows), dict(judged.dehazers), judged)


def _names(paths: Sequence[Path]) -> list[str]:
    """As `read_judged` calls them."""
    stems = [path.stem for path in paths]
    return [p.stem if stems.count(p.stem) == 1 else f"{p.parent.name}/{p.stem}" for p in paths]


def _described(path: Path, name: str) -> MethodOfRun:
    metadata = read_whole(path, "edge-train")[1]
    kind = next(k for k in ("student", "student_isr", "resnet_generator") if k in metadata)
    taught = tuple(sorted(filter(None, metadata.get("fogs", "").split(","))))
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", name)
    return MethodOfRun(name, kind, str(path), file_sha256(path), _beta(metadata), taught, slug)


def _beta(metadata: dict[str, str]) -> float | None:
    """`idm.beta` of the settings that a checkpoint carries."""
    try:
        beta = json.loads(metadata.get("settings", "{}")).get("idm.beta")
    except (ValueError, AttributeError):
        return None
    return float(beta) if isinstance(beta, (int, float)) else None


def as_frame(picture: Image) -> Image:
    """A camera's frame that shrinks to `picture`, or within a level of it: four times its size, cubic."""
    size = (picture.shape[1] * SCALE, picture.shape[0] * SCALE)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def shrunken(frame: Image) -> Image:
    """The 4x4 mean."""
    size = (frame.shape[1] // SCALE, frame.shape[0] // SCALE)
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
