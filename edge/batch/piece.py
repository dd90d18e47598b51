"""The unit of work of a run over files, which any worker can do, in any order, on any machine.

    piece = Piece("picture", path, path.resolve(), "throat")
    made = do_piece(engine, profile, piece, scratch)      # files, record, changes

A piece and what is made of it can be pickled, and know nothing of the folder that the results go to. The same piece
gives the same bytes each time: no clock, no timing and no number of threads gets into them.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any, Protocol, TypeVar

from edge.basics.errors import EdgeError
from edge.batch.kinds.every import KINDS
from edge.batch.kinds.kind import Made, MadeFile, Options, Piece
from edge.batch.steps import NoEngine, Stopped
from edge.engines.engine import Engine
from edge.frames.lending import Lend
from edge.models.kinds import synthesises
from edge.models.profile import Profile
from edge.pictures.image import Image
from edge.pictures.marks import SYNTHESISED, mark_text
from edge.saving.sidecar import Result, SourceFile, sidecar_record

__all__ = ["BatchEngine", "Made", "MadeFile", "Options", "Piece", "Worker", "do_piece", "model_record"]

T = TypeVar("T")
_THREADS = re.compile(r"\d+ threads?, ")


class BatchEngine(Engine, Protocol):
    """An engine that opens while other things are done, and lends memory that it reads without a copy."""

    def open(self, stop: threading.Event) -> None:
        """Wait until it is open, or `stop` is set; raises EdgeError where it cannot be had."""
        ...

    def lend(self) -> Image | None:
        """See `edge.frames.lending.Lend`."""
        ...


def do_piece(engine: BatchEngine, profile: Profile, piece: Piece, scratch: Path) -> Made:
    """Make the files of one piece; a `Worker` does many.

    Raises:
        NoEngine: there is none.
        OutputFolderError: `scratch` takes nothing more.
        EdgeError: this piece came to nothing; others may not.
    """
    worker = Worker(engine, profile, scratch)
    try:
        return worker.do(piece)
    finally:
        worker.close()


class Worker:
    """Does pieces one after the other, in the thread that owns the engine. Implements `edge.batch.kinds.kind.Work`.

    Args:
        profile: what the engine runs.
        scratch: a folder that is there; see `edge.batch.kinds.kind.Work`.
        stop: ends a clip early.
        on_expected: told how many frames a piece promises to have, once it is looked into.
        on_frame: called after each frame.
        is_alone: whether there are cores that nobody else works on; else this thread does all but what the engine does.
    """

    def __init__(
        self,
        engine: BatchEngine,
        profile: Profile,
        scratch: Path,
        stop: threading.Event | None = None,
        on_expected: Callable[[int], object] = lambda num_frames: None,
        on_frame: Callable[[], object] = lambda: None,
        *,
        is_alone: bool = True,
    ) -> None:
        self._engine, self._is_open = engine, False
        self._profile = profile
        self.scratch = scratch
        self.stop = stop or threading.Event()
        self.expect, self.did_frame = on_expected, on_frame
        self._thread = ThreadPoolExecutor(1, "beside") if is_alone else None
        self._kept: tuple[object, Any] | None = None
        self._name = ""
        self._devices: list[str] = []
        self._stage_ms: defaultdict[str, list[float]] = defaultdict(list)

    def do(self, piece: Piece) -> Made:
        """Make the files of a piece; raises as `do_piece`, and Stopped where `stop` was set in the middle."""
        self._name = str(piece.path)
        self._devices.clear()
        self._stage_ms.clear()
        return KINDS[piece.kind].make(piece, self)

    def close(self) -> None:
        """Let go of its thread; the engine is its maker's."""
        if self._thread is not None:
            self._thread.shutdown()

    @property
    def lend(self) -> Lend:
        return self._engine.lend

    @property
    def mark(self) -> str:
        is_synthesised = synthesises(self._profile.manifest)
        return mark_text("enhanced", self._engine.profile, self._engine.model_sha256, is_synthesised=is_synthesised)

    @property
    def model(self) -> dict[str, Any]:
        return {key: value for key, value in model_record(self._engine, self._profile).items() if key != "device"}

    def enhance(self, image: Image) -> Image:
        self._open()
        try:
            result = self._engine.enhance(image)
        except (EdgeError, RuntimeError) as error:
            raise EdgeError(f"{self._name}: the engine failed: {error}") from error
        device = _THREADS.sub("", self._engine.device)
        if device not in self._devices[-1:]:
            self._devices.append(device)
        for name, ms in result.stage_ms.items():
            self._stage_ms[name].append(ms)
        return result.image

    def _open(self) -> None:
        """Wait for the engine, once: decoding and encoding of the first picture have begun by then."""
        if self._is_open:
            return
        try:
            self._engine.open(self.stop)
        except EdgeError as error:
            raise NoEngine(str(error), error.exit_code) from error
        if self.stop.is_set():
            raise Stopped
        self._is_open = True

    def beside(self, work: Callable[[], T]) -> Callable[[], T]:
        return work if self._thread is None else self._thread.submit(work).result

    def kept(self, key: object, open_it: Callable[[], T]) -> T:
        if self._kept is None or self._kept[0] != key:
            self._kept = None  # one file is in memory, never two
            self._kept = key, open_it()
        opened: T = self._kept[1]
        return opened

    def made(
        self,
        source: SourceFile,
        size_px: tuple[int, int],
        files: tuple[MadeFile, ...],
        changes: tuple[str, ...],
        *,
        warnings: tuple[str, ...] = (),
        clip: Mapping[str, Any] | None = None,
        picture: Mapping[str, Any] | None = None,
    ) -> Made:
        model = model_record(self._engine, self._profile) | {"device": ", then ".join(self._devices)}
        saved = tuple(file.saved for file in files)
        result = Result(source, size_px, model, saved, None, clip, picture=picture, changes=changes)
        stage_ms = {name: median(times) for name, times in self._stage_ms.items()}
        num_frames = max(map(len, self._stage_ms.values()), default=1)
        return Made(files, sidecar_record(result), changes, warnings, num_frames, stage_ms)


def model_record(engine: Engine, profile: Profile) -> dict[str, Any]:
    """The model as the sidecar names it."""
    return {
        "name": profile.manifest["name"],
        "profile": engine.profile,
        "version": profile.manifest["version"],
        "sha256": engine.model_sha256,
        "device": engine.device,
        **({"detail": SYNTHESISED} if synthesises(profile.manifest) else {}),
    }
