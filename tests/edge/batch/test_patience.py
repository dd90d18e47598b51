"""What a run over files says beforehand of a profile that takes its time."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from edge.basics.errors import ModelError
from edge.batch import patience
from edge.engines import expected
from edge.models.profile import load_profile

if TYPE_CHECKING:
    from tests.doubles.files_bench import Bench

LIVE = load_profile("live")


def with_networks(networks: Any) -> Any:
    return replace(LIVE, name="miinet", manifest={**LIVE.manifest, "networks": networks})


HEAVY = with_networks([{"macs": 4e9}, {"macs": 2323e9}])


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected, "available_cpus", lambda: 2)


@pytest.mark.parametrize(
    ("num_frames", "lasts"), [(1, "1 frame about 61 s"), (9, "9 frames about 5 min"), (1499, "13 h")]
)
def test_a_heavy_profile_says_what_a_frame_and_all_of_them_take(num_frames: int, lasts: str) -> None:
    said = patience.said_beforehand(HEAVY, num_frames)
    assert said.startswith("miinet takes about 31 s a frame on this CPU") and lasts in said and "\n" not in said


@pytest.mark.parametrize(
    ("profile", "num_frames"), [(LIVE, 40), (HEAVY, 0), (with_networks("?"), 3), (with_networks([{}, "?"]), 3)]
)
def test_who_has_nothing_to_wait_for_is_told_nothing(profile: Any, num_frames: int) -> None:
    assert patience.said_beforehand(profile, num_frames) == ""


def test_a_run_says_it_before_its_first_picture(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.profile = HEAVY
    bench.picture()
    with caplog.at_level(logging.INFO):
        bench.run(is_on_cpu=True)
    assert "takes about 31 s" in caplog.messages[0]
    caplog.clear()
    bench.run(force=True)
    assert not any("takes about" in line for line in caplog.messages)


def test_what_a_profile_is_not_good_for_is_said_too(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.profile = replace(LIVE, manifest={**LIVE.manifest, "advice": "comparison only: for the paper"})
    bench.picture()
    bench.run()
    assert caplog.messages[0] == "live: comparison only: for the paper"


def test_live_refuses_it_before_it_is_opened() -> None:
    expected.refuse_for_live(LIVE)
    with pytest.raises(ModelError, match="miinet takes about 31 s a frame on this CPU: it is for stills"):
        expected.refuse_for_live(HEAVY)
