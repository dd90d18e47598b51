"""What the picture does while engines fail: in simulated time, with played processes."""

from types import SimpleNamespace

import numpy as np
import pytest

from edge.basics.errors import EngineFailed, EngineLost, ModelError
from edge.engines.rungs import Rung
from edge.guard.process import EngineBusy, EngineGone, EngineLate
from edge.guard.supervisor import PROVE_AFTER_NS, PROVE_AT_LAST_NS
from tests.doubles.played_engines import SECOND, no_gpu


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
    shown = on.show(15)
    assert shown == "r" * shown.index("e") + "e" * shown.count("e") and shown.endswith("ee")
    assert on.engine == ("degraded", "live-fast, bicubic: its picture was refused: black")


def test_the_ladder_ends_at_raw_and_says_why(stage):
    on = stage()
    on.on_frame = lambda rung: EngineFailed("black")
    assert on.show(20) == "r" * 20
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


@pytest.mark.parametrize("is_there", [True, False], ids=["a GPU that cannot be used", "no GPU"])
@pytest.mark.parametrize("when", ["it is started", "it opens"])
def test_without_a_gpu_the_cpu_is_as_it_should_be(stage, when, is_there, caplog, monkeypatch):
    monkeypatch.setattr("edge.guard.supervisor.has_gpu", lambda: is_there)
    with caplog.at_level("INFO"):
        on = stage(on_start=no_gpu) if when == "it is started" else stage()
        on.on_open = no_gpu
        assert on.show(3)[1:] == "ee"
    assert on.engine == ("ok", "")
    assert on.health.snapshot(0)["ladder"]["rungs"] == [
        "live on the CPU",
        "live-fast on the CPU",
        "live-fast, bicubic",
        "raw",
    ]
    assert [(record.levelname, record.message) for record in caplog.records if "CPU" in record.message] == [
        ("INFO", "the CPU engine runs: no TensorRT")
    ][:is_there]
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
    assert on.engine == ("degraded", "live-fast: the unit is warm")
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
    assert on.engine == ("degraded", "live-fast on the CPU: the unit is warm")


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
    assert on.engine == ("degraded", "live-fast: the unit is warm")
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
