"""model.json: a profile is taken as a whole, and what runs it finds all it asks for, or it is refused in one line."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from edge.batch.piece import model_record
from edge.calibration.of_unit import unit_correction
from edge.check import _calibration
from edge.config import Config
from edge.engines.golden import SMALL_HEIGHT_PX, SMALL_WIDTH_PX, _held_to, _stored_picture
from edge.engines.gpu.open import graph_hash
from edge.models.profile import Profile, load_profile
from edge.pictures.geometry import FRAME_SHAPE
from edge.pictures.image import Image
from edge.pictures.packed import packed_picture
from edge.saving.sidecar import Result, SourceFile, sidecar_bytes
from tests.fuzz.harness import accepted, assert_one_line, chance, fuzz
from tests.fuzz.inputs import GRAPH, MANIFEST, SHA
from tests.fuzz.mutations import damaged_bytes, damaged_text, damaged_tree, json_bytes, noise

IMAGE: Image = np.zeros(FRAME_SHAPE, np.uint8)
USED = ("sha256", "dehaze_sha256", "precisions", "calibration", "golden", "name", "profile", "version")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    (root / "live").mkdir()
    for name in ("model.onnx", "dehaze.onnx", "model.fp16.onnx", "model.int8.onnx"):
        (root / "live" / name).write_bytes(GRAPH)
    return root


def tried(content: bytes, outcomes: Counter[str], models: Path, *, golden: bool = False) -> None:
    path = models / "live" / "model.json"
    path.write_bytes(content)
    profile = accepted(outcomes, path.parent, lambda: load_profile("live", (models,)))
    if profile is None:
        return
    for precision in ("fp32", "fp16", "int8"):
        accepted(Counter(), path.parent, lambda name=precision: profile.graph_for(name))
        accepted(Counter(), path.parent, lambda name=precision: graph_hash(profile, name))
    accepted(Counter(), "unit", lambda: unit_correction("", "A-1", profile.manifest))
    unit = Config().unit
    config: Any = SimpleNamespace(unit=SimpleNamespace(calibration=unit.calibration, serial="A-1"))
    assert_one_line(accepted(Counter(), "unit", lambda: _calibration(config, profile)) or "refused")
    written(profile)
    if golden:
        accepted(Counter(), path.parent, lambda: _held_to(profile.manifest.get("golden"), IMAGE, profile, softer=False))


def written(profile: Profile) -> None:
    """What a saved picture and `--check` say of the model."""
    engine: Any = SimpleNamespace(profile="live", model_sha256=profile.sha256, device="cpu")
    record = model_record(engine, profile)
    source = SourceFile(Path("a.png"), SHA, 1)
    json.loads(sidecar_bytes(Result(source, (1, 1), record, (), {})), parse_constant=_no_number)
    assert_one_line(f"{profile.name} {profile.manifest['version']}, sha256 {profile.sha256[:12]}")


def _no_number(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


@fuzz("manifest", 30_000)
def test_altered_values(draw: Random, outcomes: Counter[str], models: Path) -> None:
    changed = damaged_tree(MANIFEST, draw)
    if chance(draw, 0.6):  # where it counts
        key = draw.choice(USED)
        part = damaged_tree({key: MANIFEST[key]}, draw)
        changed = {**{k: v for k, v in MANIFEST.items() if k != key}, **part} if isinstance(part, dict) else part
    content = json_bytes(changed, draw)
    tried(content, outcomes, models, golden=chance(draw, 0.05))


@fuzz("manifest", 10_000)
def test_altered_bytes(draw: Random, outcomes: Counter[str], models: Path) -> None:
    content = json.dumps(MANIFEST).encode()
    tried(damaged_bytes(content, draw) if chance(draw, 0.9) else noise(draw), outcomes, models)


a_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@fuzz("manifest", 2_000, st.tuples(st.sampled_from(USED), a_value))
def test_any_value(draw: tuple[str, Any], outcomes: Counter[str], models: Path) -> None:
    tried(json.dumps({**MANIFEST, draw[0]: draw[1]}).encode(), outcomes, models)


@fuzz("manifest", 2_000)
def test_golden_pictures(draw: Random, outcomes: Counter[str], models: Path) -> None:
    shape = (SMALL_HEIGHT_PX, SMALL_WIDTH_PX, 3) if chance(draw, 0.05) else (9, 16, 3)
    text = packed_picture(np.zeros(shape, np.uint8))
    altered = damaged_text(text, draw) if chance(draw, 0.5) else damaged_bytes(text.encode(), draw).decode("latin-1")
    accepted(outcomes, "golden.enhanced", lambda: _stored_picture(altered, shape, f"{models}: golden.enhanced"))
