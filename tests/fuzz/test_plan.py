"""The sidecar of an engine: a plan is taken with all that proves it, or refused in a line with what builds it anew."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from edge.basics.errors import ModelError
from edge.engines.gpu import plan as plans
from edge.engines.gpu.plan import is_whole, read_plan, sidecar_path, unpacked_picture, why_missing
from edge.pictures.geometry import FRAME_SHAPE
from edge.pictures.packed import packed_picture
from tests.fuzz.harness import accepted, assert_one_line, chance, fuzz
from tests.fuzz.mutations import damaged_bytes, damaged_text, damaged_tree, json_bytes, noise

REBUILD = "edge-export engine live -o engines"
PLAN = b"a plan, which only TensorRT could read"
SIDECAR: dict[str, Any] = {
    "profile": "live", "key": "ab" * 32, "precision": "fp16", "runtime": "tensorrt 10.3.0",
    "gpu": {"name": "Orin", "compute_capability": "8.7", "num_sm": 16},
    "graph_sha256": "cd" * 32, "model_sha256": "ef" * 32,
    "golden": {"frame": packed_picture(np.zeros((9, 16, 3), np.uint8)),
               "enhanced": packed_picture(np.zeros((9, 16, 3), np.uint8)), "min_psnr_db": 45.0},
    "plan_sha256": hashlib.sha256(PLAN).hexdigest(),
}  # fmt: skip
FULL_SIZE = packed_picture(np.zeros(FRAME_SHAPE, np.uint8))
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
    if read is not None:
        accepted(Counter(), path.stem, lambda: plans.golden_of(read[1], path))


def sealed(sidecar: Any) -> Any:
    """As a build of another version could have written it: damaged, and sealed all the same."""
    if not isinstance(sidecar, dict):
        return sidecar
    told = {key: value for key, value in sidecar.items() if key != plans.SEAL}
    return {**told, plans.SEAL: hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()}


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


@fuzz("engine sidecar", 2_000)
def test_golden_pictures(draw: Random, outcomes: Counter[str], engines: Path) -> None:
    text = SIDECAR["golden"]["frame"] if chance(draw, 0.95) else FULL_SIZE
    altered = damaged_text(text, draw) if chance(draw, 0.5) else damaged_bytes(text.encode(), draw).decode("latin-1")
    accepted(outcomes, "x.plan", lambda: unpacked_picture(altered, engines / "x.plan"))
