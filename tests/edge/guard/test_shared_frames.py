"""Frames that two processes see: what one writes the other reads, and a frame is lent again when nobody holds it."""

import fcntl
import gc
import os
import subprocess
import sys

import numpy as np
import pytest

from edge.guard.shared_frames import SharedFrames
from edge.pictures.geometry import FRAME_SHAPE

OTHER = """
import sys
from edge.guard.shared_frames import SharedFrames
raw, made, of_raw, of_made = map(int, sys.argv[1:])
frames = SharedFrames(3, (raw, made))
assert frames.frame(of_raw)[7, 9].tolist() == [1, 2, 3], frames.frame(of_raw)[7, 9]
frames.frame(of_made)[-1, -1] = (4, 5, 6)
try:
    frames.frame(of_raw)[-1, -1] = (4, 5, 6)
except ValueError:
    print("read alone")
"""


@pytest.fixture
def frames():
    shared = SharedFrames(num_frames=3)
    yield shared
    shared.close()


@pytest.mark.parametrize("may_write_raw", [False, True], ids=["to read alone", "to write"])
def test_another_process_reads_and_writes_the_same_pixels(frames, may_write_raw):
    raw, made = frames.copied(np.zeros(FRAME_SHAPE, np.uint8)), frames.take()
    raw[7, 9] = (1, 2, 3)
    descriptors = frames.descriptors(may_write_raw)
    given = [*descriptors, frames.index_of(raw), frames.index_of(made)]
    command = [sys.executable, "-c", OTHER, *map(str, given)]
    done = subprocess.run(command, pass_fds=descriptors, check=True, capture_output=True, text=True)
    assert made[-1, -1].tolist() == [4, 5, 6]
    assert (done.stdout, raw[-1, -1].tolist()) == (("", [4, 5, 6]) if may_write_raw else ("read alone\n", [0, 0, 0]))


@pytest.mark.parametrize("size", [0, 4096, 1 << 30])
def test_nobody_can_take_the_memory_away(frames, size):
    for descriptor in frames.descriptors(may_write_raw=True):
        with pytest.raises(PermissionError):
            os.ftruncate(descriptor, size)
        with pytest.raises(PermissionError):
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
    assert frames.take().sum() == 0


def test_a_frame_is_lent_until_the_last_view_of_it_is_gone(frames):
    taken = [frames.take() for _ in range(3)]
    assert len({frames.index_of(frame) for frame in taken}) == 3
    assert frames.take() is None
    corner = taken[0][:1, :1]
    index = frames.index_of(taken[0])
    taken.clear()
    gc.collect()
    again = [frames.take(), frames.take()]
    assert index not in [frames.index_of(frame) for frame in again]
    assert frames.take() is None
    del corner
    assert frames.index_of(frames.take()) == index


def test_what_lies_elsewhere_has_no_index(frames):
    frame = frames.take()
    assert frames.index_of(np.zeros(FRAME_SHAPE, np.uint8)) is None
    assert frames.index_of(frame[1:]) is None
    assert frames.index_of(frame[..., ::-1]) is None
    copied = frames.copied(np.full(FRAME_SHAPE, 9, np.uint8))
    assert frames.index_of(copied) in range(3)
    assert frames.index_of(frames.take()) in range(3, 6)
    assert (copied == 9).all()


def test_it_is_full_then_nothing_is_copied(frames):
    black = np.zeros(FRAME_SHAPE, np.uint8)
    held = [frames.lend()]
    assert frames.lend() is None, "the last ones are for what comes from elsewhere"
    held += [frames.copied(black) for _ in range(2)]
    assert frames.copied(black) is None
    assert all(frame is not None for frame in held)
    assert frames.take() is not None, "there is room for an answer however many were captured"


def test_a_frame_outlives_the_pool():
    shared = SharedFrames(num_frames=1)
    frame = shared.take()
    shared.close()
    for descriptor in (*shared.descriptors(True), shared.descriptors(False)[0]):
        with pytest.raises(OSError):
            os.fstat(descriptor)
    frame[:] = 3
    del shared
    assert frame.sum() == 3 * frame.size
