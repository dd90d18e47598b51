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
frame = SharedFrames(int(sys.argv[1]), 3).frame(int(sys.argv[2]))
assert frame[7, 9].tolist() == [1, 2, 3], frame[7, 9]
frame[-1, -1] = (4, 5, 6)
"""


@pytest.fixture
def frames():
    shared = SharedFrames(num_frames=3)
    yield shared
    shared.close()


def test_another_process_reads_and_writes_the_same_pixels(frames):
    frame = frames.take()
    frame[7, 9] = (1, 2, 3)
    index = frames.index_of(frame)
    arguments = [sys.executable, "-c", OTHER, str(frames.descriptor), str(index)]
    subprocess.run(arguments, pass_fds=[frames.descriptor], check=True)
    assert frame[-1, -1].tolist() == [4, 5, 6]


@pytest.mark.parametrize("size", [0, 4096, 1 << 30])
def test_nobody_can_take_the_memory_away(frames, size):
    with pytest.raises(PermissionError):
        os.ftruncate(frames.descriptor, size)
    with pytest.raises(PermissionError):
        fcntl.fcntl(frames.descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
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
    assert frames.index_of(copied) is not None
    assert (copied == 9).all()


def test_it_is_full_then_nothing_is_copied(frames):
    held = [frames.take() for _ in range(3)]
    assert frames.copied(np.zeros(FRAME_SHAPE, np.uint8)) is None
    assert all(frame is not None for frame in held)


def test_a_frame_outlives_the_pool():
    shared = SharedFrames(num_frames=1)
    frame = shared.take()
    shared.close()
    with pytest.raises(OSError):
        os.fstat(shared.descriptor)
    frame[:] = 3
    del shared
    assert frame.sum() == 3 * frame.size
