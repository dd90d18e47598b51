"""`--cluster` with a real Ray: nodes of one core each on this machine, killed, of another version, behind a token."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.batch.cluster import link
from edge.batch.cluster.link import Link
from tests.doubles.dicom_objects import throat, vl_object, written
from tests.doubles.ffmpeg_clips import made
from tests.doubles.ray_nodes import RayNodes, ray_nodes
from tests.doubles.waiting import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the package ray is not installed"),
]

NUM_PICTURES = 12
NUM_RESULTS = NUM_PICTURES + 5
SCRATCH = Path("/dev/shm")
ENDED = 74


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, one of pages, one that is broken, a DICOM object and a clip."""
    folder = tmp_path_factory.mktemp("originals")
    random = np.random.default_rng(7)
    for number in range(NUM_PICTURES):
        coarse = random.integers(0, 255, (9, 16, 3), np.uint8)
        assert cv2.imwrite(str(folder / f"throat-{number}.jpg"), cv2.resize(coarse, (1280, 720)))
    pages = [cv2.resize(random.integers(0, 255, (9, 16, 3), np.uint8), (640, 360)) for _ in range(3)]
    assert cv2.imwritemulti(str(folder / "series.tif"), pages)
    written(vl_object(throat()), folder / "object.dcm")
    (folder / "broken.png").write_bytes((folder / "throat-0.jpg").read_bytes()[:400])
    made(folder / "clip.mp4", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=10:d=0.6", "-c:v", "libx264")
    return folder


def command(originals: Path, output: Path, *words: str) -> list[str]:
    config = output.with_suffix(".toml")
    config.write_text('[engine]\nbackend = "cpu"\n')
    given = [str(originals), "--output", str(output), "--config", str(config), *words]
    return [sys.executable, "-m", "edge.cli", *given]


def ran(originals: Path, output: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(originals, output, *words), capture_output=True, text=True, check=False)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def results(folder: Path) -> list[Path]:
    return list(folder.glob("*-enhanced.*.json"))


@pytest.fixture(scope="module")
def whole(originals: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What this machine makes of them."""
    output = tmp_path_factory.mktemp("whole") / "out"
    assert ran(originals, output, "--workers", "1").returncode == 1, "one original is broken"
    assert len(results(output)) == NUM_RESULTS
    return tree(output)


@pytest.fixture(scope="module")
def nodes() -> Iterator[RayNodes]:
    with ray_nodes() as made_nodes:
        made_nodes.node("a")
        yield made_nodes


@pytest.fixture
def second(nodes: RayNodes) -> Iterator[str]:
    nodes.node("b")
    yield "b"
    nodes.kill("b")


def test_a_node_killed_in_the_middle_costs_nothing(
    nodes: RayNodes, second: str, originals: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    with subprocess.Popen(
        command(originals, output, "--cluster", nodes.address), stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        wait_until(lambda: nodes.engines("a"))
        for process in (held := nodes.workers("a")):
            os.kill(process, signal.SIGSTOP)  # it shall not be through before the other one begins
        wait_until(lambda: nodes.engines(second) and results(output))
        for process in nodes.workers(second):
            os.kill(process, signal.SIGSTOP)  # what it has is not done
        for process in held:
            os.kill(process, signal.SIGCONT)
        wait_until(lambda: len(results(output)) >= NUM_PICTURES // 2)
        assert run.poll() is None
        nodes.kill(second)
        told = run.stderr.read()
    assert run.returncode == 1, told
    assert "a worker was lost" in told and "2 pieces that it had are done again" in told
    assert "the model (3.7 MB) goes to each node once" in told
    assert tree(output) == whole
    assert "throat-" not in nodes.logs, "a node keeps no name of a file"
    wait_until(lambda: not list(SCRATCH.glob("edge-enhance-node-*")))


def test_when_no_node_is_left_resume_goes_on_here(
    nodes: RayNodes, originals: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    with subprocess.Popen(
        command(originals, output, "--cluster", nodes.address), stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        wait_until(lambda: results(output) or run.poll() is not None)
        nodes.kill("a")
        told = run.stderr.read()
    nodes.node("a")
    assert run.returncode == ENDED, told
    last = told.splitlines()[-1]
    assert last.startswith(f"edge-enhance: --cluster {nodes.address}: no node is left"), told
    assert last.endswith("the same command with --resume goes on, also without --cluster")
    assert 0 < len(results(output)) < NUM_RESULTS
    assert ran(originals, output, "--workers", "1", "--resume").returncode == 1
    assert tree(output) == whole


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_ctrl_c_and_a_kill_leave_nothing_on_the_nodes(
    nodes: RayNodes, originals: Path, tmp_path: Path, how: signal.Signals
) -> None:
    output = tmp_path / "out"
    with subprocess.Popen(
        command(originals, output, "--cluster", nodes.address), stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        wait_until(lambda: results(output) or run.poll() is not None)
        assert nodes.workers()
        run.send_signal(how)
        told = run.stderr.read()
    assert run.returncode == (1 if how == signal.SIGINT else -how)
    assert how == signal.SIGKILL or "the same command with --resume goes on" in told
    wait_until(lambda: not nodes.workers())
    wait_until(lambda: not list(SCRATCH.glob("edge-enhance-node-*")))


def test_a_node_of_another_version_is_refused(nodes: RayNodes, originals: Path, tmp_path: Path) -> None:
    about = tmp_path / "edge_enhance-9.9.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: edge-enhance\nVersion: 9.9\n")
    nodes.node("other", first=tmp_path)
    try:
        refused = ran(originals, tmp_path / "out", "--cluster", nodes.address)
    finally:
        nodes.kill("other")
    assert refused.returncode == 78
    assert "has edge-enhance 9.9 (here " in refused.stderr
    assert "pip install 'edge-enhance[cluster]==" in refused.stderr
    assert len(refused.stderr.splitlines()) == 3, "and that nobody is asked for a token, and of the network"
    assert not (tmp_path / "out").exists()


def test_a_cluster_with_a_token(originals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # a token may lie there
    token = tmp_path / "token"
    token.write_text("c0ffee" * 8)
    with ray_nodes({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}) as guarded:
        guarded.node("a")
        for wrong in (None, "decade" * 8):
            if wrong:
                monkeypatch.setenv("RAY_AUTH_MODE", "token")
                monkeypatch.setenv("RAY_AUTH_TOKEN", wrong)
            refused = ran(originals, tmp_path / "out", "--cluster", guarded.address)
            assert refused.returncode == ENDED
            assert "RAY_AUTH_TOKEN_PATH" in refused.stderr
        monkeypatch.delenv("RAY_AUTH_TOKEN")
        monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
        inside = ran(originals / "throat-0.jpg", tmp_path / "out", "--cluster", guarded.address)
        assert inside.returncode == 0, inside.stderr
        assert "asks nobody for a token" not in inside.stderr


def test_what_answers_and_is_no_cluster_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "JOINED_S", 5.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=server.accept, daemon=True).start()
        with pytest.raises(Exception, match="something answers there, but not a Ray cluster"):
            Link(f"127.0.0.1:{server.getsockname()[1]}")
