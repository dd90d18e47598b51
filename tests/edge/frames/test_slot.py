"""The one-slot hand-over."""

import threading

import pytest

from edge.frames.slot import Slot
from tests.doubles.waiting import GUARD_S


def test_newest_wins_and_the_rest_count_as_dropped():
    slot = Slot()
    for item in (1, 2, 3):
        slot.put(item)
    assert slot.take(0) == 3
    assert slot.dropped == 2
    assert slot.take(0) is None


def test_a_taken_item_is_not_dropped():
    slot = Slot()
    slot.put(1)
    slot.take(0)
    slot.put(2)
    assert slot.dropped == 0


@pytest.mark.parametrize("waits", ["take", "wait_empty"])
def test_close_wakes_a_waiter(waits):
    slot = Slot()
    if waits == "wait_empty":
        slot.put(1)
    waiter = threading.Thread(target=getattr(slot, waits))
    waiter.start()
    slot.close()
    waiter.join(GUARD_S)
    assert not waiter.is_alive()


def test_put_after_close_does_nothing():
    slot = Slot()
    slot.close()
    slot.put(1)
    assert slot.take(0) is None


def test_wait_empty_returns_once_taken():
    slot = Slot()
    slot.put(1)
    assert not slot.wait_empty(0)
    slot.take(0)
    assert slot.wait_empty(0)


def test_every_item_is_taken_or_dropped_between_threads():
    slot, taken = Slot(), []

    def read():
        while (item := slot.take(None)) is not None:
            taken.append(item)

    reader = threading.Thread(target=read)
    reader.start()
    for item in range(1, 2001):
        slot.put(item)
    assert slot.wait_empty(GUARD_S)
    slot.close()
    reader.join(GUARD_S)
    assert len(taken) + slot.dropped == 2000
    assert taken == sorted(taken)
    assert taken[-1] == 2000


def test_who_is_woken_gets_nothing_once_and_waits_again():
    slot = Slot()
    slot.wake()
    assert slot.take(GUARD_S) is None
    threading.Timer(0.05, slot.put, [1]).start()
    assert slot.take(GUARD_S) == 1


def test_who_is_woken_when_something_is_there_gets_that():
    slot = Slot()
    slot.put(1)
    slot.wake()
    assert slot.take(0) == 1
    slot.put(2)
    assert slot.take(0) == 2
