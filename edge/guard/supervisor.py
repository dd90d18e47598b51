"""What turns captured frames into enhanced ones live, whatever happens to an engine (docs/architecture.md).

Goes down the ladder where a rung fails and climbs back; an engine lives in a process of its own. All but `prepare`
and `limit` is called from the inference thread.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Any

from edge.basics.errors import EdgeError, EngineFailed, EngineLost, ModelError
from edge.calibration.blocks import block_correction
from edge.engines.rungs import best_allowed
from edge.frames.frame import Frame
from edge.guard.answers import Opened
from edge.guard.judge import OutputJudge
from edge.guard.ladder import NS_PER_S, RESTARTS, Ladder
from edge.guard.order import EngineOrder, EngineSetup
from edge.guard.process import EngineBusy, EngineGone, EngineProcess, reap
from edge.guard.sandbox import has_gpu
from edge.guard.shared_frames import SharedFrames
from edge.guard.standby import Attempt, Preparation, Ready, Standby, checked
from edge.health.record import Health
from edge.health.state import EngineFacts
from edge.models.kinds import synthesises
from edge.pictures.image import Image

log = logging.getLogger(__name__)

PROVE_AFTER_NS, PROVE_AT_LAST_NS = 3600 * NS_PER_S, 7200 * NS_PER_S
"""The golden frame is run again after the first time while nobody watches, and after the second whoever watches."""
LONGEST_END_S = 2.0
"""What ending a process may take when the program ends."""


class Supervisor:
    """Implements `edge.frames.stages.Enhancer`.

    Args:
        frames: memory that the engine's process sees.
        viewers: how many people watch now.
        strength: share of the enhancement that is to be shown, 0 to 1, asked at each frame.
        start_process: starts an engine's process.
    """

    def __init__(
        self,
        setup: EngineSetup,
        health: Health,
        frames: SharedFrames,
        viewers: Callable[[], int] = lambda: 0,
        strength: Callable[[], float] = lambda: 1.0,
        start_process: Callable[[EngineOrder, SharedFrames], EngineProcess] = EngineProcess,
    ) -> None:
        self._health, self._start_process = health, start_process
        self._viewers, self._strength = viewers, strength
        self._frames = frames
        self._judge = OutputJudge()
        self._take_setup(setup)
        self._process: EngineProcess | None = None
        self._whole: Image | None = None
        self._model: Mapping[str, str] = {}
        self._opening: EngineProcess | None = None
        self._standby = Standby(lambda order: start_process(order, self._frames), self._could_not_climb)
        self._why = ""
        self._num_restarts = 0
        self._had_gpu = False
        self._proven_ns = 0
        self._limit = (0, "")
        self._wished: SimpleQueue[Preparation] = SimpleQueue()
        health.track("ladder", self._described)

    @property
    def setup(self) -> EngineSetup:
        """The ladder in use, as it was asked for."""
        return self._asked_setup

    # ---- the inference thread

    def start(self) -> None:
        """Begin to open the engine; frames are raw until it is there."""
        self._open_rung(time.monotonic_ns(), "the engine starts")

    def correct_and_enhance(self, raw: Frame) -> Frame | None:
        """What the engine's process makes of a frame, the unit's correction first; None where it cannot in 300 ms."""
        now_ns = time.monotonic_ns()
        self._tend(now_ns)
        self._whole, process = None, self._process
        if process is None or process.opened is None:
            return None
        strength = self._share(process.opened)
        if strength == 0 and not self._setup.corrects_on_host(process.opened.profile):
            self._health.frame_fault("the strength is 0")
            return None
        try:
            self._prove_if_due(process, now_ns)
            made = process.enhance(raw.image, strength=strength)
        except (EngineGone, ModelError) as error:
            self._crashed(error)
        except EngineLost as error:
            self._step_down(str(error))
        except EngineBusy as error:
            self._health.frame_fault(str(error))
        except EngineFailed as error:
            self._bad(str(error))
        else:
            self._whole = made.whole
            return raw.enhanced(made.image, process.opened.profile, made.stage_ms, strength, self._model)
        return None

    def judge(self, raw: Frame, made: Frame) -> Frame:
        """The enhanced frame where it shows what the raw one does; else the raw one, and the engine is to blame.

        What is looked at is the whole answer, however much of it is shown: a share of a foreign one passes for haze.
        """
        begin = time.perf_counter()
        whole, self._whole = self._whole, None
        if self._process is not None and (late := self._process.take_late()):
            self._judge.measure(*late)  # or the same answer again would be news to the judge
        fault = self._judge.fault(raw.image, made.image if whole is None else whole)
        if fault:
            self._bad(f"its picture was refused: {fault}")
            return raw
        self._ladder.good(time.monotonic_ns())
        self._health.frame_fault("")
        return replace(made, stage_ms={**made.stage_ms, "judge": (time.perf_counter() - begin) * 1e3})

    def idle(self) -> None:
        """No frame comes at present; engines go on opening."""
        self._tend(time.monotonic_ns())

    def close(self) -> None:
        """End every process."""
        self._standby.give_up(EngineGone("the program ends"), LONGEST_END_S)
        for process in (self._process, self._opening):
            if process:
                process.close(LONGEST_END_S)
        self._process = self._opening = None

    # ---- other threads

    def limit(self, level: int, reason: str) -> None:
        """Heat: 0 sets no limit, 1 asks for less work than the profile's, 2 for none."""
        self._limit = level, reason

    def prepare(self, setup: EngineSetup) -> Preparation:
        """Open another setup's engine beside the running one, to be committed or cancelled."""
        wished = Preparation(setup)
        self._wished.put(wished)
        return wished

    def _share(self, opened: Opened) -> float:
        """The strength that can be shown; said in the picture where it is not the one that is asked for."""
        asked = self._strength()
        share = self._setup.share_shown(opened.profile, asked)
        refused = f"this profile shows all or nothing, not a strength of {asked:.0%}"
        self._health.notice("strength", "" if share == asked else refused)
        return share

    # ---- what is open and what opens

    def _tend(self, now_ns: int) -> None:
        """Whatever is not the frame itself."""
        reap()
        level, reason = self._limit
        if level != self._limited:
            self._apply_limit(level, reason, now_ns)
        if self._opening is not None:
            self._poll_opening(self._opening, now_ns)
        self._take_wish()
        if (ready := self._standby.poll()) is not None:
            self._go_over(ready, now_ns)
        is_free = self._standby.attempt is None and self._opening is None
        if is_free and (rung := self._ladder.better(now_ns)) is not None:
            self._standby.open(Attempt(rung, self._setup, rung))

    def _open_rung(self, now_ns: int, why: str) -> None:
        """Open the ladder's rung, the one below where that cannot even be started."""
        self._why = why
        self._health.frame_fault("")
        while self._ladder.rung != self._ladder.raw:
            self._health.enter("engine", "starting", why)
            try:
                self._opening = self._start_process(self._setup.order(self._ladder.rung), self._frames)
                return
            except EdgeError as error:
                self._pass_over(error, now_ns)
        self._health.set_engine(EngineFacts(device="none"))
        self._health.enter("engine", "failed", self._why)

    def _pass_over(self, error: EdgeError, now_ns: int) -> None:
        """Take the rung below the ladder's; where there never was a GPU, the ladder that is left without one."""
        left, _ = self._setup.after(self._ladder.rung, error)
        if left is self._setup or self._had_gpu:
            self._ladder.step_down(now_ns)
        else:
            log.log(logging.INFO if has_gpu() else logging.DEBUG, "the CPU engine runs: %s", error)  # news with a GPU
            self._take_setup(left, asked=self._asked_setup)
        self._why = str(error)

    def _poll_opening(self, process: EngineProcess, now_ns: int) -> None:
        try:
            opened = checked(process.poll_opened(), process)
        except EngineGone as error:
            self._crashed(error)
            return
        except EdgeError as error:
            self._pass_over(error, now_ns)
            self._reopen(now_ns, self._why)
            return
        if opened is not None:
            self._opening = None
            self._serve(process, opened, now_ns)

    def _serve(self, process: EngineProcess, opened: Opened, now_ns: int) -> None:
        if self._process is not None:
            self._process.close()
        self._process, self._proven_ns = process, now_ns
        self._had_gpu |= bool(process.order.rung.runtime)
        self._judge.forget()
        calibration, sha256 = self._setup.unit.calibration, self._setup.calibration_sha256
        manifest = self._setup.manifests[opened.profile]
        self._judge.look_through(*block_correction(calibration, sha256, manifest))
        name, version = str(manifest.get("name", "")), str(manifest.get("version", ""))
        facts = EngineFacts(opened.profile, opened.model_sha256, opened.device, name, version, synthesises(manifest))
        self._health.set_engine(facts)
        self._model = facts.record()
        is_as_asked = opened.profile == self._asked_setup.rungs[0].profile
        if self._ladder.rung == 0 and is_as_asked:
            self._health.enter("engine", "ok")
        else:
            self._health.enter("engine", "degraded", f"{self._setup.rungs[self._ladder.rung].title}: {self._why}")

    def _go_over(self, ready: Ready, now_ns: int) -> None:
        """Let what was opened beside the running engine run."""
        attempt = ready.attempt
        if isinstance(attempt.goal, Preparation):
            self._take_setup(attempt.setup, asked=attempt.goal.setup)
            for _ in range(attempt.rung):
                self._ladder.step_down(now_ns)
            self._why = attempt.why
        else:
            self._ladder.climbed(attempt.rung, now_ns)
        self._leave_opening()
        self._serve(ready.process, ready.opened, now_ns)

    def _could_not_climb(self, rung: int, error: EdgeError) -> None:
        self._ladder.could_not_climb(rung, time.monotonic_ns())
        self._why = str(error)

    def _take_wish(self) -> None:
        """Begin to open what `prepare` asked for, in the place of a climb."""
        try:
            wished = self._wished.get_nowait()
        except Empty:
            return
        self._standby.give_up(ModelError("another change came in between"))
        self._standby.open(Attempt(wished, wished.setup, 0))

    def _leave_opening(self) -> None:
        if self._opening is not None:
            self._opening.close()
            self._opening = None

    def _take_setup(self, setup: EngineSetup, asked: EngineSetup | None = None) -> None:
        self._setup, self._asked_setup = setup, asked or setup
        self._ladder = Ladder(len(setup.rungs))
        self._limited = 0  # the new ladder knows of no heat yet

    # ---- what goes wrong

    def _bad(self, reason: str) -> None:
        self._health.frame_fault(reason)
        if self._ladder.bad(now_ns := time.monotonic_ns()):
            self._reopen(now_ns, reason)

    def _step_down(self, reason: str) -> None:
        now_ns = time.monotonic_ns()
        self._ladder.step_down(now_ns)
        self._reopen(now_ns, reason)

    def _crashed(self, error: EdgeError) -> None:
        now_ns = time.monotonic_ns()
        after = self._ladder.crashed(now_ns)
        self._num_restarts += after == "restart"
        why = f"{error}; it starts again" if after == "restart" else str(error)
        if after == "spent":
            why = f"the engine failed more than {RESTARTS} times in a minute: {error}"
        self._reopen(now_ns, why)

    def _reopen(self, now_ns: int, why: str) -> None:
        self._leave_opening()
        if self._process is not None:
            self._process.close()
            self._process = None
        self._open_rung(now_ns, why)

    def _apply_limit(self, level: int, reason: str, now_ns: int) -> None:
        self._limited = level
        if self._standby.attempt is not None and isinstance(self._standby.attempt.goal, int):
            self._standby.give_up(EngineGone(reason))  # a climb that began when more was allowed
        before = self._ladder.rung
        self._ladder.set_ceiling(best_allowed(self._setup.rungs, level), now_ns)
        if self._ladder.rung != before:
            self._reopen(now_ns, reason)

    def _prove_if_due(self, process: EngineProcess, now_ns: int) -> None:
        since_ns = now_ns - self._proven_ns
        if since_ns > PROVE_AT_LAST_NS or (since_ns > PROVE_AFTER_NS and not self._viewers()):
            self._proven_ns = now_ns
            process.prove()

    def _described(self) -> dict[str, Any]:
        process, rungs, rung = self._process, self._setup.rungs, self._ladder.rung
        return {
            "rung": "raw" if rung >= len(rungs) else rungs[rung].title,
            "rungs": [*(one.title for one in rungs), "raw"],
            "restarts": self._num_restarts,
            "engine_pid": None if process is None else process.pid,
            "engine_not_held": list(process.opened.not_held) if process and process.opened else [],
        }
