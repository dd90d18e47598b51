"""The camera's clock and the fit to 1920x1080."""

import itertools
import logging
import threading
import time

import numpy as np
import pytest

from edge.sources.pace import FrameClock, FrameFitter
from tests.doubles.waiting import GUARD_S


def test_first_frame_is_due_at_once_and_each_index_once():
    clock = FrameClock(200)
    indices = [clock.wait_next() for _ in range(20)]
    assert indices[0] == 0
    assert all(later > earlier for earlier, later in itertools.pairwise(indices))


def test_never_gives_a_frame_before_it_is_due():
    clock = FrameClock(100)
    for _ in range(10):
        index = clock.wait_next()
        assert time.monotonic_ns() >= clock.due_ns(index)


def test_late_reader_gets_the_frame_due_now():
    clock = FrameClock(100)
    clock.wait_next()
    threading.Event().wait(0.1)
    index = clock.wait_next()
    assert index >= 9
    assert clock.due_ns(index + 1) > clock.due_ns(index) >= clock.due_ns(9)


def test_restart_makes_a_frame_due_now():
    clock = FrameClock(0.001)  # the next one is due long after the test
    clock.wait_next()
    before_ns = time.monotonic_ns()
    clock.restart_at(50)
    assert before_ns <= clock.due_ns(50) <= time.monotonic_ns()
    clock._last_index = 49  # as if frame 50 had not been given: it must be due already
    assert clock.wait_next() == 50


def test_close_ends_a_waiting_reader():
    clock = FrameClock(0.001)
    clock.wait_next()
    given = []
    reader = threading.Thread(target=lambda: given.append(clock.wait_next()), daemon=True)
    reader.start()
    clock.close()
    reader.join(GUARD_S)
    assert given == [None]
    assert clock.wait_next() is None


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        pytest.param((1080, 1920, 3), None, id="fits"),
        pytest.param((720, 1280, 3), "source is 1280x720: resized to 1920x1080", id="smaller"),
        pytest.param(
            (960, 1280, 3),
            "source is 1280x960: cropped to 16:9, 25% of its height is cut away; resized to 1920x1080",
            id="4:3",
        ),
        pytest.param(
            (1, 1, 3),
            "source is 1x1: cropped to 16:9, 44% of its height is cut away; resized to 1920x1080",
            id="one pixel",
        ),
    ],
)
def test_fit_warns_once_and_says_what_it_does(shape, message, caplog):
    fitter = FrameFitter("clip.mp4", logging.getLogger("edge.test"))
    image = np.zeros(shape, np.uint8)
    fitted = [fitter.fitted(image) for _ in range(3)]
    assert {one.shape for one in fitted} == {(1080, 1920, 3)}
    assert [record.getMessage() for record in caplog.records] == ([f"clip.mp4: {message}"] if message else [])
    assert (fitted[0] is image) == (message is None)


@pytest.mark.parametrize(
    ("shape", "fit", "told"),
    [
        pytest.param((720, 1280, 3), "crop", "", id="16:9"),
        pytest.param((960, 1280, 3), "pad", "shown whole, 25% of the frame's width is black", id="4:3 padded"),
        pytest.param((800, 1920, 3), "crop", "26% of its width is cut away", id="wide"),
        pytest.param((1000, 1000, 3), "crop", "44% of its height is cut away", id="square"),
    ],
)
def test_what_was_made_of_a_picture_is_told(shape, fit, told):
    fitter = FrameFitter("/dev/video0", logging.getLogger("edge.test"), fit)
    assert fitter.record() is None
    fitter.fitted(np.zeros(shape, np.uint8))
    record = fitter.record()
    assert (record["width_px"], record["height_px"], record["fit"]) == (shape[1], shape[0], fit)
    assert bool(record["told"]) == bool(told) and told in record["told"]
