"""`edge-enhance --live`: the parts of the unit, each made before those who need it, and tied by the news board."""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from edge.access.audit import AuditLog
from edge.basics.command import ends_with_terminal, has_terminal
from edge.basics.first_line import lines_held_back, say_first
from edge.basics.memory import Tidying, share_heaps
from edge.basics.texts import one_line
from edge.calibration.of_unit import UnitCorrection, unit_correction
from edge.camera_head.head import CameraHead
from edge.config import Config
from edge.display.sink import DisplaySink
from edge.engines.threads import settle_opencv
from edge.frames.stages import Sink, Watch
from edge.guard.first_minute import FirstMinute
from edge.guard.order import engine_setup
from edge.guard.shared_frames import SharedFrames
from edge.guard.supervisor import Supervisor
from edge.health.disk import StorageWatch
from edge.health.heat import HeatWatch
from edge.health.machine import Sysfs
from edge.health.news import Board, RecordingChanged, Removed, Saved, SessionChanged, ViewChanged
from edge.health.record import Health
from edge.live import Ending, Live
from edge.models.offered import Offered
from edge.pacs.part import PacsPart
from edge.pacs.worklist import Worklist
from edge.reload import Reload
from edge.saving.at_rest import PLAIN, AtRest, at_rest_of, refuse_other_keys
from edge.saving.freeze import Freeze
from edge.saving.leftovers import clean_up
from edge.saving.names import Names
from edge.saving.patient_session import PatientSession, state_path
from edge.saving.recording.recorder import Recorder
from edge.saving.saver import PairSaver
from edge.saving.store import Store
from edge.service.life import Life
from edge.service.notify import Notifier
from edge.sources.holder import SourceHolder, SourceOrder
from edge.sources.judgement import FrameJudge
from edge.sources.open import open_wished, wish_of
from edge.stills.operations import ReferenceOperations
from edge.stills.references import References
from edge.updates.store import ModelStore
from edge.usage.watch import UsageWatch
from edge.video.parts import VideoParts
from edge.web.api.camera_controls import CameraControls
from edge.web.api.light import Light
from edge.web.api.profiles import Profiles
from edge.web.api.recordings import Recordings
from edge.web.api.saved import Saved as Kept
from edge.web.api.session import Session
from edge.web.api.worklist import Worklist as Scheduled
from edge.web.screen_picture import draw_screen
from edge.web.server import WebSink

log = logging.getLogger("edge")

MAX_LEFT_TOLD = 5
"""Of what lies among the models and is none, at each start."""


def run_live(config: Config, load: Callable[[], Config], stop: threading.Event) -> int:
    """Show the source enhanced until `stop`; the exit code.

    Args:
        load: reads the configuration again, for a reload.

    Raises:
        EdgeError: a part without which there is no picture cannot be had.
    """
    with lines_held_back() as let_go:
        _run(config, load, stop, let_go)
    log.info("stopped")
    return 0


def _run(config: Config, load: Callable[[], Config], stop: threading.Event, let_go: Callable[[], None]) -> None:
    faulthandler.enable()  # the watchdog's SIGABRT then leaves in the journal where each thread hung
    share_heaps()
    settle_opencv()
    notifier = Notifier.from_environment()
    at_rest = at_rest_of(config.privacy)
    refuse_other_keys(config.save.path, at_rest)
    put_in_order(config, at_rest)
    setup = engine_setup(config)
    correction = unit_correction(config.unit.calibration, config.unit.serial, setup.manifests[config.engine.profile])
    board, ending, frames = Board(), Ending(stop), SharedFrames()
    health = Health(board)
    health.is_ending = stop.is_set
    health.track("pid", os.getpid)
    names = Names()
    session = PatientSession(board, state_path(), config.session.idle_hours, at_rest=at_rest)
    saver = PairSaver(config.save.path, health, board, names, at_rest)
    freeze = Freeze(health, board, saver, config.enhance.strength, names, session.now)
    audit = AuditLog(config.audit.path, config.audit.size_mib)
    record_news(board, audit)
    web = WebSink(config.web, health, board, freeze, audit=audit, on_failed=ending.fail)
    store = Store(config.save, board, at_rest, config.privacy)
    recorder = Recorder(config.recording, store, health, board, session.settled)
    tie_recording(recorder, store, session, health, web)
    worklist = Worklist(config.worklist)
    pacs = tied_pacs(config, store, session, board, health, audit)
    tie_patients(session, worklist, web, pacs)
    sinks: list[Sink] = [web, freeze, recorder]
    head = CameraHead(config.bridge, health, freeze) if config.bridge.port else None
    if head is not None:
        sinks.append(head)
    video = VideoParts(config, health, lambda: freeze.frozen)
    sinks += video.sinks
    usage = UsageWatch(config.usage, lambda: str((health.tracked("ladder") or {}).get("rung", "")))
    sinks.append(usage)
    if config.display.on:
        sinks.append(DisplaySink(config.display, health, freeze, draw_screen))
    source = _source(config, correction, health, frames, stop)
    engine = Supervisor(
        setup, health, frames, viewers=lambda: web.count_viewers() + video.num_viewers(), strength=freeze.strength
    )
    heat = HeatWatch(config.heat, Sysfs(), engine.limit, partial(health.enter, "heat"))
    health.track("unit_state", heat.record)
    storage = StorageWatch(config.save.path, board, partial(health.enter, "storage"))
    life = Life(notifier, health)
    offered = Offered(config.engine.models, config.engine.keys)
    references = References(config, freeze, board, offered.now)
    takers = [
        lambda taken: saver.use(taken.save.path),
        lambda taken: storage.set_folder(taken.save.path),
        lambda taken: store.use(taken.save, taken.privacy),
        lambda taken: recorder.use(taken.recording),
        lambda taken: session.use_idle_hours(taken.session.idle_hours),
        lambda taken: worklist.use(taken.worklist),
        pacs.use,
        lambda taken: web.use_quality(taken.web.jpeg_quality),
        lambda taken: heat.set_config(taken.heat),
        lambda taken: usage.use(taken.usage),
        lambda taken: freeze.set_strength(taken.enhance.strength),
        lambda taken: web.reload_access(),
        references.use,
        lambda taken: video.use(taken.video),
        lambda taken: video.reload_access(),
        lambda taken: offered.use(taken.engine.models, taken.engine.keys),
    ]
    begin, end = life.reload_begins, life.reload_ends
    reload = Reload(load, config, correction, engine, source, takers, on_begin=begin, on_end=end)
    health.track("reload", reload.outcome)
    health.track("models", offered.folder)
    for part in (
        ReferenceOperations(references, health),
        Profiles(offered.now, reload.use_profile),
        Light(None if head is None else head.light),
        CameraControls(source),
    ):
        web.serve_too(part.operations(), part.state)
    video.serve(web)
    watches: list[Watch] = [heat, storage, reload, life, offered, session, Tidying()]
    watches.append(FirstMinute(health, config.engine.profile))
    on_ready = partial(_say_where, web, audit, let_go)
    live = Live(source, engine, sinks, health, ending, watches=watches, on_ready=on_ready)
    signal.signal(signal.SIGHUP, on_hangup(stop, reload, ends_with_terminal()))
    saver.start()
    store.start()
    audit.start()
    references.start()
    pacs.start()
    try:
        live.run()
    finally:
        notifier.stopping()
        references.close()
        pacs.close()
        saver.close()  # a picture that waits for the disk is written
        store.close()
        frames.close()
        audit.record("stopped", "the unit")
        audit.close()


def record_news(board: Board, audit: AuditLog) -> None:
    """What came of what somebody asked for, or of the button on the camera head, which asks without a name."""

    def view_changed(news: ViewChanged) -> None:
        audit.record("view", "the unit", frozen=news.is_frozen, view=news.view, strength=news.strength)

    board.read(ViewChanged, view_changed)

    def recording_changed(news: RecordingChanged) -> None:
        what = "recording-begun" if news.is_running else "recording-ended"
        audit.record(what, "the unit", name=news.name, views=" ".join(news.views), why=news.reason)

    def session_changed(news: SessionChanged) -> None:
        audit.record("patient-session", "the unit", id=news.id or "closed")

    board.read(Saved, lambda news: audit.record("saved", "the unit", name=news.name))
    board.read(RecordingChanged, recording_changed)
    board.read(SessionChanged, session_changed)
    board.read(Removed, lambda news: audit.record("removed", "the unit", name=news.name, why=news.why))


def tie_recording(recorder: Recorder, store: Store, session: PatientSession, health: Health, web: WebSink) -> None:
    """Recorder, store and patient session know of each other what each must, and the page can ask the first two."""
    store.running, store.on_full, store.unwritten = recorder.running, recorder.end_full, recorder.unwritten
    session.is_recording = lambda: recorder.is_recording
    health.track("recording", recorder.record)
    health.track("retention", store.retention.record)
    for part in (Recordings(recorder), Kept(store, recorder.hidden)):
        web.serve_too(part.operations(), part.state)


def tie_patients(session: PatientSession, worklist: Worklist, web: WebSink, pacs: PacsPart) -> None:
    """The page opens and closes patient sessions, of whom the worklist names too, and sees how far they are sent."""
    for part in (Session(session, worklist.examination, pacs.of_session), Scheduled(worklist)):
        web.serve_too(part.operations(), part.state)


def tied_pacs(
    config: Config, store: Store, session: PatientSession, board: Board, health: Health, audit: AuditLog
) -> PacsPart:
    """What sends to the PACS, and tells the worklist of sessions; where none is configured nothing is loaded for it."""

    def told(session: str, state: str) -> None:
        audit.record("performed-step", "the unit", id=session, state=state)

    pacs = PacsPart(store, board, session.now, partial(health.enter, "pacs"), told)
    pacs.use(config)
    store.held = pacs.held
    health.track("pacs", pacs.record)
    return pacs


def on_hangup(stop: threading.Event, reload: Reload, ends_with_terminal: bool) -> Callable[..., None]:
    """What SIGHUP does: the end where the terminal has gone that the program was started from, else a reload."""

    def on_signal(*_signal: object) -> None:
        if ends_with_terminal and not has_terminal():
            stop.set()
        else:
            reload.request()

    return on_signal


def _source(
    config: Config,
    correction: UnitCorrection | None,
    health: Health,
    frames: SharedFrames,
    stop: threading.Event,
) -> SourceHolder:
    """What gives frames; they lie in memory that the engine's process sees."""
    judge = FrameJudge()
    health.track("frame_faults", judge.record)
    order = SourceOrder(wish_of(config.source), correction)
    opening = partial(open_wished, lend=frames.lend, judge=judge, shared=frames)
    return SourceHolder(order, opening, health, stop, waits=config.source.wait)


def _say_where(web: WebSink, audit: AuditLog, let_go: Callable[[], None]) -> None:
    say_first(log, "live on %s (Ctrl-C stops)", web.url)
    let_go()
    audit.record("started", "the unit", url=web.url)


def put_in_order(config: Config, at_rest: AtRest = PLAIN) -> None:
    """Remove or complete what a power cut left half done, and say so."""
    clean_up([config.save.path], at_rest)
    if config.engine.models:
        pruned = ModelStore(Path(config.engine.models)).remove_leftovers()
        for path in pruned.removed:
            log.warning("storage: removed an unfinished or unused model: %s", path)
        for line in pruned.left[:MAX_LEFT_TOLD]:
            log.warning("storage: %s", one_line(line))
