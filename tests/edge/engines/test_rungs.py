"""Which rungs a configuration has, best first."""

from types import SimpleNamespace

import pytest

from edge.basics.errors import ModelError
from edge.engines.rungs import Rung, best_allowed, own_rungs, rungs_below

HAS_HOST_FORM = {"live", "live-fast", "miinet-guided"}


def finder(present):
    def find(name):
        if name not in present:
            raise ModelError(f"{name}: not found")
        return SimpleNamespace(dehazer="dehaze.onnx" if name in HAS_HOST_FORM else None)

    return find


@pytest.mark.parametrize(
    ("profile", "backend", "present", "titles"),
    [
        ("live", "auto", "live", ["live", "live on the CPU", "live, bicubic"]),
        ("live", "cpu", "live", ["live on the CPU", "live, bicubic"]),
        ("live", "tensorrt", "live", ["live"]),
        (
            "live",
            "auto",
            "live live-fast",
            ["live", "live on the CPU", "live-fast", "live-fast on the CPU", "live-fast, bicubic"],
        ),
        ("live", "cpu", "live live-fast", ["live on the CPU", "live-fast on the CPU", "live-fast, bicubic"]),
        ("live-isr", "auto", "live-isr live", ["live-isr", "live", "live on the CPU", "live, bicubic"]),
        (
            "miinet",
            "auto",
            "miinet miinet-guided live",
            ["miinet", "miinet-guided", "miinet-guided on the CPU", "live", "live on the CPU", "live, bicubic"],
        ),
        ("miinet", "auto", "miinet live", ["miinet", "live", "live on the CPU", "live, bicubic"]),
        ("miinet", "tensorrt", "miinet miinet-guided live", ["miinet", "miinet-guided", "live"]),
        ("own", "auto", "own", ["own"]),
    ],
)
def test_rungs_best_first(profile, backend, present, titles):
    rungs = rungs_below(profile, backend, finder(present.split()))
    assert [rung.title for rung in rungs] == titles


@pytest.mark.parametrize(
    ("backend", "titles"),
    [("auto", ["miinet", "miinet on the CPU"]), ("cpu", ["miinet on the CPU"]), ("tensorrt-rtx", ["miinet"])],
)
def test_who_can_wait_keeps_the_profile_and_leaves_the_gpu_alone_where_it_may(backend, titles):
    assert [rung.title for rung in own_rungs("miinet", backend)] == titles


@pytest.mark.parametrize(
    ("backend", "runtime"),
    [("auto", "tensorrt"), ("tensorrt", "tensorrt"), ("tensorrt-rtx", "tensorrt-rtx"), ("cpu", "")],
)
def test_a_rung_knows_the_runtime_that_it_needs(backend, runtime):
    assert Rung("live", backend).runtime == runtime


def test_a_configured_profile_that_is_not_there_is_an_error():
    with pytest.raises(ModelError, match="not found"):
        rungs_below("none", "auto", finder(["live"]))


def test_heat_wants_less_work_and_another_device_is_not():
    own = Rung("live", "auto")
    assert not Rung("live", "cpu").is_less_work(own)
    assert Rung("live", "cpu", "bicubic").is_less_work(own)
    assert Rung("live", "auto").is_less_work(Rung("miinet-guided", "auto"))


@pytest.mark.parametrize(
    ("backend", "level", "best"), [("auto", 0, 0), ("auto", 1, 2), ("auto", 2, 3), ("tensorrt", 1, 1), ("cpu", 1, 1)]
)
def test_heat_allows_less_work_then_none(backend, level, best):
    assert best_allowed(rungs_below("live", backend, finder(["live"])), level) == best
