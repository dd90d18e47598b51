"""The pictures that a network is judged by: none was on the training side of its manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.basics.errors import InputOutputError, UsageError
from trainer.prepare.manifest import verified_manifest

YARDSTICKS = ("Set5", "Set14")
"""What the literature judges x4 by, folders of PNG files."""


@dataclass(frozen=True)
class HeldOut:
    """Files, in order of path.

    Attributes:
        throats, larynx: held-out HQ of a manifest, empty where there is none.
        yardsticks: super-resolution sets by name, for x4 alone.
    """

    throats: Sequence[Path] = ()
    larynx: Sequence[Path] = ()
    yardsticks: Mapping[str, Sequence[Path]] = field(default_factory=dict)


def held_out_pictures(throats: Path | None, larynx: Path | None, sr_benchmark: Path | None) -> HeldOut:
    """The held-out HQ pictures of two manifests, and the super-resolution sets of a folder.

    Raises:
        UsageError: neither manifest is given.
        ConfigError: a manifest is malformed, or holds no HQ picture out.
        InputOutputError: a picture is missing or changed, or the folder has none of the sets.
    """
    if throats is None and larynx is None:
        raise UsageError("--throats or --larynx is missing: give a manifest of edge-train prepare with held-out HQ")
    found = [[] if path is None else verified_manifest(path).pictures("hq", "held_out") for path in (throats, larynx)]
    return HeldOut(*found, _yardsticks(sr_benchmark))


def _yardsticks(folder: Path | None) -> dict[str, list[Path]]:
    if folder is None:
        return {}
    sets = {name: sorted((folder / name).glob("*.png")) for name in YARDSTICKS}
    if not any(sets.values()):
        raise InputOutputError(f"--sr-benchmark {folder}: no PNG file in {' or '.join(YARDSTICKS)} there")
    return {name: paths for name, paths in sets.items() if paths}
