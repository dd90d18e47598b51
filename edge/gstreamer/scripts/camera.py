"""A pipeline whose pictures are written into memory that the program gave: `python3 -I camera.py DESCRIPTOR PARENT`.

From the program: `open` with the pipeline's text, `memory` with its descriptor, `free` with the offset of a slot.
To the program: `caps` once, `picture` for each, or `failed`, which is the last word.
"""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # `-I` leaves it out

from gst_memory import Converter
from link import Mapped, load_gstreamer, run

_ORDER_S = 10.0
_LOOK_S = 0.05
_STOOD_STILL_NS = 300_000_000
_MAX_PX = 4096
_FORMATS = "I420,NV12,YUY2,UYVY,RGB,BGR,RGBA,BGRA,RGBx,BGRx,YV12,NV21,Y42B,Y444,GRAY8"
_END = (
    " ! appsink name=edge-enhance-end emit-signals=false max-buffers=1 drop=true enable-last-sample=false qos=false "
    f'caps="video/x-raw,format=(string){{{_FORMATS}}};video/x-raw"'
)
"""Formats of 8 bits that are converted fast come first; any other is taken where the pipeline gives nothing else."""


class Failed(Exception):
    """Why there is no picture, or none any more.

    Args:
        why: `absent`, `parse`, `missing` (an element), `lost` or `end`.
        element: that is missing.
    """

    def __init__(self, why: str, reason: str, element: str = "") -> None:
        super().__init__(reason)
        self.why, self.reason, self.element = why, reason, element


class Camera:
    def __init__(self, Gst: Any, link: Any, text: str) -> None:
        self._Gst, self._link = Gst, link
        self._pipeline = _parsed(Gst, text)
        self._sink = self._pipeline.get_by_name("edge-enhance-end")
        self._bus = self._pipeline.get_bus()
        self._clock = Gst.SystemClock.obtain()
        self._clock.set_property("clock-type", Gst.ClockType.MONOTONIC)
        self._pipeline.use_clock(self._clock)
        self._is_live = False
        self._caps: Any = None
        self._converter: Any = None
        self._memory: Any = None
        self._free: list[int] = []
        self._num_pictures = 0

    def start(self) -> None:
        """Raises `Failed`."""
        Gst = self._Gst
        paused = self._pipeline.set_state(Gst.State.PAUSED)
        self._is_live = paused == Gst.StateChangeReturn.NO_PREROLL
        # A pipeline that is not live is played at its own pace; a live one gives what it has at once.
        self._sink.set_property("sync", not self._is_live)
        started = paused if paused == Gst.StateChangeReturn.FAILURE else self._pipeline.set_state(Gst.State.PLAYING)
        if started == Gst.StateChangeReturn.FAILURE:
            self._look_at_bus(wait_ns=Gst.SECOND)
            raise Failed("lost", "the pipeline does not start")

    def serve(self) -> None:
        """Raises `Failed`, or `ProgramGone`."""
        looked_ns = time.monotonic_ns()
        while True:
            self._hear()
            self._look_at_bus()
            sample = self._sink.emit("try-pull-sample", int(_LOOK_S * 1e9))
            now_ns = time.monotonic_ns()
            stood_still = now_ns - looked_ns > _STOOD_STILL_NS
            looked_ns = now_ns
            if sample is None:
                if self._sink.get_property("eos"):
                    self._look_at_bus()
                    raise Failed("end", "the pipeline has ended (EOS)")
                continue
            self._num_pictures += 1
            self._take(sample, now_ns, stood_still)
            looked_ns = time.monotonic_ns()

    def _hear(self) -> None:
        while True:
            message = self._link.receive(0)
            if message is None:
                return
            if message["is"] == "memory":
                self._memory = Mapped(message["descriptor"], message["num_bytes"])
            elif message["is"] == "free":
                self._free.append(message["offset"])

    def _look_at_bus(self, wait_ns: int = 0) -> None:
        Gst = self._Gst
        kinds = Gst.MessageType.ERROR | Gst.MessageType.EOS | Gst.MessageType.ELEMENT
        while True:
            message = self._bus.timed_pop_filtered(wait_ns, kinds)
            if message is None:
                return
            if message.type == Gst.MessageType.EOS:
                raise Failed("end", "the pipeline has ended (EOS)")
            if message.type == Gst.MessageType.ERROR:
                raise _error_of(message)
            structure = message.get_structure()
            if structure is not None and structure.get_name() == "missing-plugin":
                what = structure.get_string("name") or "a plug-in"
                raise Failed("missing", f"GStreamer has no {what}", "decoder")

    def _take(self, sample: Any, now_ns: int, stood_still: bool) -> None:
        caps = sample.get_caps()
        if self._caps is None:
            self._tell_caps(caps)
        elif not caps.is_equal(self._caps):
            was, now = (_size_words(one.get_structure(0)) for one in (self._caps, caps))
            raise Failed("lost", f"the picture changed from {was} to {now}")
        if self._memory is None or not self._free:
            return
        taken_ns = self._taken_ns(sample)
        if taken_ns is None and stood_still:
            return  # nobody knows how long it has waited
        offset = self._free.pop()
        if not self._converter.convert(sample.get_buffer(), self._memory.address + offset):
            what = caps.get_structure(0).get_string("format")
            raise Failed("lost", f"a picture is shorter than its format {what} says")
        numbers = {"seq": self._num_pictures, "taken_ns": taken_ns, "arrived_ns": now_ns}
        self._link.send(dict(numbers, **{"is": "picture", "offset": offset}))

    def _taken_ns(self, sample: Any) -> int | None:
        """When the pipeline says that the picture was taken, on the monotonic clock; None where it says nothing."""
        pts, none = sample.get_buffer().pts, self._Gst.CLOCK_TIME_NONE
        if not self._is_live or pts == none:
            return None
        running_ns = sample.get_segment().to_running_time(self._Gst.Format.TIME, pts)
        off_ns = time.monotonic_ns() - self._clock.get_time()
        return None if running_ns == none else self._sink.get_base_time() + running_ns + off_ns

    def _tell_caps(self, caps: Any) -> None:
        facts = caps.get_structure(0)
        (has_width, width_px), (has_height, height_px) = facts.get_int("width"), facts.get_int("height")
        if not (has_width and has_height and 0 < width_px <= _MAX_PX and 0 < height_px <= _MAX_PX):
            raise Failed("lost", f"the picture is {_size_words(facts)}; expected at most {_MAX_PX}x{_MAX_PX}")
        try:
            self._converter = Converter(self._Gst, caps, width_px, height_px)
        except ValueError as error:
            raise Failed("lost", f"{facts.get_string('format')}: {error}") from error
        self._caps = caps
        told = {"is": "caps", "width": width_px, "height": height_px, "row_bytes": self._converter.row_bytes}
        told.update(format=facts.get_string("format") or "", is_live=self._is_live)
        told.update(fps=_ratio(facts, "framerate", 0.0), pixel_aspect=_ratio(facts, "pixel-aspect-ratio", 1.0))
        told["interlaced"] = (facts.get_string("interlace-mode") or "progressive") != "progressive"
        self._link.send(told)


def _parsed(Gst: Any, text: str) -> Any:
    from gi.repository import GLib

    context = Gst.ParseContext.new()
    try:
        pipeline = Gst.parse_launch_full(text + _END, context, Gst.ParseFlags.FATAL_ERRORS)
    except GLib.Error as error:
        missing = context.get_missing_elements()
        if missing:
            raise Failed("missing", f"GStreamer has no element '{missing[0]}'", missing[0]) from error
        raise Failed("parse", error.message) from error
    if not isinstance(pipeline, Gst.Pipeline):
        raise Failed("parse", "names no source of pictures")
    return pipeline


def _error_of(message: Any) -> Failed:
    error, debug = message.parse_error()
    reason = re.search(r"reason ([a-z-]+)", debug or "")
    name = message.src.get_name() if message.src is not None else "the pipeline"
    words = f"{name}: {error.message}"
    if reason and reason[1] == "not-negotiated":
        words = f"{name}: the elements agree on no format; the end must give video/x-raw in plain memory"
        return Failed("lost", words)
    return Failed("lost", words if not reason else f"{words} ({reason[1]})")


def _size_words(facts: Any) -> str:
    words = facts.get_string("format") or facts.get_name()
    return f"{facts.get_int('width')[1]}x{facts.get_int('height')[1]} {words}"


def _ratio(facts: Any, name: str, default: float) -> float:
    has, over, under = facts.get_fraction(name)
    return over / under if has and under else default


def work(link: Any) -> None:
    text = link.expect("open", _ORDER_S)["pipeline"]
    Gst = load_gstreamer(link)
    try:
        camera = Camera(Gst, link, text)
        camera.start()
        camera.serve()
    except Failed as failed:
        link.send({"is": "failed", "why": failed.why, "reason": failed.reason, "element": failed.element})
        os._exit(0)  # to end the pipeline in order may take for ever


if __name__ == "__main__":
    run(work, sys.argv)
