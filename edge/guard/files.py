"""The engine of a run over files: the same process as live's, waited for as long as a picture takes.

A process that dies or hangs is replaced and the picture tried again. A GPU that is lost leaves the work to the CPU with
the same profile: never to a smaller one or to bicubic, since somebody asked for this one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import numpy as np

from edge.basics.errors import DeviceMissing, EdgeError, EngineFailed, EngineLost
from edge.basics.threads import let_give_way
from edge.config import EngineConfig, UnitConfig
from edge.engines.engine import Enhanced
from edge.engines.rungs import own_rungs
from edge.guard.order import EngineOrder, is_without_gpu
from edge.guard.process import EngineGone, EngineProcess, reap
from edge.guard.sandbox import has_gpu
from edge.guard.shared_frames import SharedFrames
from edge.health.machine import available_cpus
from edge.models.profile import Profile
from edge.pictures.image import Image

log = logging.getLogger(__name__)

NUM_FRAMES = 16
"""Of a clip six that were decoded ahead, seven that wait for their encoder; those of a process that ends slowly."""
NUM_TRIES = 2
"""On one rung, of opening or of a picture: a process may end for any reason, with the same picture twice for one."""
OPENING_S = 900.0
"""What opening may take, and then the golden frame: half a minute each for the largest profile on two cores."""
LEAST_WAIT_S, NUM_TIMES = 60.0, 20
"""A picture is waited for so long, or so many times what a frame took when the engine opened."""
POLL_S, LONGEST_END_S = 0.2, 10.0


def engine_makers(
    profile: Profile, config: EngineConfig, num_workers: int = 0
) -> Callable[[int], list[Callable[[], FilesEngine]]]:
    """For `edge.batch.workers.processes.Processes`: from how many pieces there are, how each worker makes its engine.

    One worker a core, each with one thread for its engine: measured, that is faster than fewer with more threads
    (docs/results.md). Where there are fewer pieces than that, each engine gets the cores that are left.

    Args:
        num_workers: 0 for one a core.
    """

    def makers(num_pieces: int) -> list[Callable[[], FilesEngine]]:
        cores = available_cpus()
        count = max(1, min(num_workers or cores, num_pieces))
        alone = replace(config, threads=config.threads or max(1, cores // count))
        return [partial(FilesEngine, profile, alone) for _ in range(count)]

    return makers


class FilesEngine:
    """Implements `edge.batch.piece.BatchEngine`. Its process opens from now on, while other things are done.

    Args:
        unit: whose correction stands before the engine; None for files from anywhere.
        num_frames: that may be in use at once.
        gives_way: whether its process takes only the processor time that others leave.

    Raises:
        DeviceMissing: the configuration insists on a runtime that is not installed.
        EngineGone: no process can be started.
    """

    def __init__(
        self,
        profile: Profile,
        config: EngineConfig,
        unit: UnitConfig | None = None,
        num_frames: int = NUM_FRAMES,
        *,
        gives_way: bool = False,
    ) -> None:
        self.profile, self.model_sha256 = profile.name, profile.sha256
        self._config, self._unit, self._gives_way = config, unit, gives_way
        self._is_abandoned = False
        self._rungs = own_rungs(profile.name, config.backend)
        self._rung = 0
        self._device = ""
        self._process: EngineProcess | None = None
        self._frames = SharedFrames(num_frames)
        with ExitStack() as stack:
            stack.callback(self.close)
            self._start()
            stack.pop_all()

    @property
    def device(self) -> str:
        """Where the last picture was made."""
        return self._device

    @property
    def frame_ms(self) -> float:
        """What a picture took when the engine opened; 0 before."""
        opened = None if self._process is None else self._process.opened
        return 0.0 if opened is None else opened.frame_ms

    def open(self, stop: threading.Event) -> None:
        """Wait until the engine is open and proven, or `stop` is set.

        Raises:
            DeviceMissing, ModelError: it cannot be had.
            EngineGone: its process ended each time, or took far too long.
        """
        self._opened(stop)

    def lend(self) -> Image | None:
        """Memory that the engine's process reads without a copy; see `edge.frames.lending`."""
        return self._frames.lend()

    def enhance(self, image: Image, out: Image | None = None) -> Enhanced:
        """See `edge.engines.engine.Engine.enhance`.

        Raises:
            EngineFailed: this picture failed, or ended the process each time that it was tried.
            EdgeError: the engine cannot be opened again.
        """
        first = before = self._rung
        num_lost = 0
        while True:
            process = self._opened()
            if self._rung != before:  # the rung before cannot be opened any more
                first = before = self._rung
                num_lost = 0
            try:
                return self._made(process, image, out)
            except EngineLost as error:
                self._end()
                lost = error
            num_lost += 1
            is_gpu_lost = not isinstance(lost, EngineGone) and not self._is_last
            if num_lost < NUM_TRIES and not is_gpu_lost:
                log.warning("%s; it starts again", lost)
            elif self._is_last:
                self._rung = first  # every rung fails at this picture, so a better one is not to blame
                raise EngineFailed(f"{lost}, {NUM_TRIES} times with this picture") from lost
            else:
                self._step_down(lost)
                before, num_lost = self._rung, 0
                first = self._rung if is_gpu_lost else first

    def _made(self, process: EngineProcess, image: Image, out: Image | None) -> Enhanced:
        assert process.opened is not None, "it is waited for"
        made = process.enhance(image, max(LEAST_WAIT_S, NUM_TIMES * process.opened.frame_ms / 1e3))
        self._device = process.opened.device
        stage_ms = {name: ms for name, ms in made.stage_ms.items() if name != "handover"}
        if out is None:
            return Enhanced(made.image, stage_ms)
        np.copyto(out, made.image)
        return Enhanced(out, stage_ms)

    # ---- the process

    @property
    def _is_last(self) -> bool:
        return self._rung == len(self._rungs) - 1

    def _start(self) -> EngineProcess:
        """Begin to open the rung, or the one below where its runtime is not even installed."""
        reap()
        while True:
            order = EngineOrder(self._rungs[self._rung], self.model_sha256, self._config, self._unit)
            try:
                self._process = EngineProcess(order, self._frames, OPENING_S)
                if self._gives_way:
                    let_give_way(self._process.pid)
                return self._process
            except DeviceMissing as error:
                if self._is_last or isinstance(error, EngineLost):
                    raise
                self._step_down(error)

    def _opened(self, stop: threading.Event | None = None) -> EngineProcess:
        """The process, open unless `stop` is set, on the best rung that can be opened; raises as `open`."""
        num_gone = 0
        while True:
            if self._is_abandoned:
                raise EngineFailed("given up")
            try:
                process = self._process or self._start()
                while process.poll_opened(POLL_S) is None:
                    if stop is not None and stop.is_set():
                        break
                return process
            except EdgeError as error:
                self._end()
                num_gone += isinstance(error, EngineGone)
                if 0 < num_gone < NUM_TRIES:
                    log.warning("%s; it starts again", error)
                    continue
                if self._is_last:
                    raise
                self._step_down(error)
                num_gone = 0

    def _step_down(self, error: EdgeError) -> None:
        as_it_should_be = logging.INFO if has_gpu() else logging.DEBUG  # news where a GPU is there
        log.log(as_it_should_be if is_without_gpu(error) else logging.WARNING, "the CPU engine runs: %s", error)
        self._rung += 1

    def abandon(self) -> None:
        """From any thread: the picture that is being made is not wanted any more; `enhance` raises EngineFailed."""
        self._is_abandoned = True
        process = self._process
        if process is not None:
            process.kill()

    def _end(self) -> None:
        if self._process is not None:
            self._process.close(LONGEST_END_S)
            self._process = None

    def close(self) -> None:
        self._end()
        self._frames.close()
