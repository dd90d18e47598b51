"""The `demo:` source: a synthetic throat before a camera that fogs and loses focus. No patient needed."""

from __future__ import annotations

import itertools
import threading
import time

from edge.frames.frame import Frame
from edge.sources.demo.render import DemoFrame, DemoRenderer
from edge.sources.pace import FrameClock


class DemoSource:
    """Plays the synthetic throat like a camera.

    Args:
        uri: as the user wrote it.
        seed: the throat; the same seed gives the same frames.
        fps: frames per second of its clock.
        paced: `edge.frames.stages.Source`: frames come whether somebody can use them or not.
        timed: wait for the clock and skip what was missed, by default where it is paced; if not, each `read` gives the
            next frame at once. Timed and not paced it is drawn as fast as its reader takes frames, and no faster.
        clean: give the clean truth as the picture.
    """

    def __init__(
        self,
        uri: str,
        *,
        seed: int = 0,
        fps: float = 30.0,
        paced: bool = True,
        timed: bool | None = None,
        clean: bool = False,
    ) -> None:
        self.uri = uri
        self.fps = fps
        self.paced = paced
        self._timed = paced if timed is None else timed
        self._clean = clean
        self._renderer = DemoRenderer(seed, fps)
        self._clock = FrameClock(fps)
        self._closed = threading.Event()
        self._indices = itertools.count()

    def render(self, index: int) -> DemoFrame:
        """Frame `index` with its truth, always the same pixels."""
        return DemoFrame(self._renderer.degraded(index), self._renderer.truth(index))

    def read(self) -> Frame | None:
        """The next frame, as `edge.frames.stages.Source` says."""
        index = self._clock.wait_next() if self._timed else next(self._indices)
        if index is None or self._closed.is_set():
            return None
        t_capture_ns = time.monotonic_ns()
        image = self._renderer.truth(index) if self._clean else self._renderer.degraded(index)
        return Frame(image, index, t_capture_ns)

    def close(self) -> None:
        """End a waiting `read` and every later one."""
        self._closed.set()
        self._clock.close()
