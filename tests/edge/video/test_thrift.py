"""Less is sent where packets are lost, and more again where none are."""

from __future__ import annotations

import pytest

from edge.video.thrift import LEAST_KBITS, Thrift


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def spent(clock: Clock, thrift: Thrift, seconds: int, losses: list[float]) -> list[int]:
    found = []
    for _ in range(seconds):
        clock.now_s += 1
        found.append(thrift.kbits(8000, losses))
    return found


def test_nothing_lost_changes_nothing(clock: Clock) -> None:
    assert set(spent(clock, Thrift(clock), 60, [0.0, 0.01])) == {8000}
    assert set(spent(clock, Thrift(clock), 60, [])) == {8000}


def test_the_worst_network_counts_until_it_is_well(clock: Clock) -> None:
    thrift = Thrift(clock)
    falling = spent(clock, thrift, 10, [0.0, 0.2])
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] == round(8000 * 0.7**5)
    assert set(spent(clock, thrift, 20, [0.05])) == {falling[-1]}, "neither lossy nor clean"
    rising = spent(clock, thrift, 100, [0.0])
    assert rising == sorted(rising)
    assert rising[-1] == 8000


def test_there_is_a_least(clock: Clock) -> None:
    thrift = Thrift(clock)
    assert spent(clock, thrift, 200, [1.0])[-1] == LEAST_KBITS
    assert thrift.kbits(400, [1.0]) == 400, "what was asked for may be less than that"
