"""SIGHUP: the configuration is read again, and taken whole or not at all while the picture goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Protocol

from edge.basics.errors import ConfigError, EdgeError
from edge.basics.settings import settings_of
from edge.calibration.of_unit import UnitCorrection, unit_correction
from edge.config import Config
from edge.guard.order import EngineSetup, engine_setup
from edge.guard.process import OPENING_S
from edge.guard.standby import Preparation
from edge.sources.holder import SourceOrder
from edge.sources.open import wish_of

log = logging.getLogger(__name__)


class EngineDesk(Protocol):
    """The part of `edge.guard.supervisor.Supervisor` that is needed here."""

    @property
    def setup(self) -> EngineSetup: ...
    def prepare(self, setup: EngineSetup) -> Preparation: ...


class SourceDesk(Protocol):
    """The part of `edge.sources.holder.SourceHolder` that is needed here."""

    def replace(self, order: SourceOrder) -> Future[None]: ...


class Reload:
    """A watch. A signal handler only calls `request`; the work is done in a thread of its own.

    Args:
        load: reads the configuration as at the start.
        config, correction: in use.
        takers: told the new configuration once it is taken; must neither wait nor fail.
        on_begin, on_end: around the work, for the service manager.
    """

    def __init__(
        self,
        load: Callable[[], Config],
        config: Config,
        correction: UnitCorrection | None,
        engine: EngineDesk,
        source: SourceDesk,
        takers: Sequence[Callable[[Config], None]] = (),
        *,
        on_begin: Callable[[], None] = lambda: None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._load, self._config, self._correction = load, config, correction
        self._engine, self._source, self._takers = engine, source, takers
        self._on_begin, self._on_end = on_begin, on_end
        self._is_requested = threading.Event()
        self._thread: threading.Thread | None = None
        self._working = threading.Lock()
        self._count = 0
        self._outcome: dict[str, Any] | None = None

    def request(self, *_signal: object) -> None:
        """Read it again soon; for a signal handler."""
        self._is_requested.set()

    def tick(self, now_ns: int) -> None:
        """Begin what was requested; one at a time."""
        is_running = self._thread is not None and self._thread.is_alive()
        if self._is_requested.is_set() and not is_running:
            self._is_requested.clear()
            self._thread = threading.Thread(target=self.run, name="reload", daemon=True)
            self._thread.start()

    def run(self) -> None:
        """Do it; `outcome` tells what came of it."""
        self._on_begin()
        reason = ""
        try:
            with self._working:
                changed = self._apply()
            log.info("configuration read again: %s", ", ".join(changed) or "nothing changed")
        except EdgeError as error:
            reason = str(error)
            log.error("configuration not taken, the one in use stays: %s", error)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            log.exception("configuration not taken, the one in use stays")
        self._count += 1
        at = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._outcome = {"count": self._count, "at": at, "ok": not reason, "reason": reason}
        self._on_end()

    def use_profile(self, name: str) -> Future[None]:
        """Enhance with another profile until the next reload, in a thread of its own.

        The future is done when it is proven and runs from the next frame on. It raises EdgeError where it cannot be
        had, or another change is under way: then nothing has changed.
        """
        asked: Future[None] = Future()
        asked.set_running_or_notify_cancel()
        threading.Thread(target=self._use_profile, args=(name, asked), name="profile", daemon=True).start()
        return asked

    def _use_profile(self, name: str, asked: Future[None]) -> None:
        if not self._working.acquire(blocking=False):
            asked.set_exception(ConfigError("another change is under way; try again"))
            return
        try:
            self._exchange(replace(self._config, engine=replace(self._config.engine, profile=name)))
        except EdgeError as error:
            asked.set_exception(error)
        except Exception as error:
            log.exception("profile %s not taken, the one in use stays", name)
            asked.set_exception(ConfigError(f"{type(error).__name__}: {error}"))
        else:
            log.info("profile: %s, asked for on the page", name)
            asked.set_result(None)
        finally:
            self._working.release()

    def outcome(self) -> dict[str, Any] | None:
        """The last reload, as `/health` tells it; None before the first."""
        return self._outcome

    def _apply(self) -> list[str]:
        config = self._load()
        changed = changed_keys(self._config, config)
        _refuse_what_needs_restart(changed)
        if self._exchange(config):
            changed = changed or ["engine.profile (its files)"]
        for take in self._takers:
            take(config)
        return changed

    def _exchange(self, config: Config) -> bool:
        """Go over to its engine and source, whole or not at all; whether the engine is another one."""
        setup = engine_setup(config)
        manifest = setup.manifests[config.engine.profile]
        correction = unit_correction(config.unit.calibration, config.unit.serial, manifest)
        engine = self._engine.prepare(setup) if setup != self._engine.setup else None
        try:
            if engine is not None:
                _result(engine.ready, "the new engine")
            if _held_to(config, correction) != _held_to(self._config, self._correction):
                self._exchange_source(SourceOrder(wish_of(config.source), correction))
        except EdgeError:
            if engine is not None:
                engine.cancel()
            raise
        if engine is not None:
            engine.commit()
        self._config, self._correction = config, correction
        return engine is not None

    def _exchange_source(self, order: SourceOrder) -> None:
        asked = self._source.replace(order)
        try:
            _result(asked, "the new source")
        finally:
            asked.cancel()  # or it would be opened later, though the configuration was not taken


def changed_keys(before: Config, after: Config) -> list[str]:
    """Dotted paths whose values differ."""
    pairs = zip(settings_of(before), settings_of(after), strict=True)
    return [new.path for old, new in pairs if new.value != old.value]


def _refuse_what_needs_restart(changed: Sequence[str]) -> None:
    fixed = [one.path for one in settings_of(Config()) if one.path in changed and not one.rules.live]
    if fixed:
        raise ConfigError(f"{', '.join(fixed)}: changes only with a restart: systemctl restart edge-enhance")


def _held_to(config: Config, correction: UnitCorrection | None) -> tuple[object, ...]:
    """What a source is opened by, and held to."""
    held = ("", {}) if correction is None else (correction.camera_mode, dict(correction.controls))
    return wish_of(config.source), held


def _result(asked: Future[None], what: str) -> None:
    try:
        asked.result(OPENING_S + 10.0)
    except FutureTimeout:
        raise ConfigError(f"{what} did not open in time") from None
