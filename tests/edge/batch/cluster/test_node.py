"""The worker on a node, without a cluster around it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.basics.errors import EdgeError, ModelError
from edge.batch import passing_folder
from edge.batch.cluster import node
from edge.batch.cluster.messages import Failed, Task
from edge.batch.cluster.model_files import files_of
from edge.batch.cluster.node import NodeWorker
from edge.batch.kinds.kind import Made, Piece
from edge.batch.steps import OutputFolderError
from edge.config import EngineConfig
from edge.models.profile import Profile, load_profile
from tests.doubles.ffmpeg_clips import made
from tests.doubles.files_bench import InvertingEngine

MADE: list[tuple[Profile, EngineConfig]] = []


def inverting(profile: Profile, config: EngineConfig) -> InvertingEngine:
    MADE.append((profile, config))
    return InvertingEngine()


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NodeWorker]:
    monkeypatch.setattr(node, "MEMORY", tmp_path)
    monkeypatch.setattr(passing_folder, "ENOUGH_BYTES", 0)
    monkeypatch.setattr(node.logging, "disable", lambda: None)  # type: ignore[attr-defined]
    MADE.clear()
    yield NodeWorker()


def begun(worker: NodeWorker, name: str = "live-fast", sha256: str = "") -> Profile:
    profile = load_profile(name)
    config = EngineConfig(models="/of/the/driver", keys="/of/the/driver")
    worker.begin(Task(name, sha256 or profile.sha256, config, inverting), files_of(profile), 3)
    return profile


def piece(path: Path, kind: str = "picture") -> Piece:
    return Piece(kind, path, path, path.stem)


@pytest.mark.parametrize("name", ["live-fast", "miinet"], ids=["whole", "with shared weights"])
def test_the_engine_gets_the_model_that_came(worker: NodeWorker, name: str) -> None:
    sent = begun(worker, name)
    ((profile, config),) = MADE
    assert profile.sha256 == sent.sha256
    assert Path(config.models) == profile.folder.parent
    assert profile.content(profile.graph) == sent.content(sent.graph)
    assert (config.keys, config.threads) == ("", 3)


def test_another_model_is_refused(worker: NodeWorker) -> None:
    with pytest.raises(ModelError, match="is meant"):
        begun(worker, sha256="0" * 64)
    assert MADE == []


def test_a_model_that_arrives_damaged_is_refused(worker: NodeWorker) -> None:
    profile = load_profile("live-fast")
    files = files_of(profile)
    files["model.onnx"] = files["model.onnx"][:-1] + b"?"
    with pytest.raises(EdgeError, match="sha256"):
        worker.begin(Task(profile.name, profile.sha256, EngineConfig(), inverting), files, 1)


def test_a_picture_comes_back_in_memory(worker: NodeWorker) -> None:
    begun(worker)
    _, content = cv2.imencode(".png", np.full((90, 160, 3), 7, np.uint8) * np.arange(160, dtype=np.uint8)[:, None])
    result = worker.do(piece(Path("/nowhere/throat.png")), content.tobytes())
    assert isinstance(result, Made), result
    assert [file.name for file in result.files] == ["throat-raw.png", "throat-enhanced.png"]
    assert all(file.content is not None and file.path is None for file in result.files)
    assert result.record["source"]["sha256"] == hashlib.sha256(content.tobytes()).hexdigest()


def test_a_clip_comes_back_in_memory_and_nothing_of_it_stays(worker: NodeWorker, tmp_path: Path) -> None:
    begun(worker)
    original = made(tmp_path / "c.mp4", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=10:d=0.2", "-c:v", "libx264")
    result = worker.do(piece(Path("/nowhere/c.mp4"), "clip"), original.read_bytes())
    assert isinstance(result, Made), result
    assert result.files[0].content is not None and len(result.files[0].content) == result.files[0].num_bytes
    assert worker._worker is not None
    assert list(worker._worker.scratch.iterdir()) == []
    failed = worker.do(piece(Path("/nowhere/d.mp4"), "clip"), original.read_bytes()[:500])
    assert isinstance(failed, Failed) and not failed.is_of_node
    assert list(worker._worker.scratch.iterdir()) == []


def test_what_is_no_picture_is_told_with_its_exit_code(worker: NodeWorker) -> None:
    begun(worker)
    failed = worker.do(piece(Path("/nowhere/throat.png")), b"nothing")
    assert isinstance(failed, Failed)
    assert failed.told.startswith("/nowhere/throat.png: ")
    assert not failed.is_of_node


def test_a_full_scratch_folder_is_told_as_one(worker: NodeWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OutputFolderError("x: cannot be written: No space left on device")

    begun(worker)
    monkeypatch.setattr(node, "made_or_why", full)
    failed = worker.do(piece(Path("/nowhere/throat.png")), b"")
    assert isinstance(failed, Failed) and failed.is_of_node and failed.is_full
