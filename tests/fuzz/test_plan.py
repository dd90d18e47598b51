"""The sidecar of an engine: a plan is taken with all that proves it, or refused in a line with what builds it anew."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from edge.basics.errors import ModelError
from edge.engines.gpu import plan as plans
from edge.engines.gpu.plan import is_whole, read_plan, rebuild_command, sidecar_path, why_missing
from tests.fuzz.harness import accepted, assert_one_line, chance, fuzz
from tests.fuzz.mutations import damaged_bytes, damaged_tree, json_bytes, noise

REBUILD = "edge-export engine live -o engines"
PLAN = b"a plan, which only TensorRT could read"
SIDECAR: dict[str, Any] = {
    "profile": "live", "key": "ab" * 32, "precision": "fp16", "runtime": "tensorrt 10.3.0",
    "gpu": {"name": "Orin", "compute_capability": "8.7", "num_sm": 16},
    "graph_sha256": "cd" * 32, "model_sha256": "ef" * 32,
    "format": plans.FORMAT, "plan_sha256": hashlib.sha256(PLAN).hexdigest(),
}  # fmt: skip
WANTED = {**{key: SIDECAR[key] for key in ("runtime", "precision", "graph_sha256")}, "gpu": {"name": "Xavier"}}


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engines")


def tried(plan: bytes, sidecar: bytes, outcomes: Counter[str], engines: Path) -> None:
    path = engines / "live-abababababababab.plan"
    path.write_bytes(plan)
    sidecar_path(path).write_bytes(sidecar)
    read = accepted(outcomes, path.stem, lambda: read_plan(path, REBUILD))
    assert is_whole(path, REBUILD) == (read is not None)
    assert_one_line(str(ModelError(why_missing(engines, "live", WANTED, REBUILD))))
    command = str(ModelError(rebuild_command(path, "live")))
    assert_one_line(command)
    assert command.startswith(f"edge-export engine live -o {engines}")


def sealed(sidecar: Any) -> Any:
    """As a build of another version could have written it: damaged, and sealed all the same."""
    if not isinstance(sidecar, dict):
        return sidecar
    facts = {key: value for key, value in sidecar.items() if key != plans.SEAL}
    return {**facts, plans.SEAL: hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()}


@fuzz("engine sidecar", 22_000)
def test_altered_values(draw: Random, outcomes: Counter[str], engines: Path) -> None:
    changed = damaged_tree(SIDECAR, draw)
    content = json_bytes(sealed(changed) if chance(draw, 0.8) else changed, draw)
    tried(PLAN, content, outcomes, engines)


@fuzz("engine sidecar", 6_000)
def test_altered_bytes(draw: Random, outcomes: Counter[str], engines: Path) -> None:
    content = json.dumps(sealed(SIDECAR), indent=1).encode()
    if chance(draw, 0.3):
        tried(damaged_bytes(PLAN, draw), content, outcomes, engines)
    else:
        tried(PLAN, damaged_bytes(content, draw) if chance(draw, 0.9) else noise(draw), outcomes, engines)
