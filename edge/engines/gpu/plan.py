"""A plan on disk: its name, the sidecar that says what it is, and the command that builds it anew.

What proves a plan is not in here: it has to answer the golden frame as the profile's manifest says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.basics.errors import ModelError
from edge.basics.folders import read_plain
from edge.basics.texts import json_from_text, shown
from edge.basics.whole_files import file_sha256, write_together

SEAL = "sidecar_sha256"
FORMAT = 2
"""Of a sidecar. Those of before had no number, and pictures of their own that proved the plan."""
KEY_LENGTH = 16
MAX_SIDECAR_BYTES, MAX_PLAN_BYTES = 1 << 20, 1 << 30
ANY_NAME = "any"
"""The GPU's name in a TensorRT-RTX plan that was built for a compute capability, with no GPU at hand."""


@dataclass(frozen=True)
class Gpu:
    """What a plan is tied to.

    Attributes:
        num_sm: streaming multiprocessors; 0 where the plan is for any GPU of that capability.
        integrated: shares the host's memory, as on a Jetson.
    """

    name: str
    compute_capability: tuple[int, int]
    num_sm: int
    integrated: bool = False

    def facts(self) -> dict[str, Any]:
        major, minor = self.compute_capability
        return {"name": self.name, "compute_capability": f"{major}.{minor}", "num_sm": self.num_sm}


def engine_key(graph_sha256: str, precision: str, runtime_label: str, gpu: Gpu) -> str:
    """Hash over everything that a plan depends on; another key, another plan."""
    parts = [graph_sha256, precision, runtime_label, *(str(fact) for fact in gpu.facts().values())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def plan_path(folder: Path, profile: str, key: str) -> Path:
    return folder / f"{profile}-{key[:KEY_LENGTH]}.plan"


def sidecar_path(plan: Path) -> Path:
    return plan.with_suffix(".json")


def build_command(
    profile: str, folder: Path, precision: str = "fp16", runtime: str = "tensorrt", compute_capability: str = ""
) -> str:
    """The command that builds an engine, as a person would type it.

    Args:
        profile: its `edge.models.profile.Profile.argument`.
        compute_capability: such as 8.6, where the plan is for any GPU of it.
    """
    options = "" if precision == "fp16" else f" --precision {precision}"
    options += "" if runtime == "tensorrt" else f" --runtime {runtime}"
    options += f" --compute-capability {compute_capability}" if compute_capability else ""
    return f"edge-export engine {profile} -o {folder}{options}"


def rebuild_command(plan: Path, profile: str) -> str:
    """The command that builds a plan anew in its place, as far as its sidecar, sound or not, says how."""
    try:
        sidecar = json_from_text(read_plain(sidecar_path(plan), MAX_SIDECAR_BYTES))
        gpu, precision, (runtime, *_) = sidecar["gpu"], str(sidecar["precision"]), str(sidecar["runtime"]).split()
        capability = str(gpu["compute_capability"]) if gpu["name"] == ANY_NAME else ""
    except (OSError, ValueError, LookupError, TypeError):
        return build_command(profile, plan.parent)
    return build_command(profile, plan.parent, precision, runtime, capability)


def write_plan(path: Path, content: bytes, sidecar: Mapping[str, Any]) -> None:
    """Write plan and sidecar, both or neither; the sidecar comes last and seals both."""
    facts = {"format": FORMAT, **sidecar, "plan_sha256": hashlib.sha256(content).hexdigest()}
    sealed = {**facts, SEAL: _seal(facts)}
    write_together({path: content, sidecar_path(path): (json.dumps(sealed, indent=1) + "\n").encode()})


def _seal(sidecar: Mapping[str, Any]) -> str:
    facts = {key: value for key, value in sidecar.items() if key != SEAL}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def read_sidecar(plan: Path, rebuild: str) -> dict[str, Any]:
    """A plan's sidecar, its seal checked.

    Args:
        rebuild: the command that builds the plan anew, for the message.

    Raises:
        ModelError: missing, unreadable, edited, or of another version of this program.
    """
    path = sidecar_path(plan)
    try:
        sidecar = json_from_text(read_plain(path, MAX_SIDECAR_BYTES))
        is_sealed = sidecar[SEAL] == _seal(sidecar)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: no readable sidecar ({error}); run: {rebuild}") from error
    if not is_sealed:
        raise ModelError(f"{path}: edited after the build; run: {rebuild}")
    if sidecar.get("format") != FORMAT:
        found = shown(sidecar["format"]) if "format" in sidecar else "none"
        raise ModelError(
            f"{path}: written by another version of this program (format {found}, expected {FORMAT}); run: {rebuild}"
        )
    if not isinstance(sidecar.get("plan_sha256"), str):
        raise ModelError(f"{path}: does not name its plan's plan_sha256; run: {rebuild}")
    return dict(sidecar)


def read_plan(plan: Path, rebuild: str) -> tuple[bytes, dict[str, Any]]:
    """A plan and its sidecar, both checked.

    Raises:
        ModelError: one is missing, cut or edited.
    """
    sidecar = read_sidecar(plan, rebuild)
    try:
        content = read_plain(plan, MAX_PLAN_BYTES)
    except OSError as error:
        raise ModelError(f"{plan}: cannot be read ({error.strerror}); run: {rebuild}") from error
    if hashlib.sha256(content).hexdigest() != sidecar["plan_sha256"]:
        raise ModelError(f"{plan}: {len(content)} bytes that are not what its sidecar says; run: {rebuild}")
    return content, sidecar


def is_whole(plan: Path, rebuild: str) -> bool:
    """Whether plan and sidecar are there and fit each other."""
    try:
        return file_sha256(plan) == str(read_sidecar(plan, rebuild)["plan_sha256"])
    except (ModelError, OSError):
        return False


def why_missing(folder: Path, profile: str, wanted: Mapping[str, Any], rebuild: str) -> str:
    """One line that says what is there in place of the plan that is wanted.

    Args:
        wanted: `precision`, `runtime`, `graph_sha256` and `gpu` of the plan that was looked for.
    """
    for path in sorted(folder.glob(f"{profile}-*.plan"), key=lambda p: p.stat().st_mtime, reverse=True):
        try:
            found = read_sidecar(path, rebuild)
        except ModelError:
            continue
        if found.get("profile") != profile:
            continue
        for name, word in (("runtime", "for"), ("gpu", "for"), ("precision", "in"), ("graph_sha256", "of graph")):
            if found.get(name) != wanted[name]:
                return (
                    f"{path} was built {word} {_short(found.get(name))}, wanted {_short(wanted[name])}; run: {rebuild}"
                )
    return f"{folder}: no engine for profile {profile}; run: {rebuild}"


def _short(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(str(part) for part in value.values())
    return str(value)[:24]
