"""A bench unit with known faults, its frames, and the sessions and the solution made of them, once for all tests."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from calib.session import Session, SessionWriter
from calib.solving.solve import Solution, solve
from edge.pictures.image import Image
from edge.sources.demo.bench import HOLD_FRAMES, BenchSource
from edge.sources.demo.unit import LensModel, UnitCamera, UnitTruth, unit_truth
from tests.kept import kept_folder, sources_of
from tests.once import MadeOnce, made_in, run_folder

UNIT = "A-1"
MADE_BY = ("edge.sources.demo.bench", "calib.solving.solve", "tests.calib.conftest")
"""What frames, sessions and the solution depend on, with all that these import."""


class Bench:
    """Frames of one unit before any target; what was rendered once is read from a folder afterwards."""

    def __init__(self, kept: Path) -> None:
        self._kept = kept
        self.truth: UnitTruth = unit_truth(UNIT)
        self._camera = lru_cache(maxsize=2)(self._made_camera)
        self.source = lru_cache(maxsize=6)(self._opened)
        self._rendered = lru_cache(maxsize=20)(self._render)

    def frame(
        self, target: str, position: int = 0, *, exposure: float = 1.0, dust: int = 8, lens: LensModel = "radial"
    ) -> Image:
        """The target's frame at a position, read-only; the same arguments give the same pixels."""
        return self._rendered(target, position * HOLD_FRAMES, exposure, dust, lens)

    def _render(self, target: str, index: int, exposure: float, dust: int, lens: LensModel) -> Image:
        name = f"{target}-{index}-{exposure}-{dust}-{lens}"
        folder = made_in(
            self._kept,
            name,
            lambda folder: np.save(folder / "frame.npy", self.source(target, exposure, dust, lens).render(index)),
        )
        image: Image = np.load(folder / "frame.npy")
        image.flags.writeable = False
        return image

    def _opened(self, target: str, exposure: float = 1.0, dust: int = 8, lens: LensModel = "radial") -> BenchSource:
        return BenchSource("demo:", self._camera(dust, lens), target, exposure=exposure, paced=False)

    def _made_camera(self, dust: int, lens: LensModel) -> UnitCamera:
        return UnitCamera(unit_truth(UNIT, num_dust=dust, lens=lens))

    def frames(self, target: str, count: int, **options: object) -> list[Image]:
        return [self.frame(target, position, **options) for position in range(count)]  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def kept(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose content outlives the run, where pytest has a cache."""
    cache: pytest.Cache | None = getattr(pytestconfig, "cache", None)
    return run_folder(tmp_path_factory) if cache is None else kept_folder(cache, "calib", sources_of(*MADE_BY))


@pytest.fixture(scope="session")
def bench(kept: Path) -> Bench:
    return Bench(kept)


def session_of(
    folder: Path, target: str, *, unit: str = UNIT, mode: str = "1920x1080 demo", wanted: int = 0
) -> Session:
    return Session(folder, target, "", unit, "demo:", mode, wanted, {}, None, "2026-01-01T00:00:00+00:00")


@pytest.fixture(scope="session")
def write_session() -> Callable[..., Path]:
    """Writes frames as a complete session: `write_session(folder, target, images, unit=..., mode=...)`."""

    def write(folder: Path, target: str, images: Iterable[Image], **options: str) -> Path:
        images = list(images)
        writer = SessionWriter(session_of(folder, target, wanted=len(images), **options))  # type: ignore[arg-type]
        writer.begin()
        for image in images:
            writer.add(image, {})
        return folder

    return write


@pytest.fixture(scope="session")
def sessions(bench: Bench, kept: Path, write_session: Callable[..., Path], made_once: MadeOnce) -> Path:
    """A folder with a session of each target: this run's own copy."""

    def make(folder: Path) -> None:
        for target, count in (("flat", 6), ("white", 1), ("chart", 1), ("lens", 12)):
            write_session(folder / target, target, bench.frames(target, count))
        dark = bench.source("dark")
        write_session(folder / "dark", "dark", [dark.render(index) for index in range(6)])

    return made_once("A-1", lambda folder: shutil.copytree(made_in(kept, "rendered", make), folder, dirs_exist_ok=True))


@pytest.fixture(scope="session")
def solution(sessions: Path, kept: Path) -> Solution:
    """What `solve` makes of all sessions."""

    def make(folder: Path) -> None:
        solved = solve([sessions / target for target in ("dark", "flat", "white", "chart", "lens")])
        (folder / "solution.pickle").write_bytes(pickle.dumps(solved))

    stored: Solution = pickle.loads((made_in(kept, "solution", make) / "solution.pickle").read_bytes())
    return stored


@pytest.fixture
def copied(sessions: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A session's own copy that a test may damage: `copied("dark")`."""

    def copy(target: str) -> Path:
        made = tmp_path / target
        made.mkdir()
        for path in (sessions / target).iterdir():
            (made / path.name).hardlink_to(path)
        return made

    return copy
