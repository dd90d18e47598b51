"""What a frame's way costs in memory: how often a frame is copied, and how much is taken for each and given back.

A copy of a frame needs somewhere to go: memory that is taken for it (the first tests), memory that somebody keeps (the
second), or a frame of those that two processes share (the third). Each is counted, so that another one is noticed.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from benchmarks.judge.units import calibration_of
from edge.calibration.correction import Correction
from edge.config import EngineConfig, UnitConfig
from edge.engines.corrected import CorrectedEngine
from edge.engines.cpu import GraphCpuEngine, open_bicubic_engine, open_cpu_engine
from edge.engines.engine import Engine
from edge.engines.guided import OpenCvPasses
from edge.engines.passes import compiled_library
from edge.engines.rungs import Rung
from edge.engines.weakened import WeakenedEngine
from edge.frames import shared_pool
from edge.frames.frame import Frame, FramePair
from edge.guard import process as process_module
from edge.guard.judge import OutputJudge
from edge.guard.order import EngineOrder
from edge.guard.process import EngineProcess
from edge.guard.shared_frames import FRAME_BYTES, SharedFrames
from edge.health.state import Verdict
from edge.models.profile import load_profile
from edge.pictures.image import Image
from edge.sources.demo.render import DemoRenderer
from edge.sources.demo.unit import unit_truth
from edge.web.strips import STRIP_ROWS
from edge.web.views import View, ViewEncoder
from tests.doubles.waiting import GUARD_S

KIB = 1024
LARGE_BYTES = 256 * KIB
"""What is kept and larger than this is listed; a picture of 480x270 is 380 KiB."""
STRIPS_BYTES = (STRIP_ROWS + 1080 % STRIP_ROWS) * 1920 * 3
"""The first, with the banner, and the last, with the frame's number."""
HALF_BYTES = FRAME_BYTES // 4
"""A picture of half the width."""
Step = Callable[[Image], object]


@pytest.fixture(scope="module")
def shared() -> Iterator[SharedFrames]:
    frames = SharedFrames()
    yield frames
    frames.close()


@pytest.fixture(scope="module")
def lent(shared: SharedFrames) -> list[Image]:
    """Frames as a camera gives them: in memory that the engine's process sees."""
    renderer = DemoRenderer(0)
    return [frame for index in range(3) if (frame := shared.copied(renderer.degraded(30 + 5 * index))) is not None]


def plain() -> Engine:
    return open_cpu_engine(load_profile("live"), 2)


def by_opencv() -> Engine:
    engine: Any = open_cpu_engine(load_profile("live"), 2)
    engine._passes = OpenCvPasses(engine._pool, 2)
    return engine  # type: ignore[no-any-return]


def weakened() -> Engine:
    engine = WeakenedEngine(plain(), 0.5)
    engine.whole = np.empty((1080, 1920, 3), np.uint8)
    return engine


def corrected() -> Engine:
    return CorrectedEngine(plain(), Correction(calibration_of(unit_truth("C-3", lens="fisheye")), 2))


def whole_graph() -> Engine:
    return GraphCpuEngine(load_profile("live"), 2)


def bicubic() -> Engine:
    return open_bicubic_engine(load_profile("live"), 2)


ENGINES = {"plain": plain, "OpenCV": by_opencv, "weakened": weakened, "corrected": corrected, "bicubic": bicubic,
           "whole graph": whole_graph}  # fmt: skip


def enhancing(open_engine: Callable[[], Engine]) -> Step:
    engine, out = open_engine(), np.empty((1080, 1920, 3), np.uint8)

    def step(image: Image) -> None:
        assert engine.enhance(image, out).image is out, "else it is copied there"

    return step


def judging() -> Step:
    judge, answer = OutputJudge(), DemoRenderer(0).truth(30)
    return lambda image: judge.fault(image, answer)


def encoding(view: str, width_px: int = 1920) -> Step:
    encoder = ViewEncoder()

    def step(image: Image) -> None:
        raw = Frame(image, 1, 1)
        pair = FramePair(raw, raw.enhanced(image, "live", {}))
        assert encoder.encoded(View(view, width_px=width_px), pair, Verdict("live"), 85).jpeg  # type: ignore[arg-type]

    return step


STEPS: dict[str, tuple[Callable[[], Step], int]] = {
    **{f"engine, {name}": (lambda one=one: enhancing(one), 24 * KIB) for name, one in ENGINES.items()},
    "judge": (judging, 300 * KIB),
    "JPEG of enhanced": (lambda: encoding("enhanced"), 600 * KIB),
    "JPEG of raw": (lambda: encoding("raw"), 600 * KIB),
    "JPEG of both": (lambda: encoding("pair"), 1100 * KIB),
    "JPEG of both halves": (lambda: encoding("split"), 600 * KIB),
    "small JPEG of both": (lambda: encoding("pair", 960), 600 * KIB),
    "small JPEG of both halves": (lambda: encoding("split", 960), 300 * KIB),
}
"""What is done with a frame -> the most that may be taken for it at once and given back.

Measured, in KiB: engines 1 to 7, judge 196, JPEG 436 and 790, which is the file (198, 395) and the strips it is put
together from. A picture of 480x270 in bytes is 380 and a frame 6075, so that the smallest copy goes beyond any of them.
"""


@pytest.mark.parametrize("name", STEPS)
def test_next_to_nothing_is_taken_for_a_frame(lent: list[Image], name: str) -> None:
    make, limit_bytes = STEPS[name]
    assert most_taken(make(), lent) <= limit_bytes


def most_taken(step: Step, frames: list[Image]) -> int:
    """Bytes beyond what is held anyway, at the worst moment of a few frames after the first ones; not onnxruntime's."""
    for image in frames:
        step(image)
    most = 0
    tracemalloc.start()
    try:
        step(frames[0])
        for image in (*frames, *frames):
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            step(image)
            most = max(most, tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    return most


MAPS_BYTES = 270 * 480 * 3 * 4
SHRUNK_BYTES = 270 * 480 * 3
KEPT: dict[str, list[int]] = {
    "engine, plain": [MAPS_BYTES, MAPS_BYTES, SHRUNK_BYTES],
    "engine, bicubic": [MAPS_BYTES] * 3 + [SHRUNK_BYTES] * 2,
    "engine, whole graph": [],
    "judge": [],
    "JPEG of enhanced": [STRIPS_BYTES],
    "JPEG of raw": [STRIPS_BYTES],
    "JPEG of both": [STRIPS_BYTES],
    "JPEG of both halves": [FRAME_BYTES],
    "small JPEG of both": [HALF_BYTES],
    "small JPEG of both halves": [HALF_BYTES] * 3,
}
"""What is kept from frame to frame, in bytes each. Only a split view, which is put together, is a frame of its own.

A smaller picture is made once and encoded from where it lies; a smaller split of two such.
"""


@pytest.mark.parametrize("name", KEPT)
def test_no_frame_is_kept_that_a_copy_could_go_to(lent: list[Image], name: str) -> None:
    if name in ("engine, plain", "engine, bicubic") and compiled_library() is None:
        pytest.skip("the package was installed without a C compiler: apt-get install gcc libc6-dev, then make venv-dev")
    given = 1920 * 1080 * 3  # what the test itself holds: where the answer goes, or the answer that is judged
    tracemalloc.start()
    try:
        step = STEPS[name][0]()
        for image in (*lent, *lent):
            step(image)
        traces = tracemalloc.take_snapshot().traces
        sizes = sorted((trace.size for trace in traces if trace.size >= LARGE_BYTES), reverse=True)
    finally:
        tracemalloc.stop()
    if name.startswith(("engine", "judge")):
        sizes.remove(given)
    assert sizes == sorted(KEPT[name], reverse=True)


@pytest.fixture(scope="module")
def process(shared: SharedFrames) -> Iterator[EngineProcess]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DEADLINE_S", "CPU_OPENING_S", "PROVING_S"):
            patch.setattr(process_module, name, GUARD_S)
        order = EngineOrder(Rung("live", "cpu"), load_profile("live").sha256, EngineConfig(threads=1), UnitConfig())
        one = EngineProcess(order, shared)
        while one.poll_opened(1.0) is None:
            pass
        yield one
        one.close(GUARD_S)


@pytest.mark.parametrize(
    ("where", "strength", "num_taken"),
    [("lent", 1.0, 1), ("lent", 0.5, 2), ("its own", 1.0, 2)],
    ids=["lent", "lent, half the strength", "its own memory"],
)
def test_the_engines_process_takes_a_frame_for_its_answer_alone(
    shared: SharedFrames,
    lent: list[Image],
    process: EngineProcess,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    strength: float,
    num_taken: int,
) -> None:
    """Half the strength takes one for the whole answer, which the judge looks at; a frame from elsewhere one more."""
    images = lent if where == "lent" else [image.copy() for image in lent]
    taken: list[int] = []
    take = shared_pool.SharedPool.take

    def counted(frames: shared_pool.SharedPool) -> Image | None:
        taken.append(1)
        return take(frames)

    monkeypatch.setattr(shared_pool.SharedPool, "take", counted)
    made = process.enhance(images[0], strength=strength)
    assert len(taken) == num_taken
    assert shared.index_of(made.image) is not None
    assert most_taken(lambda image: process.enhance(image, strength=strength), images) <= 16 * KIB
