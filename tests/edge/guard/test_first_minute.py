"""What is said once of the rate, and what is tried where it is low."""

import pytest

from edge.frames.frame import Frame, FramePair
from edge.guard.first_minute import SETTLE_NS, SHOWN_NS, FirstMinute
from edge.health.record import Health
from edge.health.state import EngineFacts
from tests.doubles.scripted_source import IMAGE

S = 1_000_000_000


def shown(fps, profile="live", device="cpu (2 threads, onnxruntime 1.20)", nominal=30.0):
    """A unit that shows so many frames a second, 20 s long."""
    health = Health(started_ns=0)
    health.set_source("demo:", nominal)
    health.set_engine(EngineFacts(profile, "0", device))
    watch, begin = FirstMinute(health, profile), 1000 * S
    for second in range(20):
        for number in range(fps):
            at_ns = begin + second * S + (number + 1) * S // fps
            frame = Frame(IMAGE, second * fps + number, at_ns)
            health.published(FramePair(frame, frame), at_ns)
        watch.tick(begin + (second + 1) * S)
    return health, begin + 20 * S


def lines(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "edge.guard.first_minute"]


def test_a_fast_machine_gets_one_line_and_no_notice(caplog):
    with caplog.at_level("INFO"):
        health, now_ns = shown(29)
    assert lines(caplog) == ["engine: CPU, 29 frames/s here"]
    assert health.verdict(now_ns).notices == ()


@pytest.mark.parametrize(
    ("profile", "advice"), [("live", "try --profile live-fast"), ("live-fast", "close other programs")]
)
def test_a_slow_one_is_told_what_to_try_for_a_minute(profile, advice, caplog):
    with caplog.at_level("INFO"):
        health, now_ns = shown(12, profile)
    told = f"slow here, 12 of 30 frames/s: {advice}"
    assert lines(caplog) == ["engine: CPU, 12 frames/s here", told]
    assert health.verdict(now_ns).notices == (told,)
    assert health.verdict(now_ns + SHOWN_NS).notices == ()


def test_it_waits_until_the_engine_has_run_itself_in(caplog):
    health = Health(started_ns=0)
    watch = FirstMinute(health, "live")
    with caplog.at_level("INFO"):
        for second in range(100):
            watch.tick(second * S)
        health.set_engine(EngineFacts("live", "0", "NVIDIA Orin"))
        frame = Frame(IMAGE, 0, 100 * S)
        health.published(FramePair(frame, frame), 100 * S)
        watch.tick(100 * S)
        watch.tick(100 * S + SETTLE_NS - 1)
        assert lines(caplog) == []
        watch.tick(100 * S + SETTLE_NS)
    assert lines(caplog) == ["engine: NVIDIA Orin, 0 frames/s here"]
