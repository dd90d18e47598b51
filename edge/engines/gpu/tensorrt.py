"""A profile on an NVIDIA GPU: a TensorRT plan driven through pycuda.

Frame n+1 is copied in while n runs and n-1 is copied out: two sets of device buffers, a stream for each of the three,
and events between them. On an integrated GPU nothing is copied; the engine works in the page-locked frames themselves.
All calls come from the thread that opened the engine, which owns the CUDA context.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from contextlib import ExitStack
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from edge.basics.errors import EngineFailed, EngineLost
from edge.engines.engine import Enhanced
from edge.engines.gpu.cuda_graph import CudaGraph
from edge.engines.gpu.frame_pool import FramePool
from edge.engines.gpu.libcuda import CudaCallError
from edge.engines.gpu.trt_log import last_error
from edge.pictures.geometry import FRAME_SHAPE
from edge.pictures.image import Image

FRAME_BYTES = int(np.prod(FRAME_SHAPE))
NUM_SETS = 2
MAX_FLIGHTS = 3
"""Frames on their way: one copied in, one running, one copied out. The first and the last share a set of buffers."""
MAX_FRAMES = 64
"""Page-locked frames at most, 400 MB: beyond it something keeps pictures that nobody looks at."""
MAX_GRAPHS = 32
"""On an integrated GPU each pair of frames in and out needs a recording of its own; a few pairs make the round."""
GRAPH_PAYS_BELOW = 0.97
NUM_TIMED = 8
_GRID = slice(60, None, 120)
"""Rows and columns that are looked at to tell a black picture."""


class _Marks:
    """Events along one frame's way."""

    def __init__(self, cuda: Any) -> None:
        blocking = cuda.event_flags.BLOCKING_SYNC  # a waiting thread sleeps: capture and encoders need its core
        self.copy_began, self.copied_in, self.run_began, self.ran, self.out_began, self.copied_out = (
            cuda.Event(blocking) for _ in range(6)
        )


class _BufferSet:
    """Device memory for one frame in and one out, and the marks of the frame that used it last."""

    def __init__(self, cuda: Any, *, mapped: bool) -> None:
        self.last: _Marks | None = None
        self.frame: Any = None if mapped else cuda.mem_alloc(FRAME_BYTES)
        try:
            self.enhanced: Any = None if mapped else cuda.mem_alloc(FRAME_BYTES)
        except cuda.Error:
            if self.frame is not None:
                self.frame.free()
            raise

    def close(self) -> None:
        for memory in (self.frame, self.enhanced):
            if memory is not None:
                memory.free()


class _Flight(NamedTuple):
    """A frame on its way; holds its memory until it is back."""

    image: Image
    out: Image
    marks: _Marks
    host_ms: float


class TensorRtEngine:
    """Implements `edge.engines.engine.Engine`; made by `edge.engines.gpu.open.open_tensorrt_engine`.

    `enhance` gives the shortest latency. `submit` and `collect` keep up to three frames on their way, for
    throughput.

    Args:
        cuda: `pycuda.driver`, a context of it current.
        context: an execution context whose input is `frame` and whose output is `enhanced`.
    """

    def __init__(
        self,
        cuda: Any,
        context: Any,
        pool: FramePool,
        *,
        profile: str,
        model_sha256: str,
        device: str,
        mapped: bool,
        logger: Any,
    ) -> None:
        self.profile, self.model_sha256, self.device = profile, model_sha256, device
        self.memory_bytes: dict[str, int] = {}
        self._cuda, self._context, self._pool = cuda, context, pool
        self._resources = ExitStack()
        self._mapped, self._logger = mapped, logger
        self._sets: list[_BufferSet] = []
        try:
            self._marks = [_Marks(cuda) for _ in range(MAX_FLIGHTS)]
            for _ in range(NUM_SETS):
                self._sets.append(_BufferSet(cuda, mapped=mapped))
        except cuda.Error:
            self._close_sets()
            raise
        self._streams = self._copy_in, self._run, self._copy_out = tuple(cuda.Stream() for _ in range(3))
        self._flights: deque[_Flight] = deque()
        self._num_submitted = 0
        self._graphs: dict[tuple[int, int], CudaGraph] | None = None

    frame_bytes = FRAME_BYTES

    def own(self, resources: ExitStack) -> None:
        """Take what is to be closed after all that this object makes: pool, context."""
        self._resources = resources

    @property
    def run_stream(self) -> Any:
        """The CUDA stream that the engine runs on."""
        return self._run

    @property
    def uses_cuda_graph(self) -> bool:
        return self._graphs is not None

    def lend(self) -> Image | None:
        """Memory that the engine reads without a copy on the host; see `edge.frames.lending`."""
        return self._pool.take()

    def enhance(self, image: Image, out: Image | None = None) -> Enhanced:
        """Run one frame to its end.

        Args:
            out: where to put it; costs a copy where it is not one of the pool's frames.

        Raises:
            EngineLost: the GPU or its driver failed; close the engine and open it again.
            EngineFailed: the picture came back black.
        """
        self.submit(image, out)
        result = self.collect()
        if out is None or result.image is out:
            return result
        np.copyto(out, result.image)
        return Enhanced(out, result.stage_ms)

    def submit(self, image: Image, out: Image | None = None) -> None:
        """Start a frame; at most three are on their way before `collect`. Raises as `enhance`.

        Args:
            out: where to put it, if it is one of the pool's frames; else one of those is taken.
        """
        if len(self._flights) == MAX_FLIGHTS:
            raise ValueError(f"{MAX_FLIGHTS} frames are on their way already; collect one first")
        begin = time.perf_counter()
        marks = self._marks[self._num_submitted % MAX_FLIGHTS]
        source = image if self._pool.holds(image) else self._staged(image)
        if out is None or not self._pool.holds(out):
            out = self._taken()
        try:
            if self._mapped:
                self._enqueue_mapped(source, out, marks)
            else:
                self._enqueue(source, out, self._sets[self._num_submitted % NUM_SETS], marks)
        except (self._cuda.Error, CudaCallError) as error:
            raise self._lost(error) from error
        self._num_submitted += 1
        self._flights.append(_Flight(source, out, marks, (time.perf_counter() - begin) * 1e3))

    def collect(self) -> Enhanced:
        """Wait for the oldest frame on its way. Raises as `enhance`."""
        flight = self._flights.popleft()
        marks = flight.marks
        try:
            marks.copied_out.synchronize()
            run_ms = float(marks.ran.time_since(marks.run_began))
            copy_ms = 0.0
            if not self._mapped:
                copy_ms += float(marks.copied_in.time_since(marks.copy_began))
                copy_ms += float(marks.copied_out.time_since(marks.out_began))
        except (self._cuda.Error, CudaCallError) as error:
            raise self._lost(error) from error
        if flight.image[_GRID, _GRID].any() and not flight.out[_GRID, _GRID].any():
            raise EngineFailed(f"{self.profile}: the engine gave a black picture")
        return Enhanced(flight.out, {"gpu": run_ms, "copy": copy_ms, "submit": flight.host_ms})

    def _enqueue_mapped(self, source: Image, out: Image, marks: _Marks) -> None:
        marks.run_began.record(self._run)
        self._launch(self._pool.device_address(source), self._pool.device_address(out))
        marks.ran.record(self._run)
        marks.copied_out.record(self._run)

    def _enqueue(self, source: Image, out: Image, buffers: _BufferSet, marks: _Marks) -> None:
        before, buffers.last = buffers.last, marks
        if before is not None:
            self._copy_in.wait_for_event(before.ran)
            self._run.wait_for_event(before.copied_out)
        marks.copy_began.record(self._copy_in)
        self._cuda.memcpy_htod_async(buffers.frame, source, self._copy_in)
        marks.copied_in.record(self._copy_in)
        self._run.wait_for_event(marks.copied_in)
        marks.run_began.record(self._run)
        self._launch(int(buffers.frame), int(buffers.enhanced))
        marks.ran.record(self._run)
        self._copy_out.wait_for_event(marks.ran)
        marks.out_began.record(self._copy_out)
        self._cuda.memcpy_dtoh_async(out, buffers.enhanced, self._copy_out)
        marks.copied_out.record(self._copy_out)

    def _launch(self, frame: int, enhanced: int) -> None:
        if self._graphs is None:
            self._execute(frame, enhanced)
            return
        graph = self._graphs.get((frame, enhanced))
        if graph is None and len(self._graphs) < MAX_GRAPHS:
            graph = CudaGraph(self._run.handle, lambda: self._execute(frame, enhanced))
            self._graphs[frame, enhanced] = graph
        if graph is None:
            self._execute(frame, enhanced)
        else:
            graph.launch()

    def _execute(self, frame: int, enhanced: int) -> None:
        context = self._context
        bound = context.set_tensor_address("frame", frame) and context.set_tensor_address("enhanced", enhanced)
        if not bound or not context.execute_async_v3(self._run.handle):
            raise EngineLost(f"{self.profile}: TensorRT did not start the engine: {last_error(self._logger)}")

    def choose_launch(self, image: Image) -> None:
        """Keep a CUDA graph where launching one is faster, host and GPU together; measured on this engine, now."""

        def timed() -> float:
            samples = []
            for _ in range(NUM_TIMED):
                begin = time.perf_counter()
                self.enhance(image)
                samples.append(time.perf_counter() - begin)
            return median(samples[1:])

        plain = timed()
        self._graphs = {}
        try:
            pays = timed() < GRAPH_PAYS_BELOW * plain
        except EngineLost:
            pays = False  # an engine with work that cannot be recorded
        if not pays:
            self._drop_graphs()

    def _drop_graphs(self) -> None:
        graphs, self._graphs = self._graphs or {}, None
        for graph in graphs.values():
            graph.close()

    def _staged(self, image: Image) -> Image:
        staged = self._taken()
        np.copyto(staged, image)
        return staged

    def _taken(self) -> Image:
        taken = self._pool.take()
        if taken is None and len(self._pool) < MAX_FRAMES:
            try:
                self._pool.grow()
            except CudaCallError as error:
                raise self._lost(error) from error
            taken = self._pool.take()
        if taken is None:
            raise EngineFailed(
                f"{self.profile}: all {MAX_FRAMES} page-locked frames are in use; viewers hold old pictures"
            )
        return taken

    def _lost(self, error: Exception) -> EngineLost:
        self._flights.clear()
        return EngineLost(f"{self.profile}: the GPU failed ({' '.join(str(error).split())[:200]})")

    def close(self) -> None:
        """Let go of everything, the context last; safe to call twice and after a failure."""
        streams, self._streams = self._streams, ()
        try:
            for stream in streams:
                stream.synchronize()
            self._drop_graphs()
        except (self._cuda.Error, CudaCallError):
            pass  # a context that failed cannot be tidied, only left
        self._flights.clear()
        self._context, self._marks = None, []
        self._close_sets()
        self._resources.close()

    def _close_sets(self) -> None:
        while self._sets:
            with contextlib.suppress(self._cuda.Error):
                self._sets.pop().close()
