"""`edge-enhance --live`: the parts of the unit, made and tied together."""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from edge.calibration.of_unit import UnitCorrection, checked_opener, unit_correction
from edge.camera_head.head import CameraHead
from edge.config import Config
from edge.frames.stages import Sink, Source
from edge.guard.order import engine_setup
from edge.guard.supervisor import Supervisor
from edge.health.disk import StorageWatch
from edge.health.heat import HeatWatch
from edge.health.machine import Sysfs
from edge.health.record import Health
from edge.live import Live
from edge.reload import Reload, SourceDesk
from edge.saving.freeze import Control
from edge.saving.leftovers import clean_up
from edge.saving.saver import PairSaver
from edge.service.life import Life
from edge.service.notify import Notifier
from edge.sources.open import open_source
from edge.updates.store import ModelStore
from edge.web.server import WebSink

log = logging.getLogger("edge")


def run_live(config: Config, load: Callable[[], Config], stop: threading.Event) -> int:
    """Show the source enhanced until `stop`; the exit code.

    Args:
        load: reads the configuration again, for a reload.

    Raises:
        EdgeError: a part without which there is no picture cannot be had.
    """
    faulthandler.enable()  # the watchdog's SIGABRT then leaves in the journal where each thread hung
    notifier = Notifier.from_environment()
    put_in_order(config)
    setup = engine_setup(config)
    manifest = setup.manifests[config.engine.profile]
    correction = unit_correction(config.unit.calibration, config.unit.serial, manifest)
    health = Health()
    control = Control(health)
    web = WebSink(config.web, health, control)
    supervisor = Supervisor(setup, health, viewers=lambda: web.num_viewers)
    saver = PairSaver(
        config.save.path,
        uri=health.source,
        model=lambda: model_record(supervisor, health),
        on_saved=control.saved,
        on_failed=control.not_saved,
        unit_state=lambda: heat.record(),
    )
    control.save = saver.save
    storage = StorageWatch(config.save.path, partial(health.enter, "storage"))
    control.listen(lambda kind, data: tell_storage(storage, kind, data))
    heat = HeatWatch(config.heat, Sysfs(), supervisor.limit, partial(health.enter, "heat"))
    sinks: list[Sink] = [web, control]
    if config.bridge.port:
        sinks.append(CameraHead(config.bridge, health, control))
    life = Life(notifier, health, lambda: live.num_attempts)
    reload = Reload(
        load,
        config,
        correction,
        supervisor,
        SourceDesk(opener_of, lambda opener, same_device: live.replace_source(opener, same_device=same_device)),
        takers=[
            lambda taken: saver.use(taken.save.path),
            lambda taken: storage.set_folder(taken.save.path),
            lambda taken: web.use_quality(taken.web.jpeg_quality),
            lambda taken: heat.set_config(taken.heat),
        ],
        on_begin=life.reload_begins,
        on_end=life.reload_ends,
    )
    live = Live(
        opener_of(config.source.uri, correction),
        supervisor,
        sinks,
        health,
        stop,
        watches=[heat, storage, reload, life],
        wait=config.source.wait,
        on_ready=lambda: log.info("live on %s (Ctrl-C stops)", web.url),
    )
    web.on_failed = live.fail
    health.track("pid", os.getpid)
    health.track("reload", lambda: reload.record)
    health.track("unit_state", heat.record)
    signal.signal(signal.SIGHUP, reload.request)
    saver.start()
    try:
        live.run()
    finally:
        notifier.stopping()
        saver.close()  # a picture that waits for the disk is written
    return 0


def put_in_order(config: Config) -> None:
    """Remove or complete what a power cut left half done, and say so."""
    calibration = config.unit.calibration
    clean_up([config.save.path, Path(config.engine.engines), *([Path(calibration).parent] if calibration else [])])
    if config.engine.models:
        for path in ModelStore(Path(config.engine.models)).remove_leftovers():
            log.warning("storage: removed an unfinished or unused model: %s", path)


def opener_of(uri: str, correction: UnitCorrection | None) -> Callable[[], Source]:
    """What opens a source and refuses a camera in another mode than it was calibrated in."""
    return checked_opener(lambda: open_source(uri), correction)


def tell_storage(storage: StorageWatch, kind: str, data: Mapping[str, Any]) -> None:
    """What the saver met with is news of the disk."""
    if kind == "saved":
        storage.saved()
    elif kind == "not-saved":
        storage.save_failed(str(data["reason"]))


def model_record(supervisor: Supervisor, health: Health) -> dict[str, str]:
    """What enhances now, as a saved picture's sidecar names it."""
    record = health.model_record()
    manifest = supervisor.setup.manifests.get(record["profile"], {})
    return {**{key: str(manifest[key]) for key in ("name", "version") if key in manifest}, **record}
