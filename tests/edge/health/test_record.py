"""The health record: what it says of a picture's age, the rates, the quantiles, the drops."""

from __future__ import annotations

import re
import threading
from typing import get_args

import numpy as np
import pytest

from edge.frames.frame import Frame, FramePair
from edge.health.record import NUM_SAMPLES, Health
from edge.health.state import TITLES, EngineFacts, State
from edge.web.banner import PictureState
from tests.paths import REPOSITORY

MS = 1_000_000
SECOND = 1000 * MS
IMAGE = np.zeros((9, 16, 3), np.uint8)


def raw_frame(seq: int, t_capture_ns: int) -> Frame:
    return Frame(IMAGE, seq, t_capture_ns)


def enhanced_pair(seq: int, t_capture_ns: int, **stage_ms: float) -> FramePair:
    raw = raw_frame(seq, t_capture_ns)
    return FramePair(raw, raw.enhanced(IMAGE, "live", stage_ms))


def health_with_picture(t_capture_ns: int = 0) -> Health:
    health = Health(started_ns=0)
    health.captured(raw_frame(1, t_capture_ns))
    health.published(enhanced_pair(1, t_capture_ns), t_capture_ns + 20 * MS)
    return health


def test_it_is_starting_until_the_first_picture() -> None:
    health = Health(started_ns=0)
    health.captured(raw_frame(1, 10 * MS))
    assert health.verdict(20 * MS).state == "starting"
    assert health.snapshot(20 * MS)["age_ms"] is None


@pytest.mark.parametrize(
    ("age_ms", "state"),
    [
        pytest.param(0, "live", id="new"),
        pytest.param(500, "live", id="just within the limit"),
        pytest.param(501, "stale", id="stale"),
        pytest.param(3000, "stale", id="still stale"),
        pytest.param(3001, "no-signal", id="taken for lost"),
        pytest.param(-30, "live", id="a driver's clock that runs ahead"),
    ],
)
def test_a_silent_source_is_judged_by_the_age_of_its_picture(age_ms: int, state: str) -> None:
    verdict = health_with_picture(10 * SECOND).verdict(10 * SECOND + age_ms * MS)
    assert verdict.state == state
    assert verdict.age_ms == max(age_ms, 0)
    assert bool(verdict.reason) == (state != "live")


def test_an_old_picture_is_stale_for_as_long_as_frames_arrive() -> None:
    health = health_with_picture(0)
    health.set_source("camera:/dev/video0", 30.0)
    health.captured(raw_frame(200, 6600 * MS))
    record = health.snapshot(6700 * MS)
    assert record["state"] == "stale"
    advice = "set a lower fps of the source, or a smaller profile"
    assert record["reason"] == f"this machine is too slow for 30/s: {advice}"
    health.captured(raw_frame(201, 5000 * MS), 6650 * MS)
    assert health.verdict(6700 * MS).reason == "the camera gives old pictures: check it and its network"
    assert health.verdict(7200 * MS).reason == "the camera is silent: check its cable"
    health.set_source("demo:", 30.0)
    assert health.verdict(7200 * MS).reason == "the demo gives no picture: this machine is too busy"


def test_banner_page_and_health_have_one_vocabulary() -> None:
    states = set(get_args(State))
    assert set(TITLES) == states | {"frozen"}
    assert set(get_args(PictureState)) == states - {"degraded"} | {"frozen"}
    page = (REPOSITORY / "edge" / "web" / "page" / "status.js").read_text()
    words = re.search(r"const WORDS = \{(.*?)\}", page, re.DOTALL)
    assert words is not None
    shown = {key.strip('"'): word for key, word in re.findall(r'([\w"-]+): "([^"]+)"', words[1])}
    assert {state: word.upper() for state, word in shown.items() if state not in ("degraded", "raw")} == {
        state: title for state, title in TITLES.items() if state != "degraded"
    }


def test_a_lost_source_is_no_signal_at_once_until_it_gives_a_frame() -> None:
    health = health_with_picture()
    health.enter("source", "failed", "/dev/video0 is gone")
    lost = health.verdict(30 * MS)
    assert (lost.state, lost.reason) == ("no-signal", "/dev/video0 is gone")
    health.captured(raw_frame(2, 40 * MS))
    assert health.verdict(50 * MS).state == "live"
    health.enter("source", "failed", "again")
    health.enter("source", "ok")
    assert health.verdict(50 * MS).state == "live"


def test_a_failed_engine_degrades_and_recovers() -> None:
    health = health_with_picture()
    health.enter("engine", "failed", "the output is black")
    record = health.snapshot(30 * MS)
    assert (record["state"], record["reason"]) == ("degraded", "the output is black")
    health.enter("engine", "ok")
    assert health.snapshot(30 * MS)["state"] == "live"


def test_what_parts_fail_at_while_the_program_ends_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    health = Health(started_ns=0)
    health.enter("engine", "ok")
    health.is_ending = lambda: True
    with caplog.at_level("DEBUG"):
        health.enter("engine", "failed", "the engine's process ended")
    assert health.part("engine").state == "ok" and not caplog.records


def test_a_part_that_is_from_the_start_as_expected_is_said_with_debug_alone(caplog: pytest.LogCaptureFixture) -> None:
    health = Health()
    with caplog.at_level("DEBUG"):
        health.enter("heat", "off", "no temperature sensor")
        health.enter("sinks", "ok")
        health.enter("engine", "ok")
        health.enter("sinks", "failed", "the port is gone")
        health.enter("sinks", "ok")
    levels = [(record.levelname, record.getMessage().partition(":")[0]) for record in caplog.records]
    quiet, told = [("DEBUG", "heat"), ("DEBUG", "sinks")], [("INFO", "engine"), ("ERROR", "sinks"), ("INFO", "sinks")]
    assert levels == quiet + told


def test_the_record_has_the_fields_of_the_contract() -> None:
    health = health_with_picture()
    health.set_source("camera:/dev/video0")
    health.set_engine(EngineFacts("live", "ab" * 32, "cpu"))
    record = health.snapshot(5 * SECOND)
    assert set(record) == {
        "state", "reason", "mode", "profile", "model_sha256", "device", "source", "fps_in", "fps_out",
        "dropped", "dropped_by", "frames", "age_ms", "latency_ms", "stage_ms", "uptime_s", "notices", "parts", "bridge",
        "pacs",
    }  # fmt: skip
    assert set(record["latency_ms"]) == {"p50", "p95", "p99", "max"}
    assert (record["source"], record["profile"], record["device"]) == ("camera:/dev/video0", "live", "cpu")
    assert (record["mode"], record["frames"], record["uptime_s"]) == ("enhanced", 1, 5.0)


def test_the_rates_follow_a_window_and_fall_to_zero() -> None:
    health = Health(started_ns=0)
    for i in range(100):
        health.captured(raw_frame(i, i * 40 * MS))
        if i % 2:
            health.published(enhanced_pair(i, i * 40 * MS), i * 40 * MS)
    running = health.snapshot(99 * 40 * MS)
    assert running["fps_in"] == pytest.approx(25, abs=0.5)
    assert running["fps_out"] == pytest.approx(12.5, abs=0.5)
    assert not health.keeps_up(99 * 40 * MS)
    halted = health.snapshot(99 * 40 * MS + 2 * SECOND)
    assert (halted["fps_in"], halted["fps_out"]) == (0, 0)
    assert health.keeps_up(99 * 40 * MS + 2 * SECOND), "there is nothing to keep up with"


@pytest.mark.parametrize(("one_lost_in", "keeps_up"), [(0, True), (25, True), (10, False)])
def test_a_picture_lost_now_and_then_is_nothing(one_lost_in: int, keeps_up: bool) -> None:
    health = Health(started_ns=0)
    for i in range(100):
        health.captured(raw_frame(i, i * 40 * MS))
        if not one_lost_in or i % one_lost_in:
            health.published(enhanced_pair(i, i * 40 * MS), i * 40 * MS)
    assert health.keeps_up(99 * 40 * MS) == keeps_up


def test_the_rate_is_right_before_the_first_window_is_full() -> None:
    health = Health(started_ns=0)
    for i in range(11):
        health.captured(raw_frame(i, i * 100 * MS))
    assert health.snapshot(SECOND)["fps_in"] == pytest.approx(10, abs=0.1)


def test_latency_runs_from_capture_to_the_first_sink_that_shows_it() -> None:
    health = Health(started_ns=0)
    for latency in range(101):
        pair = enhanced_pair(latency, latency * SECOND)
        health.published(pair, latency * SECOND + latency * MS)
        health.published(pair, latency * SECOND + 400 * MS)
    record = health.snapshot(101 * SECOND)
    assert record["latency_ms"] == {"p50": 50, "p95": 95, "p99": 99, "max": 100}
    assert record["frames"] == 101


def test_stages_come_from_the_frame_and_from_the_sinks() -> None:
    health = Health(started_ns=0)
    health.published(enhanced_pair(1, 1, engine=21.0), 2)
    health.stage("encode", 8.0)
    assert health.snapshot(3)["stage_ms"] == {
        "encode": {"p50": 8.0, "p95": 8.0, "max": 8.0},
        "engine": {"p50": 21.0, "p95": 21.0, "max": 21.0},
    }


def test_old_samples_leave() -> None:
    health = Health(started_ns=0)
    health.stage("engine", 900.0)
    for _ in range(NUM_SAMPLES):
        health.stage("engine", 20.0)
    assert health.snapshot(1)["stage_ms"]["engine"]["max"] == 20.0


def test_drops_are_read_from_the_slots_when_asked_for() -> None:
    health, counts = Health(started_ns=0), {"inference": 0, "web": 0}
    for stage in counts:
        health.track_drops(stage, lambda stage=stage: counts[stage])
    counts.update(inference=3, web=4)
    record = health.snapshot(1)
    assert (record["dropped"], record["dropped_by"]) == (7, {"inference": 3, "web": 4})


def test_threads_may_write_while_it_is_read() -> None:
    health = Health(started_ns=0)

    def write(name: str) -> None:
        for i in range(500):
            health.stage(f"{name}{i % 50}", 1.0)
            health.captured(raw_frame(i, i))
            health.published(enhanced_pair(i, i), i)

    writers = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for writer in writers:
        writer.start()
    records = [health.snapshot(1000) for _ in range(50)]
    for writer in writers:
        writer.join()
    assert all(record["frames"] <= 500 for record in records)
    assert len(health.snapshot(1000)["stage_ms"]) == 200
