"""`edge-calib capture`: from the open source to a complete session, with or without the preview page."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from calib.capture.firmware import firmware_status
from calib.capture.shutter import FRAMES, INT8_FRAMES, Shutter
from calib.session import Session, opened_session
from edge.basics.command import say
from edge.basics.errors import EdgeError, InputOutputError, UsageError
from edge.basics.hiding import without_secrets
from edge.basics.secrets import shown_uri
from edge.config import BridgeConfig, SourceConfig, WebConfig
from edge.frames.frame import Frame, FramePair
from edge.frames.stages import Source, camera_mode
from edge.health.news import Board, NotSaved
from edge.health.record import Health
from edge.saving.freeze import Freeze
from edge.sources.open import open_wished, wish_of
from edge.web.routes import PAGE_FILES, Site
from edge.web.server import WebSink

log = logging.getLogger(__name__)

PAGE_DIR = Path(__file__).parent / "page"
SITE_FILES = {
    "/": PAGE_DIR / "index.html",
    "/calib.js": PAGE_DIR / "calib.js",
    "/calib.css": PAGE_DIR / "calib.css",
    **{path: PAGE_FILES[path] for path in ("/account.js", "/dom.js", "/stream.js", "/style.css", "/transit.js")},
}
_SAY_AGAIN_S = 10.0
_SHOW_END_S = 2.0


class PatienceLost(EdgeError):
    """No frame could be taken for too long."""


@dataclass(frozen=True)
class CaptureOptions:
    """What to capture.

    Attributes:
        purpose: `int8` for the engine build's calibration set, else empty.
        num_frames: 0 takes the target's usual number.
        patience_s: gives up when no frame could be taken for so long; 0 never does.
        web: None is without a page.
        bridge: the camera head whose status is kept; none without a port.
    """

    target: str
    folder: Path
    unit: str
    source: SourceConfig
    purpose: str = ""
    num_frames: int = 0
    patience_s: float = 0.0
    web: WebConfig | None = None
    bridge: BridgeConfig = field(default_factory=BridgeConfig)


def capture(options: CaptureOptions, stop: threading.Event) -> Session:
    """Take frames until the session is complete.

    Raises:
        UsageError: no unit is named, or the folder holds something else.
        DeviceMissing: the camera is not there, or went away.
        InputOutputError: the disk is full; what was taken is kept.
        PatienceLost: nothing could be taken for too long; says what was wrong.
    """
    if not options.unit:
        raise UsageError("no unit is named: give --unit SERIAL, or set unit.serial in edge.toml")
    source = open_wished(wish_of(replace(options.source, uri=bench_uri(options.source.uri, options.target))))
    try:
        writer = opened_session(wanted_session(options, source))
        if already := len(writer.session.frames):
            log.info("%s: goes on after %d of %d frames", options.folder, already, writer.session.wanted)
        shutter = Shutter(writer)
        with preview(options.web, source, shutter, stop) as publish:
            _take_all(source, shutter, publish, stop, options.patience_s)
    finally:
        source.close()
    return writer.session


def bench_uri(uri: str, target: str) -> str:
    """The demo's bench holds up what is captured, where its URI names no target."""
    is_bench = uri.startswith("demo:") and "unit=" in uri and "target=" not in uri
    return f"{uri}&target={target}" if is_bench else uri


def wanted_session(options: CaptureOptions, source: Source) -> Session:
    """The session to begin, with what the camera says of itself."""
    controls: Callable[[], dict[str, float]] = getattr(source, "controls", dict)
    settings = controls()
    if settings.get("auto_white_balance", 0) > 0:
        log.warning("%s: the camera balances white by itself, so no calibration of its colours holds; "
                    "switch that off with [source] controls = [\"auto_white_balance=0\"]", source.uri)  # fmt: skip
    usual = INT8_FRAMES if options.purpose == "int8" else FRAMES[options.target]
    return Session(
        folder=options.folder,
        target=options.target,
        purpose=options.purpose,
        unit=options.unit,
        source=without_secrets(shown_uri(source.uri)),
        camera_mode=camera_mode(source),
        wanted=options.num_frames or usual,
        controls=settings,
        firmware=firmware_status(options.bridge),
        started_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def _take_all(
    source: Source, shutter: Shutter, publish: Callable[[Frame], None], stop: threading.Event, patience_s: float
) -> None:
    said, said_s = "", 0.0
    num_taken, taken_s = shutter.num_taken, time.monotonic()
    while not stop.is_set():
        frame = source.read()
        if frame is None:
            raise InputOutputError(f"{source.uri}: the source ended after {shutter.num_taken} frames; give one that "
                                   "goes on, and run the same command again")  # fmt: skip
        guidance = shutter.look(frame)
        publish(frame)  # after it, so that the page shows what was found where it was found
        now_s = time.monotonic()
        if guidance.num_taken > num_taken:
            num_taken, taken_s = guidance.num_taken, now_s
        elif patience_s and now_s - taken_s > patience_s:
            raise PatienceLost(f"{source.uri}: no frame could be taken for {patience_s:g} s: {guidance.words} "
                               "What was taken is kept; run the same command again")  # fmt: skip
        if (guidance.words != said and (guidance.advice.ready or now_s - said_s > 1)) or now_s - said_s > _SAY_AGAIN_S:
            said, said_s = guidance.words, now_s
            say(said)
        if guidance.complete:
            return


class _KeepsNothing:
    """Implements `edge.saving.freeze.Saver`: what a session takes it keeps by itself, when its guidance says so."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def save(self, pair: FramePair, session: Mapping[str, Any] | None) -> None:
        self._board.post(NotSaved("the capture takes its pictures by itself"))


@contextmanager
def preview(
    web: WebConfig | None, source: Source, shutter: Shutter, stop: threading.Event
) -> Iterator[Callable[[Frame], None]]:
    """Gives what shows a frame on the page; nothing is shown where there is none."""
    if web is None:
        yield lambda frame: None
        return
    board = Board()
    health = Health(board)
    health.set_source(source.uri)
    sink = WebSink(
        web,
        health,
        board,
        Freeze(health, board, _KeepsNothing(board)),
        site=Site(SITE_FILES, {"/guidance": shutter.record}),
    )
    sink.start()
    log.info("look at %s while you work (Ctrl-C stops; the same command goes on)", sink.url)

    def publish(frame: Frame) -> None:
        health.captured(frame)
        sink.publish(FramePair(frame, frame))

    try:
        yield publish
        stop.wait(_SHOW_END_S)  # so that the page learns that it is complete
    finally:
        sink.close()
