"""The pictures that a network is judged by: none was on the training side of its manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.basics.errors import ConfigError, InputOutputError, UsageError
from trainer.prepare.manifest import verified_manifest

YARDSTICKS = ("Set5", "Set14")
"""What the literature judges x4 by, folders of PNG files."""


@dataclass(frozen=True)
class HeldOut:
    """Files, in order of path.

    Attributes:
        sets: held-out HQ of each manifest, by the name of its file without the ending, such as `throats`.
        yardsticks: super-resolution sets by name, for x4 alone.
    """

    sets: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    yardsticks: Mapping[str, Sequence[Path]] = field(default_factory=dict)


def held_out_pictures(manifests: Sequence[Path], sr_benchmark: Path | None = None) -> HeldOut:
    """The held-out HQ pictures of manifests, and the super-resolution sets of a folder.

    Raises:
        UsageError: no manifest is given, two have one name, or one is a profile's `model.json`.
        ConfigError: a manifest is malformed, or holds no HQ picture out.
        InputOutputError: a picture is missing or changed, or the folder has none of the sets.
    """
    if not manifests:
        raise UsageError("--manifest is missing: give what edge-train prepare made; its held-out HQ judges")
    sets: dict[str, Sequence[Path]] = {}
    for path in manifests:
        if path.stem in sets:
            raise UsageError(f"--manifest {path}: there is another {path.stem}; give each file a name of its own")
        _refuse_model_json(path)
        sets[path.stem] = verified_manifest(path).pictures("hq", "held_out")
    return HeldOut(sets, _yardsticks(sr_benchmark))


def _refuse_model_json(path: Path) -> None:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return  # the reader of manifests says what is wrong
    if isinstance(content, dict) and {"profile", "networks"} <= content.keys():
        raise UsageError(
            f"--manifest {path}: describes a profile; --manifest takes what edge-train prepare made, and --model-json "
            "the model.json that gets the figures"
        )


def checked_model_json(path: Path) -> None:
    """Look at the file that is to get figures before any are made.

    Raises:
        ConfigError: it is no profile's `model.json`.
        InputOutputError: it cannot be read.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputOutputError(f"--model-json {path}: cannot be read ({error.strerror}); name a profile's") from error
    except ValueError as error:
        raise ConfigError(f"--model-json {path}: not JSON ({error}); name a profile's model.json") from error
    if not isinstance(content, dict) or "profile" not in content:
        raise ConfigError(f"--model-json {path}: no profile's model.json; manifests of pictures go with --manifest")


def _yardsticks(folder: Path | None) -> dict[str, list[Path]]:
    if folder is None:
        return {}
    sets = {name: sorted((folder / name).glob("*.png")) for name in YARDSTICKS}
    if not any(sets.values()):
        raise InputOutputError(f"--sr-benchmark {folder}: no PNG file in {' or '.join(YARDSTICKS)} there")
    return {name: paths for name, paths in sets.items() if paths}
