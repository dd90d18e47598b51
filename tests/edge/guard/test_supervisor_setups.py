"""Another setup beside the running one: proven, taken or refused while the picture goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.basics.errors import DeviceMissing, EngineLost, ModelError
from edge.config import Config, EngineConfig
from edge.engines.rungs import Rung
from edge.guard.order import engine_setup
from edge.guard.process import EngineGone
from tests.doubles.played_engines import AUTO, no_gpu


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
