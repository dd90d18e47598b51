"""One view's H.264 encoder, a GStreamer pipeline from I420 to access units. Runs in the video process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge.video.gstreamer import Gst

WHOLE_EACH_S = 0.9
"""With pictures that come slowly too, a second holds one that can be decoded alone."""
IDR_GAP_S = 0.3
"""Every viewer that lost something asks for a whole picture: more often than this would cost all others theirs."""
_ENCODERS = {
    "nvv4l2h264enc": "nvvidconv ! video/x-raw(memory:NVMM),format=NV12 ! nvv4l2h264enc name=encoder bitrate={bits} "
    "iframeinterval={gop} idrinterval={gop} insert-sps-pps=true maxperf-enable=true preset-level=1 profile=0",
    "nvh264enc": "nvh264enc name=encoder bitrate={kbits} gop-size={gop} zerolatency=true rc-mode=cbr "
    "preset=low-latency",
    "x264enc": "x264enc name=encoder bitrate={kbits} key-int-max={gop} tune=zerolatency speed-preset=ultrafast "
    "bframes=0 threads=2 sliced-threads=true vbv-buf-capacity=400",
    "openh264enc": "openh264enc name=encoder bitrate={bits} max-bitrate={bits} gop-size={gop} complexity=low "
    "rate-control=bitrate usage-type=camera multi-thread=2",
}
"""Name -> what the pipeline says, the one that is taken first at the top: hardware, then software."""
_SAY_COLOURS = ("x264enc",)
"""Of these it is known that what they make says which colours it has."""
_LARGE_PX = 720
_ALSO_NEEDED = {"nvv4l2h264enc": ("nvvidconv",)}


@dataclass(frozen=True, slots=True)
class Order:
    """How a view is encoded.

    Attributes:
        gop: pictures from one that can be decoded alone to the next, at most.
    """

    encoder: str
    width_px: int
    height_px: int
    fps: int
    kbits: int
    gop: int


def _recoloured(order: Order) -> str:
    """What makes colours right for who has to guess: players take large pictures that say nothing for ITU-R BT.709."""
    if order.encoder in _SAY_COLOURS or order.height_px < _LARGE_PX:
        return ""
    return "videoconvert n-threads=2 ! video/x-raw,format=I420,colorimetry=bt709 ! "


def encoders_here() -> list[str]:
    """Those of this machine, the best first."""

    def has(name: str) -> bool:
        return Gst.ElementFactory.find(name) is not None

    return [name for name in _ENCODERS if has(name) and all(map(has, _ALSO_NEEDED.get(name, ())))]


class Coder:
    """Encodes what it is given.

    Args:
        on_coded: called in GStreamer's thread with each access unit, its time and whether it can be decoded alone.
        on_failed: called in GStreamer's main loop, in words.

    Raises:
        RuntimeError: the pipeline cannot be made.
    """

    def __init__(
        self, order: Order, on_coded: Callable[[bytes, int, bool], None], on_failed: Callable[[str], None]
    ) -> None:
        self.order = order
        self._on_coded, self._on_failed = on_coded, on_failed
        self._idr_s = 0.0
        fill = {"bits": order.kbits * 1000, "kbits": order.kbits, "gop": order.gop}
        size = f"width={order.width_px},height={order.height_px},framerate={order.fps}/1"
        caps = f"video/x-raw,format=I420,{size},colorimetry=bt601"
        way = (
            f"appsrc name=source format=time is-live=true block=false caps={caps},pixel-aspect-ratio=1/1 ! "
            f"{_recoloured(order)}"
            f"{_ENCODERS[order.encoder].format(**fill)} ! video/x-h264,profile=constrained-baseline ! "
            "h264parse config-interval=-1 ! "
            "video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=sink sync=false emit-signals=true"
        )
        if order.encoder == "nvv4l2h264enc":
            way = way.replace("video/x-h264,profile=constrained-baseline ! ", "", 1)
        try:
            self._pipeline = Gst.parse_launch(way)
        except Exception as error:  # GLib.Error, which the system's gi alone knows
            raise RuntimeError(f"{order.encoder}: {error}") from error
        self._source, self._sink = self._pipeline.get_by_name("source"), self._pipeline.get_by_name("sink")
        self._sink.connect("new-sample", self._take)
        bus = self._pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self._failed)
        self._pipeline.set_start_time(Gst.CLOCK_TIME_NONE)
        self._pipeline.set_base_time(0)  # times are those of the monotonic clock
        self._pipeline.set_state(Gst.State.PLAYING)

    def encode(self, planes: bytes, t_ns: int) -> None:
        """Give it a picture, I420."""
        if time.monotonic() - self._idr_s > WHOLE_EACH_S:
            self.ask_whole()
        buffer = Gst.Buffer.new_wrapped(planes)
        buffer.pts = t_ns
        self._source.emit("push-buffer", buffer)

    def ask_whole(self) -> None:
        """Make the next picture one that can be decoded alone, unless one was just asked for."""
        now_s = time.monotonic()
        if now_s - self._idr_s < IDR_GAP_S:
            return
        self._idr_s = now_s
        structure = Gst.Structure.new_from_string("GstForceKeyUnit, all-headers=(boolean)true")
        self._sink.send_event(Gst.Event.new_custom(Gst.EventType.CUSTOM_UPSTREAM, structure))

    def set_kbits(self, kbits: int) -> None:
        """Spend so much from now on."""
        unit = 1000 if self.order.encoder in ("nvv4l2h264enc", "openh264enc") else 1
        self._pipeline.get_by_name("encoder").set_property("bitrate", kbits * unit)

    def close(self) -> None:
        self._pipeline.get_bus().remove_signal_watch()
        self._pipeline.set_state(Gst.State.NULL)

    def _take(self, sink: Any) -> Any:
        sample = sink.emit("pull-sample")
        if sample is None:
            return Gst.FlowReturn.EOS
        buffer = sample.get_buffer()
        is_whole = not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)
        t_ns = sample.get_segment().to_running_time(Gst.Format.TIME, buffer.pts)  # x264enc begins at 1000 hours
        self._on_coded(buffer.extract_dup(0, buffer.get_size()), t_ns, is_whole)
        return Gst.FlowReturn.OK

    def _failed(self, _bus: Any, message: Any) -> None:
        self._on_failed(f"{self.order.encoder}: {message.parse_error()[0].message}")
