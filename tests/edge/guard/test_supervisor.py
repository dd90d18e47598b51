"""What the picture does while engines fail: in simulated time, with played processes."""

import time
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from edge.basics.errors import DeviceMissing, EngineFailed, EngineLost, ModelError
from edge.config import Config, EngineConfig
from edge.engines.engine import Enhanced
from edge.engines.rungs import Rung
from edge.frames.frame import Frame
from edge.guard.judge import OutputJudge
from edge.guard.order import engine_setup
from edge.guard.process import EngineBusy, EngineGone, EngineLate, Opened
from edge.guard.shared_frames import SharedFrames
from edge.guard.supervisor import PROVE_AFTER_NS, PROVE_AT_LAST_NS, Supervisor
from edge.health.news import Board, PartChanged
from edge.health.record import Health
from tests.doubles.uncritical_judge import Uncritical

SECOND = 1_000_000_000


class Played:
    """Plays `EngineProcess`; what the cast's `on_open` and `on_frame` give is raised, or changes the answer.

    False for `on_open`: it is still opening.
    """

    pid = 4711

    def __init__(self, order, cast):
        self.order, self._cast = order, cast
        self.opened = None
        self.is_closed = False
        self.num_proofs = 0
        self.strengths = []

    def poll_opened(self, timeout_s=0.0):
        found = self._cast.on_open(self.order.rung)
        if isinstance(found, Exception):
            raise found
        if found is not False and self.opened is None:
            rung = self.order.rung
            device = "gpu" if rung.runtime else "cpu"
            self.opened = Opened(rung.profile, self.order.sha256, device, **{"frame_ms": 20.0, **(found or {})})
        return self.opened

    def enhance(self, image, strength=1.0):
        self.strengths.append(strength)
        found = self._cast.on_frame(self.order.rung)
        if isinstance(found, Exception):
            raise found
        made = 255 - image if found is None else found
        if strength == 1:
            return Enhanced(made, {"invert": 1.0})
        return Enhanced(cv2.addWeighted(image, 1 - strength, made, strength, 0), {"invert": 1.0}, made)

    def take_late(self):
        return None

    def prove(self):
        self.num_proofs += 1
        found = self._cast.on_proof()
        if isinstance(found, Exception):
            raise found

    def close(self, wait_s=0.0):
        self.is_closed = True


class Stage:
    """A supervisor with played processes and a clock of its own."""

    def __init__(self, monkeypatch, backend="auto", profile="live", on_start=lambda rung: None, **options):
        self.now_ns = 1000 * SECOND
        clock = SimpleNamespace(monotonic_ns=lambda: self.now_ns, perf_counter=time.perf_counter)
        monkeypatch.setattr("edge.guard.supervisor.time", clock)
        self.on_start = on_start
        self.on_open = self.on_frame = lambda rung: None
        self.on_proof = lambda: None
        self.started = []
        board = Board()
        self.health, self.frames = Health(board), SharedFrames()
        self.events = []
        board.read(PartChanged, lambda news: self.events.append((news.state, news.reason)))
        setup = engine_setup(Config(engine=EngineConfig(backend=backend)))
        if profile != "live":  # one that needs a GPU, above the shipped one
            manifests = {**setup.manifests, profile: {**setup.manifests["live"], "profile": profile}}
            setup = replace(setup, rungs=(Rung(profile, backend), *setup.rungs), manifests=manifests)
        self.supervisor = Supervisor(setup, self.health, self.frames, start_process=self.start, **options)
        self.supervisor.start()
        self._scene = np.random.default_rng(0).integers(0, 255, (1080, 1920, 3), np.uint8)

    def start(self, order, frames):
        if error := self.on_start(order.rung):
            raise error
        self.started.append(Played(order, self))
        return self.started[-1]

    def show(self, number=1, every_s=0.1):
        """The modes of so many frames, `e` or `r`."""
        modes = ""
        for seq in range(number):
            self.now_ns += int(every_s * SECOND)
            raw = Frame(self._scene, seq, self.now_ns)
            made = self.supervisor.correct_and_enhance(raw)
            modes += (raw if made is None else self.supervisor.judge(raw, made)).mode[0]
        return modes

    @property
    def rung(self):
        return self.health.snapshot(0)["ladder"]["rung"]

    @property
    def engine(self):
        record = self.health.part("engine")
        return record.state, record.reason

    @property
    def open_processes(self):
        return [process for process in self.started if not process.is_closed]


@pytest.fixture
def stage(monkeypatch):
    monkeypatch.setattr("edge.guard.supervisor.OutputJudge", lambda: Uncritical())
    stages = []

    def make(**options):
        stages.append(Stage(monkeypatch, **options))
        return stages[-1]

    yield make
    for one in stages:
        one.supervisor.close()
        assert one.open_processes == []
        one.frames.close()


def test_frames_are_raw_until_the_engine_is_open(stage):
    on = stage()
    on.on_open = lambda rung: False
    assert on.show(3) == "rrr"
    assert on.engine == ("starting", "the engine starts")
    on.on_open = lambda rung: None
    assert on.show(2) == "ee"
    assert (on.engine, on.rung) == (("ok", ""), "live")
    assert on.health.engine().device == "gpu"


@pytest.mark.parametrize(
    "error", [EngineFailed("the answer is NaN"), EngineLate("not ready"), EngineFailed("ZeroDivisionError: x")]
)
def test_three_bad_frames_in_a_row_take_the_next_rung(stage, error):
    on = stage()
    assert on.show(2) == "ee"
    on.on_frame = lambda rung: error if rung.backend == "auto" else None
    assert on.show(2) == "rr"
    assert on.engine == ("ok", "")
    assert on.health.verdict(0).frame_fault == str(error)
    assert on.show(3) == "ree"
    assert on.engine == ("degraded", f"live on the CPU: {error}")
    assert on.rung == "live on the CPU"
    assert on.health.verdict(0).frame_fault == ""


def test_one_bad_frame_changes_no_rung(stage):
    on = stage()
    answers = iter([None, EngineFailed("once"), None, None])
    on.on_frame = lambda rung: next(answers)
    assert on.show(4) == "eree"
    assert on.engine == ("ok", "")


def test_what_the_judge_refuses_is_shown_raw(stage, monkeypatch):
    on = stage()
    on.supervisor._judge = SimpleNamespace(
        fault=lambda raw, made: "black" if not made.any() else "", forget=lambda: None, look_through=lambda *view: None
    )
    on.on_frame = lambda rung: np.zeros((1080, 1920, 3), np.uint8) if rung.upscale == "own" else None
    assert on.show(8) == "rrrrrree"
    assert on.engine == ("degraded", "live, bicubic: its picture was refused: black")


def test_the_ladder_ends_at_raw_and_says_why(stage):
    on = stage()
    on.on_frame = lambda rung: EngineFailed("black")
    assert on.show(12) == "r" * 12
    assert (on.engine, on.rung) == (("failed", "black"), "raw")
    assert on.open_processes == []
    assert on.health.engine().record() == {"profile": "", "sha256": "", "device": "none"}


def test_a_busy_engine_is_not_blamed(stage):
    on = stage()
    on.on_frame = lambda rung: EngineBusy("the engine still works on an older picture")
    assert on.show(20) == "r" * 20
    assert on.rung == "live"


def test_a_lost_gpu_steps_down_at_once_and_is_climbed_back_to(stage):
    on = stage()
    lost = [True]
    on.on_frame = lambda rung: EngineLost("the GPU is gone") if rung.backend == "auto" and lost[0] else None
    on.on_open = lambda rung: (
        EngineLost("still gone") if lost[0] and len(on.started) > 1 and rung.backend == "auto" else None
    )
    assert on.show(2) == "re"
    assert on.engine == ("degraded", "live on the CPU: the GPU is gone")
    assert set(on.show(20, every_s=10)) == {"e"}
    lost[0] = False
    assert set(on.show(60, every_s=10)) == {"e"}, "a better rung opens beside the running one"
    assert (on.engine, on.rung) == (("ok", ""), "live")
    assert len(on.open_processes) == 1


def test_a_crash_restarts_within_a_budget_then_stays_raw_and_says_so(stage):
    on = stage()
    on.on_frame = lambda rung: EngineGone("the engine's process was ended by SIGSEGV")
    assert on.show(1) == "r"
    assert on.engine == ("starting", "the engine's process was ended by SIGSEGV; it starts again")
    assert on.show(30) == "r" * 30
    assert on.engine[0] == "failed"
    assert on.engine[1].startswith("the engine failed more than 5 times in a minute")
    assert len(on.started) == 6
    on.on_frame = lambda rung: None
    assert on.show(3, every_s=60)[-1] == "e", "after a while it is tried again"


def test_a_climb_that_ends_while_the_rung_below_opens_anew_is_what_runs(stage):
    on = stage()
    on.show(2)
    on.on_frame = lambda rung: EngineLost("the GPU is gone") if rung.backend == "auto" else None
    on.show(2)
    assert on.rung == "live on the CPU"
    is_slow = [True]
    on.on_open = lambda rung: False if rung.backend == "auto" and is_slow[0] else None
    on.show(1, every_s=61)  # the GPU is tried beside the CPU
    on.on_frame = lambda rung: EngineGone("exit code 9")
    on.on_open = lambda rung: False
    on.show(1)  # the CPU's process ends and is started again
    on.on_frame = lambda rung: None
    on.on_open = lambda rung: None if rung.backend == "auto" else False
    assert on.show(2) == "ee"
    on.on_open = lambda rung: None
    assert on.show(3) == "eee"
    assert (on.rung, on.health.engine().device) == ("live", "gpu")
    assert len(on.open_processes) == 1


def no_gpu(rung):
    return DeviceMissing("no TensorRT") if rung.runtime else None


@pytest.mark.parametrize("when", ["it is started", "it opens"])
def test_without_a_gpu_the_cpu_is_as_it_should_be(stage, when, caplog):
    with caplog.at_level("INFO"):
        on = stage(on_start=no_gpu) if when == "it is started" else stage()
        on.on_open = no_gpu
        assert on.show(3)[1:] == "ee"
    assert on.engine == ("ok", "")
    assert on.health.snapshot(0)["ladder"]["rungs"] == ["live on the CPU", "live, bicubic", "raw"]
    assert [(record.levelname, record.message) for record in caplog.records if "CPU" in record.message] == [
        ("INFO", "the CPU engine runs: no TensorRT")
    ]
    assert not [record for record in caplog.records if record.levelname not in ("INFO", "DEBUG")]
    num_started = len(on.started)
    on.show(50, every_s=100)
    assert len(on.started) == num_started, "there is nothing to climb to"


def test_a_gpu_that_worked_and_is_gone_is_not_as_it_should_be(stage):
    on = stage()
    on.show(2)
    on.on_frame = lambda rung: EngineGone("SIGSEGV") if rung.runtime else None
    on.on_open = no_gpu
    assert on.show(3)[-1] == "e"
    assert on.engine == ("degraded", "live on the CPU: no TensorRT")
    on.on_frame = on.on_open = lambda rung: None
    on.show(3, every_s=61)
    assert on.engine == ("ok", "")


def test_a_gpu_that_fails_at_the_start_is_tried_again(stage):
    on = stage()
    on.on_open = lambda rung: EngineLost("too little memory") if rung.runtime else None
    assert on.show(3)[1:] == "ee"
    assert on.engine == ("degraded", "live on the CPU: too little memory")
    on.show(3, every_s=61)
    assert on.rung == "live on the CPU"
    on.on_open = lambda rung: None
    on.show(3, every_s=600)
    assert on.engine == ("ok", "")


@pytest.mark.parametrize("error", [ModelError("model.onnx: is wrong"), EngineLost("too little memory")])
def test_a_rung_that_cannot_be_opened_is_passed_over(stage, error):
    on = stage()
    on.on_open = lambda rung: error if rung.backend == "auto" else None
    on.show(3)
    assert on.engine == ("degraded", f"live on the CPU: {error}")


def test_a_rung_that_is_too_slow_is_passed_over(stage):
    on = stage()
    on.on_open = lambda rung: {"frame_ms": 900.0} if rung.backend == "auto" else None
    on.show(3)
    assert on.engine == ("degraded", "live on the CPU: live takes 900 ms a frame here, at most 300 fit")


def test_heat_asks_for_less_work_then_for_none_and_lets_go(stage):
    on = stage()
    on.show(2)
    on.supervisor.limit(1, "the unit is warm")
    assert on.show(2)[-1] == "e"
    assert on.engine == ("degraded", "live, bicubic: the unit is warm")
    on.supervisor.limit(2, "the unit is hot")
    assert on.show(2) == "rr"
    assert on.engine == ("failed", "the unit is hot")
    on.supervisor.limit(1, "the unit is warm")
    assert on.show(2)[-1] == "e"
    on.supervisor.limit(0, "")
    assert on.show(3)[-1] == "e"
    assert (on.engine, on.rung) == (("ok", ""), "live")


def test_heat_counts_for_the_ladder_that_is_left_without_a_gpu(stage):
    on = stage()
    on.on_open = lambda rung: False
    on.show(1)
    on.on_open = no_gpu
    on.supervisor._limited = 1  # as if the heat had been followed on the way
    on.supervisor.limit(1, "the unit is warm")
    on.show(3)
    assert on.engine == ("degraded", "live, bicubic: the unit is warm")


def test_a_climb_ends_where_it_gets_warm_on_the_way(stage):
    on = stage()
    on.show(2)
    on.supervisor.limit(1, "the unit is warm")
    on.show(2)
    on.on_open = lambda rung: False
    on.supervisor.limit(0, "")
    on.show(2)
    on.supervisor.limit(1, "the unit is warm")
    on.on_open = lambda rung: None
    assert on.show(3) == "eee"
    assert on.engine == ("degraded", "live, bicubic: the unit is warm")
    assert len(on.open_processes) == 1


def test_a_smaller_profile_is_never_called_as_asked(stage):
    on = stage(profile="live-isr")
    on.on_open = no_gpu
    assert on.show(4)[-1] == "e"
    assert on.engine == ("degraded", "live on the CPU: no TensorRT")


def test_the_golden_frame_runs_each_hour_when_nobody_watches(stage):
    viewers = [1]
    on = stage(viewers=lambda: viewers[0])
    on.show(2)
    (process,) = on.started
    on.show(1, every_s=PROVE_AFTER_NS / SECOND + 1)
    assert process.num_proofs == 0
    viewers[0] = 0
    on.show(2)
    assert process.num_proofs == 1
    viewers[0] = 1
    on.show(1, every_s=PROVE_AT_LAST_NS / SECOND + 1)
    assert process.num_proofs == 2


def test_a_wrong_golden_frame_starts_the_engine_anew(stage):
    on = stage()
    on.show(2)
    on.on_proof = lambda: ModelError("the golden frame comes out at 12 dB")
    assert on.show(1, every_s=4000) == "r"
    assert on.engine == ("starting", "the golden frame comes out at 12 dB; it starts again")
    assert on.show(1) == "e"


def test_another_setup_is_proven_beside_the_running_one_and_waits(stage):
    on = stage()
    on.show(2)
    setup = engine_setup(Config(engine=EngineConfig(backend="cpu")))
    asked = on.supervisor.prepare(setup)
    assert on.show(3) == "eee"
    asked.ready.result(0)
    assert on.rung == "live"
    asked.commit()
    assert on.show(2) == "ee"
    assert (on.rung, on.supervisor.setup) == ("live on the CPU", setup)
    assert len(on.open_processes) == 1


AUTO = Config(engine=EngineConfig(threads=1))


@pytest.mark.parametrize("when", ["it is started", "it opens"])
def test_another_setup_without_a_gpu_runs_on_the_cpu(stage, when):
    on = stage(backend="cpu")
    on.show(2)
    if when == "it is started":
        on.on_start = no_gpu
    on.on_open = no_gpu
    asked = on.supervisor.prepare(engine_setup(AUTO))
    assert on.show(3) == "eee"
    asked.ready.result(0)
    asked.commit()
    assert on.show(2) == "ee"
    assert (on.engine, on.rung, on.supervisor.setup) == (("ok", ""), "live on the CPU", engine_setup(AUTO))
    assert len(on.open_processes) == 1


@pytest.mark.parametrize("error", [EngineLost("too little memory"), ModelError("no engine for profile live")])
def test_another_setup_whose_gpu_fails_runs_on_the_cpu_and_climbs(stage, error):
    on = stage(backend="cpu")
    on.show(2)
    on.on_open = lambda rung: error if rung.runtime else None
    asked = on.supervisor.prepare(engine_setup(AUTO))
    on.show(3)
    asked.commit()
    assert on.show(2) == "ee"
    assert on.engine == ("degraded", f"live on the CPU: {error}")
    on.on_open = lambda rung: None
    on.show(3, every_s=61)
    assert (on.engine, on.rung) == (("ok", ""), "live")
    assert len(on.open_processes) == 1


@pytest.mark.parametrize("where", ["auto", "cpu"])
def test_another_setup_whose_process_crashes_is_refused(stage, where):
    on = stage(backend="cpu")
    on.show(2)
    on.on_open = lambda rung: EngineGone("exit code 9") if rung.backend == where else no_gpu(rung)
    asked = on.supervisor.prepare(engine_setup(AUTO))
    assert on.show(3) == "eee"
    with pytest.raises(EngineGone):
        asked.ready.result(0)
    assert on.rung == "live on the CPU" and len(on.open_processes) == 1


def test_another_setup_never_runs_a_smaller_profile_than_it_names(stage):
    on = stage(backend="cpu")
    on.show(2)
    setup = engine_setup(AUTO)
    manifests = {**setup.manifests, "live-isr": {**setup.manifests["live"], "profile": "live-isr"}}
    on.on_open = no_gpu
    asked = on.supervisor.prepare(replace(setup, rungs=(Rung("live-isr", "auto"), *setup.rungs), manifests=manifests))
    assert on.show(3) == "eee"
    with pytest.raises(DeviceMissing, match="no TensorRT"):
        asked.ready.result(0)


def test_a_climb_that_cannot_be_started_waits_for_the_next_one(stage):
    on = stage()
    on.on_frame = lambda rung: EngineLost("the GPU is gone") if rung.runtime else None
    on.show(2)
    num_tries = []

    def refused(rung):
        num_tries.append(rung)
        return EngineGone("no descriptors left")

    on.on_start = refused
    assert set(on.show(10, every_s=61)) == {"e"}
    assert len(num_tries) == 3, "after one minute, two and four more"


@pytest.mark.parametrize("how", ["wrong", "cancelled"])
def test_another_setup_that_is_not_taken_changes_nothing(stage, how):
    on = stage()
    on.show(2)
    setup = engine_setup(Config(engine=EngineConfig(backend="cpu")))
    if how == "wrong":
        on.on_open = lambda rung: ModelError("golden frame") if rung.backend == "cpu" else None
    asked = on.supervisor.prepare(setup)
    assert on.show(2) == "ee"
    if how == "wrong":
        with pytest.raises(ModelError):
            asked.ready.result(0)
    else:
        asked.cancel()
    assert on.show(2) == "ee"
    assert on.rung == "live"
    assert len(on.open_processes) == 1


def test_each_transition_is_told_once(stage):
    on = stage()
    on.show(2)
    on.on_frame = lambda rung: EngineFailed("black") if rung == Rung("live", "auto") else None
    on.show(10)
    assert on.events == [
        ("starting", "the engine starts"),
        ("ok", ""),
        ("starting", "black"),
        ("degraded", "live on the CPU: black"),
    ]


def test_the_engine_is_asked_for_as_much_as_is_to_be_shown_and_for_nothing_at_strength_0(stage):
    strengths = [1.0]
    on = stage(strength=lambda: strengths[-1])
    assert on.show(3) == "eee"
    strengths.append(0.4)
    made = on.supervisor.correct_and_enhance(Frame(on._scene, 9, on.now_ns))
    assert (made.mode, made.strength) == ("enhanced", 0.4)
    asked = len(on.started[0].strengths)
    strengths.append(0.0)
    assert on.show(2) == "rr"
    assert on.health.verdict(on.now_ns).frame_fault == "the strength is 0"
    assert len(on.started[0].strengths) == asked
    strengths.append(1.0)
    assert on.show(1) == "e"
    assert on.health.verdict(on.now_ns).frame_fault == ""


def test_a_foreign_picture_is_refused_however_little_of_it_would_be_shown(stage):
    on = stage(strength=lambda: 0.3)
    foreign = np.random.default_rng(1).integers(0, 255, (27, 48, 3), np.uint8)
    on.supervisor._judge = OutputJudge()
    on._scene = cv2.resize(on._scene[:27, :48], (1920, 1080), interpolation=cv2.INTER_CUBIC)
    on.on_frame = lambda rung: cv2.resize(foreign, (1920, 1080), interpolation=cv2.INTER_CUBIC)
    assert on.show(1) == "r"
    assert "its structure is not the camera's" in on.health.verdict(on.now_ns).frame_fault


def test_a_profile_that_corrects_in_its_graph_is_shown_whole_or_not_at_all(stage):
    strengths = [0.4]
    on = stage(strength=lambda: strengths[-1])
    setup = on.supervisor._setup
    corrects = {name: {**one, "calibration": {}} for name, one in setup.manifests.items()}
    on.supervisor._setup = replace(setup, manifests=corrects)
    assert on.show(1) == "e"
    made = on.supervisor.correct_and_enhance(Frame(on._scene, 9, on.now_ns))
    assert (made.strength, on.started[0].strengths[-1]) == (1.0, 1.0)
    refused = "this profile shows all or nothing, not a strength of 40%"
    assert on.health.verdict(on.now_ns).notices == (refused,)
    strengths.append(0.0)
    assert on.show(1) == "r"
    assert on.health.verdict(on.now_ns).notices == ()


def test_a_frame_says_what_made_it(stage):
    on = stage()
    assert on.show(1) == "e"
    made = on.supervisor.correct_and_enhance(Frame(on._scene, 9, on.now_ns))
    assert made.model == on.health.engine().record()
    assert made.model["sha256"] == on.started[0].order.sha256
