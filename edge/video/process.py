"""The video process: encodes the views that somebody looks at, and holds the WebRTC viewers.

Run by the system's Python, which alone has GStreamer's `gi`; the unit speaks with it over its standard input and output
(`edge.video.wire`). Pictures lie in memory that both see. What hangs or dies here takes no live picture along.
"""

from __future__ import annotations

import mmap
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from edge.video.coder import Coder, Order, encoders_here
from edge.video.gstreamer import GLib, Gst
from edge.video.peer import Offer, Peer
from edge.video.wire import packed, read_message

WEBRTC_NEEDS = ("webrtcbin", "nicesrc", "nicesink", "dtlssrtpenc", "srtpenc", "rtph264pay", "rtpbin")


class VideoProcess:
    """Does what the unit's messages say; all but `_coded` runs in the main loop."""

    def __init__(self, pictures_fd: int, out_fd: int) -> None:
        self._pictures = mmap.mmap(pictures_fd, 0, prot=mmap.PROT_READ)
        self._out_fd, self._writing = out_fd, threading.Lock()
        self._coders: dict[str, Coder] = {}
        self._peers: dict[str, tuple[str, Peer]] = {}
        self._does: dict[str, Callable[[dict[str, Any]], None]] = {
            "picture": self._picture,
            "whole": lambda told: self._ask_whole(told["view"]),
            "stop": lambda told: self._stop(told["view"]),
            "kbits": self._kbits,
            "offer": self._offer,
            "end": lambda told: self._end(told["peer"], ""),
        }

    def hello(self) -> None:
        """Say what there is."""
        missing = [name for name in WEBRTC_NEEDS if not is_loaded(name)]
        version = ".".join(map(str, Gst.version()[:2]))
        self._tell({"kind": "hello", "encoders": encoders_here(), "webrtc_lacks": missing, "version": version})

    def do(self, told: dict[str, Any]) -> bool:
        """One message; False, as GLib wants it of what is done once."""
        self._does[told["kind"]](told)
        return False

    def tick(self) -> bool:
        """Each second; True, as GLib wants it of what goes on."""
        for _, peer in list(self._peers.values()):
            peer.tick()
        losses = {name: loss for name, (_, peer) in self._peers.items() if (loss := peer.loss) is not None}
        self._tell({"kind": "alive", "losses": losses})
        return True

    def _picture(self, told: dict[str, Any]) -> None:
        view, order = told["view"], Order(**told["order"])
        coder = self._coders.get(view)
        if coder is None or coder.order != order:
            self._stop(view)
            try:
                coder = self._coders[view] = Coder(
                    order, lambda *coded: self._coded(view, *coded), lambda why: self._fail(view, why)
                )
            except RuntimeError as error:
                self._fail(view, str(error))
                return
        begin = told["at"]
        coder.encode(self._pictures[begin : begin + told["num_bytes"]], told["t_ns"])

    def _coded(self, view: str, unit: bytes, t_ns: int, is_whole: bool) -> None:
        """In the encoder's thread."""
        for looked_at, peer in list(self._peers.values()):
            if looked_at == view:
                peer.send(unit, t_ns, is_whole)
        self._tell({"kind": "coded", "view": view, "t_ns": t_ns, "whole": is_whole}, unit)

    def _ask_whole(self, view: str) -> None:
        coder = self._coders.get(view)
        if coder is not None:
            coder.ask_whole()

    def _kbits(self, told: dict[str, Any]) -> None:
        coder = self._coders.get(told["view"])
        if coder is not None:
            coder.set_kbits(told["kbits"])

    def _stop(self, view: str) -> None:
        coder = self._coders.pop(view, None)
        if coder is not None:
            coder.close()

    def _fail(self, view: str, why: str) -> None:
        self._tell({"kind": "failed", "view": view, "why": why})
        self._stop(view)

    def _offer(self, told: dict[str, Any]) -> None:
        name, view = told["peer"], told["view"]
        offer = Offer(told["sdp"], told["payload"], told["profile"], told["address"], tuple(told["ports"]))
        try:
            peer = Peer(
                offer,
                lambda sdp: self._tell({"kind": "answer", "peer": name, "sdp": sdp}),
                lambda why: self._end(name, why),
                lambda: self._ask_whole(view),
            )
        except (GLib.Error, TypeError, AttributeError) as error:
            self._tell({"kind": "ended", "peer": name, "why": f"{type(error).__name__}: {error}"})
            return
        self._peers[name] = view, peer

    def _end(self, name: str, why: str) -> None:
        held = self._peers.pop(name, None)
        if held is not None:
            held[1].close()
            self._tell({"kind": "ended", "peer": name, "why": why})

    def _tell(self, told: dict[str, Any], blob: bytes = b"") -> None:
        content = memoryview(packed(told, blob))
        with self._writing:
            while content:
                content = content[os.write(self._out_fd, content) :]


def is_loaded(name: str) -> bool:
    """Whether there is such an element; its plug-in is loaded now rather than when the first viewer waits for it."""
    factory = Gst.ElementFactory.find(name)
    return factory is not None and factory.load() is not None


def _read_until_end(process: VideoProcess) -> None:
    while (message := read_message(sys.stdin.buffer)) is not None:
        GLib.idle_add(process.do, message[0], priority=GLib.PRIORITY_DEFAULT)
    os._exit(0)  # a pipeline that hangs must not keep a process whose unit has gone


def serve(pictures_fd: int, out_fd: int) -> None:
    """Until the unit closes its end.

    Args:
        out_fd: where messages go.
    """
    process, loop = VideoProcess(pictures_fd, out_fd), GLib.MainLoop()
    process.hello()
    GLib.timeout_add(1000, process.tick)
    threading.Thread(target=_read_until_end, args=(process,), daemon=True).start()
    loop.run()
