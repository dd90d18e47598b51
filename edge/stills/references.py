"""A held picture made again by a reference profile, such as the paper's, in the background.

It is never the picture that was live: it is shown in its place when somebody asks for it, with the profile's name in
its pixels, and `SYNTHESISED DETAIL` where a network drew what the camera did not see.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Protocol

from edge.basics.errors import EdgeError, NotNow, UsageError
from edge.calibration.blocks import block_correction
from edge.config import Config
from edge.frames.frame import FramePair
from edge.guard.files import FilesEngine
from edge.guard.judge import OutputJudge
from edge.guard.order import calibration_sha256_of
from edge.health.news import Board, ReferenceChanged, ViewChanged
from edge.health.state import EngineFacts
from edge.models.kinds import num_macs, synthesises
from edge.models.offered import OfferedProfile
from edge.models.profile import Profile
from edge.models.trust import trusted_profile

log = logging.getLogger(__name__)

MACS_PER_S = 68e9
"""Of two cores of a server (docs/results.md): the first guess of how long a picture takes."""
_NUM_FRAMES = 4
_MOST_DONE = 0.95
"""As far as a guess may say it has come."""


class Holder(Protocol):
    """The part of `edge.saving.freeze.Freeze` that is needed here."""

    @property
    def frozen(self) -> FramePair | None: ...
    def show_instead(self, pair: FramePair) -> bool: ...


@dataclass(slots=True)
class Task:
    """One picture on its way.

    Attributes:
        begun_s, whole_s: when it began, and what all of it may take: a guess.
    """

    pair: FramePair
    profile: str
    begun_s: float
    whole_s: float | None = None
    engine: FilesEngine | None = None
    is_given_up: bool = False

    def record(self) -> dict[str, Any]:
        """How far it has come: share from 0 to 1 and seconds that are left, null where that is not known."""
        if self.whole_s is None:
            return {"profile": self.profile, "done": 0.0, "left_s": None}
        passed_s = time.monotonic() - self.begun_s
        left_s = round(self.whole_s - passed_s) if passed_s < self.whole_s else None
        return {"profile": self.profile, "done": round(min(_MOST_DONE, passed_s / self.whole_s), 3), "left_s": left_s}


class References:
    """One picture at a time, in a thread of its own. Everything is let go of when the picture is held no more.

    Args:
        config: what the unit runs by now.
        freeze: holds the picture.
        installed: the profiles that a person may choose from.
        make_engine: opens a profile, for as long as one picture takes.
    """

    def __init__(
        self,
        config: Config,
        freeze: Holder,
        board: Board,
        installed: Callable[[], Sequence[OfferedProfile]],
        make_engine: Callable[[Profile, Config], FilesEngine] | None = None,
    ) -> None:
        self._config, self._freeze, self._board = config, freeze, board
        self._make_engine = make_engine or _engine_beside
        self._lock = threading.Condition()
        self._installed = installed
        self._is_closed = False
        self._task: Task | None = None
        self._original: FramePair | None = None
        self._done: dict[str, FramePair] = {}
        self._failed: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, name="reference", daemon=True)
        board.read(ViewChanged, self._on_view_changed)

    def start(self) -> None:
        """Start the thread now, not when there is no memory for one."""
        self._thread.start()

    def close(self) -> None:
        """Give up what is being made."""
        with self._lock:
            self._is_closed = True
            self._give_up()
            self._lock.notify()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def use(self, config: Config) -> None:
        """Run by this configuration from the next picture on."""
        self._config = config

    # ---- what is asked from outside

    def offered(self) -> tuple[str, ...]:
        """Names of the profiles for stills that are installed."""
        return tuple(one.name for one in self._installed() if not one.is_live)

    def record(self) -> dict[str, Any]:
        """What is offered, what is being made, what is there, and what could not be made."""
        with self._lock:
            running = None if self._task is None or self._task.is_given_up else self._task.record()
            done = [
                {"profile": name, "seq": pair.raw.seq, "synthesised": pair.enhanced.is_synthesised}
                for name, pair in self._done.items()
            ]
            failed = [{"profile": name, "reason": reason} for name, reason in self._failed.items()]
            frozen = self._freeze.frozen
            shown = frozen.enhanced.profile if frozen is not None and frozen.enhanced.mode == "enhanced" else None
        offered = [one for one in self._installed() if not one.is_live]
        profiles = [{"name": one.name, "synthesised": one.synthesises} for one in offered]
        return {"profiles": profiles, "running": running, "done": done, "failed": failed, "shown": shown}

    def begin(self, profile: str) -> None:
        """Make the held picture by this profile, in the background.

        Raises:
            UsageError: no such profile is offered. NotNow: nothing is held, or another is being made.
        """
        offered = self.offered()
        if profile not in offered:
            raise UsageError(f"profile = {profile[:64]!r}: expected one of {', '.join(offered) or 'none here'}")
        with self._lock:
            pair = self._held()
            if self._task is not None:
                ending = "is being ended" if self._task.is_given_up else "is being made"
                raise NotNow(f"a picture by {self._task.profile} {ending}; wait for it, or give it up first")
            if profile in self._done:
                return
            self._original = self._original or pair
            self._failed.pop(profile, None)
            self._task = Task(self._original, profile, time.monotonic())
            self._lock.notify()
        self._board.post(ReferenceChanged(profile, "begun"))

    def cancel(self) -> None:
        """Give up what is being made; nothing where nothing is."""
        with self._lock:
            self._give_up()

    def made(self, profile: str) -> FramePair:
        """The held raw picture with what this profile made of it.

        Raises:
            NotNow: it is not there.
        """
        with self._lock:
            self._held()
            if profile not in self._done:
                raise NotNow(f"the held picture was not made by {profile[:64]!r}; ask for it first")
            return self._done[profile]

    def show(self, profile: str) -> None:
        """Have everybody shown the held picture as this profile made it; an empty name: as it was live.

        Raises:
            NotNow: it is not there, or nothing is held.
        """
        pair = self.made(profile) if profile else self._original_of_held()
        if not self._freeze.show_instead(pair):
            raise NotNow("the picture is not held any more")

    def _original_of_held(self) -> FramePair:
        with self._lock:
            return self._original or self._held()

    def _held(self) -> FramePair:
        frozen = self._freeze.frozen
        if frozen is None:
            raise NotNow("no picture is held; freeze one first")
        return frozen

    # ---- the thread

    def _on_view_changed(self, news: ViewChanged) -> None:
        with self._lock:
            frozen, original = self._freeze.frozen, self._original
            if original is not None and (frozen is None or frozen.raw is not original.raw):
                self._original = None
                self._done.clear()
                self._failed.clear()
                self._give_up()

    def _give_up(self) -> None:
        """With the lock held."""
        if self._task is not None and not self._task.is_given_up:
            self._task.is_given_up = True
            if self._task.engine is not None:
                self._task.engine.abandon()

    def _run(self) -> None:
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._is_closed or self._task is not None)
                if self._is_closed or self._task is None:
                    return
                task, config = self._task, self._config
            pair, reason = None, ""
            try:
                pair = self._made_pair(task, config)
            except EdgeError as error:
                reason = str(error)
            except Exception as error:
                log.exception("reference picture")
                reason = f"{type(error).__name__}: {error}"
            self._end(task, pair, reason)

    def _end(self, task: Task, pair: FramePair | None, reason: str) -> None:
        with self._lock:
            self._task = None
            is_given_up = task.is_given_up
            if not is_given_up and pair is not None:
                self._done[task.profile] = pair
            elif not is_given_up:
                self._failed[task.profile] = reason
        if is_given_up:
            log.info("reference picture by %s: given up", task.profile)
            self._board.post(ReferenceChanged(task.profile, "given up"))
        elif pair is None:
            log.warning("reference picture by %s: %s", task.profile, reason)
            self._board.post(ReferenceChanged(task.profile, "failed", reason))
        else:
            log.info("reference picture by %s: made in %.0f s", task.profile, time.monotonic() - task.begun_s)
            self._board.post(ReferenceChanged(task.profile, "made"))

    def _made_pair(self, task: Task, config: Config) -> FramePair:
        profile = trusted_profile(task.profile, config.engine.models, config.engine.keys)
        task.whole_s = 2 * num_macs(profile.manifest) / MACS_PER_S  # the golden frame first, then the picture
        raw = task.pair.raw
        with closing(self._make_engine(profile, config)) as engine:
            with self._lock:
                task.engine = engine
                if task.is_given_up:
                    engine.abandon()
            engine.open(threading.Event())
            task.whole_s = time.monotonic() - task.begun_s + engine.frame_ms / 1e3
            result = engine.enhance(raw.image)
            image, device, stage_ms = result.image.copy(), engine.device, result.stage_ms
        judge = OutputJudge()
        calibration = config.unit.calibration
        judge.look_through(*block_correction(calibration, calibration_sha256_of(calibration), profile.manifest))
        fault = judge.fault(raw.image, image)
        if fault:
            raise EdgeError(f"its picture was refused: {fault}")
        name, version = str(profile.manifest["name"]), str(profile.manifest["version"])
        facts = EngineFacts(profile.name, profile.sha256, device, name, version, synthesises(profile.manifest))
        return FramePair(raw, raw.enhanced(image, profile.name, stage_ms, model=facts.record()))


def _engine_beside(profile: Profile, config: Config) -> FilesEngine:
    """Of this unit, and behind everything that the live picture needs."""
    half = replace(config.engine, threads=max(1, (os.cpu_count() or 1) // 2))
    return FilesEngine(profile, half, config.unit, _NUM_FRAMES, gives_way=True)
