"""A screen that shows what lies in memory that the program gave: `python3 -I screen.py DESCRIPTOR PARENT`.

When no picture has come for a while it shows a cover, which lies in that memory from the beginning: a program that
stands still cannot say so.

From the program: `open` with the sinks to try and the memory's descriptor, `show` with the offset of a picture.
To the program: `ready` with the sink, `shown` for each picture, or `failed`, which is the last word.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # `-I` leaves it out

from gst_memory import buffer_around, load
from link import Mapped, load_gstreamer, run
from x_window import FullScreenWindow

_ORDER_S, _FIRST_S, _LOOK_S = 10.0, 4.0, 0.03
_TO_CHIP = "videoconvert ! video/x-raw,format=RGBA ! nvvidconv ! video/x-raw(memory:NVMM),format=NV12"
_TAILS = {
    "waylandsink": "videoconvert ! waylandsink name=out fullscreen=true",
    "nv3dsink": _TO_CHIP + " ! nv3dsink name=out window-x=0 window-y=0",
    "nvdrmvideosink": _TO_CHIP + " ! nvdrmvideosink name=out",
    "kmssink": "videoconvert ! kmssink name=out",
    "ximagesink": "videoscale add-borders=true ! video/x-raw,width={0},height={1},pixel-aspect-ratio=1/1 "
    "! videoconvert ! ximagesink name=out",
}
"""What comes behind the pictures; NVIDIA's sinks take memory of the chip."""
_NEEDS = {"waylandsink": "WAYLAND_DISPLAY", "ximagesink": "DISPLAY", "nv3dsink": "DISPLAY"}


class Failed(Exception):
    """A sink that cannot be used, and why."""


class Screen:
    """One pipeline to one sink, fed picture by picture.

    Raises:
        Failed: it does not work here.
    """

    def __init__(self, Gst: Any, link: Any, order: Any, memory: Mapped, sink: str) -> None:
        self._Gst, self._link, self._order, self._memory = Gst, link, order, memory
        self._core = load()[0]
        self._lock = threading.Lock()
        self._pushed: int | None = None
        self._is_going = self._has_shown = False
        self._is_covered = True
        self._window: Any = None
        self._pipeline = self._made(sink)
        self._source = self._pipeline.get_by_name("in")
        self._source.connect("need-data", self._on_need)
        self._source.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, self._on_going)
        self._begin()

    def _made(self, sink: str) -> Any:
        from gi.repository import GLib

        if _NEEDS.get(sink, "PATH") not in os.environ:
            raise Failed(f"${_NEEDS[sink]} is not set")
        if self._Gst.ElementFactory.find(sink) is None:
            raise Failed("not installed")
        size_px = (self._order["width"], self._order["height"])
        if sink == "ximagesink":
            try:
                import gi

                gi.require_version("GstVideo", "1.0")
                from gi.repository import GstVideo  # noqa: F401  it gives sinks their `set_window_handle`

                self._window = FullScreenWindow()
            except (OSError, ImportError, ValueError) as error:
                raise Failed(str(error)) from error
            size_px = (self._window.width_px, self._window.height_px)
        caps = f"video/x-raw,format=RGB,width={self._order['width']},height={self._order['height']},framerate=0/1"
        source = f'appsrc name=in is-live=true format=time do-timestamp=true block=false max-bytes=0 caps="{caps}"'
        try:
            pipeline = self._Gst.parse_launch(f"{source} ! {_TAILS[sink].format(*size_px)}")
        except GLib.Error as error:
            raise Failed(error.message) from error
        out = pipeline.get_by_name("out")
        for name in ("sync", "qos", "enable-last-sample"):
            out.set_property(name, False)
        if self._window is not None:
            out.set_window_handle(self._window.handle)
        return pipeline

    def _begin(self) -> None:
        """Show the cover; a sink that has shown that works."""
        Gst = self._Gst
        if self._pipeline.set_state(Gst.State.PLAYING) == Gst.StateChangeReturn.FAILURE:
            self._fail_by_bus("does not start")
        self._push(self._order["cover"])
        deadline = time.monotonic() + _FIRST_S
        while time.monotonic() < deadline:
            self._fail_by_bus("")
            state = self._pipeline.get_state(int(0.05 * Gst.SECOND))
            if state[0] == Gst.StateChangeReturn.SUCCESS and state[1] == Gst.State.PLAYING and self._has_shown:
                return
        self._fail_by_bus(f"shows nothing within {_FIRST_S:.0f} s")

    def _fail_by_bus(self, otherwise: str) -> None:
        Gst = self._Gst
        message = self._pipeline.get_bus().timed_pop_filtered(0, Gst.MessageType.ERROR | Gst.MessageType.EOS)
        if message is not None and message.type == Gst.MessageType.ERROR:
            raise Failed(message.parse_error()[0].message)
        if message is not None or otherwise:
            raise Failed(otherwise or "the pipeline ended")

    def _on_going(self, *_: Any) -> Any:
        """A picture sets out; called in the pipeline's own thread, as the next."""
        with self._lock:
            self._is_going = True
        return self._Gst.PadProbeReturn.OK

    def _on_need(self, *_: Any) -> None:
        """More is asked for: a picture that had set out has gone all the way."""
        with self._lock:
            if not self._is_going:
                return
            shown, self._pushed = self._pushed, None
            self._is_going, self._has_shown = False, True
        if shown is not None and shown != self._order["cover"]:
            self._link.send({"is": "shown", "offset": shown, "shown_ns": time.monotonic_ns()})

    def _push(self, offset: int) -> None:
        num_bytes = 3 * self._order["width"] * self._order["height"]
        with self._lock:
            self._pushed = offset
        address = self._memory.address + offset
        self._source.emit("push-buffer", buffer_around(self._Gst, self._core, address, num_bytes))

    def serve(self) -> None:
        """Raises `Failed`, or `ProgramGone`."""
        cover_after_ns = self._order["cover_after_ms"] * 1_000_000
        fed_ns = time.monotonic_ns()
        while True:
            message = self._link.receive(_LOOK_S)
            self._fail_by_bus("")
            now_ns = time.monotonic_ns()
            if message is not None and message["is"] == "show":
                if now_ns - message["made_ns"] <= self._order["fresh_ms"] * 1_000_000:
                    fed_ns, self._is_covered = now_ns, False
                    self._push(message["offset"])
                else:  # it waited while somebody stood still, and says of itself what was true then
                    self._link.send({"is": "shown", "offset": message["offset"], "shown_ns": None})
            if not self._is_covered and now_ns - fed_ns > cover_after_ns and self._pushed is None:
                self._is_covered = True
                self._push(self._order["cover"])


def work(link: Any) -> None:
    order = link.expect("open", _ORDER_S)
    memory = Mapped(order["descriptor"], order["num_bytes"])
    Gst = load_gstreamer(link)
    reasons = []
    for sink in order["sinks"]:
        try:
            screen = Screen(Gst, link, order, memory, sink)
        except Failed as failed:
            reasons.append(f"{sink}: {failed}")
            continue
        link.send({"is": "ready", "sink": sink})
        try:
            screen.serve()
        except Failed as failed:
            reasons = [f"{sink}: {failed}"]
            break
    link.send({"is": "failed", "why": "lost", "reason": "; ".join(reasons)})
    os._exit(0)  # to end the pipeline in order may take for ever


if __name__ == "__main__":
    run(work, sys.argv)
