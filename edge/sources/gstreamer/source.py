"""A camera through GStreamer: a pipeline in a process of its own, which writes into memory of this one."""

from __future__ import annotations

import logging
import time
from typing import Any, NoReturn

import cv2
import numpy as np

from edge.basics.errors import CameraLost, DeviceMissing, UsageError
from edge.frames.frame import Frame
from edge.frames.lending import Lend, nothing_lent
from edge.frames.shared_pool import SharedMemory
from edge.gstreamer.child import ChildGone, GstChild, Message
from edge.gstreamer.program import no_gstreamer, package_of
from edge.pictures.geometry import FRAME_SHAPE, Fit
from edge.pictures.image import Image
from edge.sources.gstreamer.pictures import PictureMemory
from edge.sources.gstreamer.said import Caps, Said, caps_of, taken_of
from edge.sources.judgement import FrameJudge
from edge.sources.pace import FrameFitter

_log = logging.getLogger(__name__)

OPENING_S = 10.0
SILENCE_S = 2.0
NUM_LENT = 3
"""One that is written, one that is ready, and one for the time until the reader comes."""
_LOOK_S = 0.1
_FPS = 30.0


class GstSource:
    """The newest picture of a pipeline.

    Where the pipeline is live, as cameras are, a picture's age is that of the light as its elements stamp it: time
    stamp and base time on the monotonic clock. Else its arrival counts.

    Args:
        uri: as it may be shown.
        name: in messages.
        pipeline: as for gst-launch-1.0, without a sink.
        fit: what is done with a picture that is not 16:9.
        judge: of the program; one of its own by default.
        lend: memory for pictures that are made 1920x1080 here.
        shared: frames that the pipeline's process can write into itself.

    Raises:
        UsageError: the pipeline does not parse.
        NoGStreamer: there is none.
        DeviceMissing: an element is missing, or no picture comes.
    """

    paced = True

    def __init__(
        self,
        uri: str,
        name: str,
        pipeline: str,
        *,
        fit: Fit = "crop",
        judge: FrameJudge | None = None,
        lend: Lend = nothing_lent,
        shared: SharedMemory | None = None,
    ) -> None:
        self.uri, self._name = uri, name
        self._fitter = FrameFitter(name, _log, fit)
        self._judge = judge or FrameJudge()
        self._lend = lend
        self._lent: dict[int, Image] = {}
        self._memory: PictureMemory | None = None
        self._is_closed = False
        self._seq = self._num_given = -1
        self._stamps = "arrival"
        self._child = GstChild("camera.py", "gstreamer")
        try:
            self._child.send({"is": "open", "pipeline": pipeline})
            self._caps = self._await_caps()
            caps = self._caps
            self._memory = PictureMemory(caps.height_px, caps.width_px, caps.row_bytes, shared)
            descriptor, num_bytes = self._memory.file()
            self._child.send({"is": "memory", "num_bytes": num_bytes}, descriptor)
            self._lend_more()
        except ChildGone as error:
            self.close()
            raise DeviceMissing(f"{name}: {error}") from error
        except BaseException:
            self.close()
            raise
        if caps.is_interlaced:
            _log.warning("%s: the picture is interlaced; put ! deinterlace at the pipeline's end", name)
        self.fps = caps.fps or _FPS
        self.camera_mode = f"{caps.width_px}x{caps.height_px} {caps.pixel_format}"
        if fit == "pad" and caps.width_px * 9 != caps.height_px * 16:
            self.camera_mode += " padded"
        self._last_ns = time.monotonic_ns()

    @property
    def child_pid(self) -> int:
        return self._child.pid

    def read(self) -> Frame | None:
        """See `edge.frames.stages.Source.read`."""
        while not self._is_closed:
            try:
                said = self._newest()
            except ChildGone as error:
                self._raise_lost(str(error))
            if said is None:
                self._refuse_silence()
                continue
            self._last_ns = time.monotonic_ns()
            image = self._lent.pop(said.offset)
            self._seq = said.seq
            self._stamps = "arrival" if said.taken_ns is None else "the pipeline's time stamps"
            taken_ns = self._judge.taken_ns(said.taken_ns, said.arrived_ns)
            frame = Frame(self._fitted(image), said.seq, taken_ns)
            return self._judge.accept(self._name, frame, said.arrived_ns)
        return None

    def about(self) -> dict[str, Any]:
        """What the pipeline gives, as `/health` and `--check` tell it."""
        caps = self._caps
        granted = f"{caps.width_px}x{caps.height_px} {caps.pixel_format} at {self.fps:g} fps"
        return {"granted": granted, "clock": self._stamps, "picture": self._fitter.record()}

    def close(self) -> None:
        """See `edge.frames.stages.Source.close`."""
        self._is_closed = True
        self._child.close()  # before its memory can be lent to others
        memory, self._memory = self._memory, None
        if memory is not None:
            memory.close()

    def _await_caps(self) -> Caps:
        deadline = time.monotonic() + OPENING_S
        while time.monotonic() < deadline and not self._is_closed:
            message = self._child.receive(_LOOK_S)
            if message is None:
                continue
            if message["is"] == "failed":
                self._raise_failed(message, is_open=False)
            return caps_of(message)
        raise DeviceMissing(f"{self._name}: no picture for {OPENING_S:.0f} s after it was opened")

    def _newest(self) -> Said | None:
        """The newest picture that came, in a moment; older ones are let go."""
        self._lend_more()
        message = self._child.receive(_LOOK_S)
        newest: Said | None = None
        while message is not None:
            if message["is"] == "failed":
                self._raise_failed(message, is_open=True)
            said = taken_of(message, self._lent)
            if newest is not None:
                self._lent.pop(newest.offset)
            newest = said
            message = self._child.receive(0)
        if newest is not None:
            self._judge.skipped(max(0, newest.seq - self._num_given - 1) if self._num_given >= 0 else 0)
            self._num_given = newest.seq
        return newest

    def _lend_more(self) -> None:
        while self._memory is not None and len(self._lent) < NUM_LENT:
            lent = self._memory.lend()
            if lent is None:
                return
            self._lent[lent[0]] = lent[1]
            self._child.send({"is": "free", "offset": lent[0]})

    def _fitted(self, image: Image) -> Image:
        aspect = self._caps.pixel_aspect
        if aspect != 1.0:
            image = np.asarray(cv2.resize(image, (round(image.shape[1] * aspect), image.shape[0])), np.uint8)
        return self._fitter.fitted(image, None if image.shape == FRAME_SHAPE else self._lend())

    def _refuse_silence(self) -> None:
        if not self._is_closed and time.monotonic_ns() - self._last_ns > SILENCE_S * 1e9:
            self._raise_lost(f"no picture from the pipeline for {SILENCE_S:.0f} s")

    def _raise_lost(self, reason: str) -> NoReturn:
        self.close()
        raise CameraLost(f"{self._name}: {reason}")

    def _raise_failed(self, message: Message, *, is_open: bool) -> NoReturn:
        why, reason, element = (str(message.get(key, "")) for key in ("why", "reason", "element"))
        self.close()
        if why == "absent":
            raise no_gstreamer(reason)
        if why == "missing":
            raise DeviceMissing(f"{self._name}: {reason}; apt-get install {package_of(element)}")
        if why == "parse" and not is_open:
            raise UsageError(
                f"{self._name}: the pipeline does not parse: {reason}; expected what "
                "gst-launch-1.0 takes, without a sink and with video/x-raw at its end"
            )
        kind = CameraLost if is_open else DeviceMissing
        raise kind(f"{self._name}: {reason}")
