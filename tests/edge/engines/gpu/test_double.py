"""The double of libcuda catches what a GPU would punish, and shows what a GPU would only sometimes show."""

import ctypes
from contextlib import contextmanager

import numpy as np
import pytest

from edge.engines.gpu.device import current_context, load_cuda
from edge.engines.gpu.frame_pool import FramePool, address_of

SIZE = 6220800


@contextmanager
def device():
    cuda = load_cuda()
    with current_context(cuda):
        pool = FramePool(2, mapped=False)
        try:
            yield cuda, pool
        finally:
            pool.close()


def test_a_copy_past_the_end_is_refused(gpu):
    with device() as (cuda, pool):
        memory = cuda.mem_alloc(SIZE - 1)
        with pytest.raises(cuda.LogicError):
            cuda.memcpy_htod_async(memory, pool.take(), cuda.Stream())
        memory.free()


def test_asynchronous_copies_want_page_locked_memory(gpu):
    with device() as (cuda, _):
        memory = cuda.mem_alloc(SIZE)
        with pytest.raises(cuda.LogicError):
            cuda.memcpy_htod_async(memory, np.zeros(SIZE, np.uint8), cuda.Stream())
        memory.free()


def test_nothing_works_without_a_current_context(gpu):
    cuda = load_cuda()
    with pytest.raises(cuda.Error):
        cuda.mem_alloc(16)
    assert gpu.cuMemHostRegister_v2(ctypes.c_void_p(4096), ctypes.c_size_t(16), 0) == 201  # CUDA_ERROR_INVALID_CONTEXT


def test_without_a_wait_the_old_pixels_are_still_there(gpu):
    with device() as (cuda, pool):
        memory, stream = cuda.mem_alloc(SIZE), cuda.Stream()
        source, result = pool.take(), pool.take()
        source[:], result[:] = 7, 1
        cuda.memcpy_htod_async(memory, source, stream)
        cuda.memcpy_dtoh_async(result, memory, stream)
        assert result[0, 0, 0] == 1
        stream.synchronize()
        assert (result == 7).all()
        memory.free()


def test_streams_meet_at_events_alone(gpu):
    with device() as (cuda, pool):
        memory, first, second = cuda.mem_alloc(SIZE), cuda.Stream(), cuda.Stream()
        source, result = pool.take(), pool.take()
        for waits, expected in ((False, 0xA5), (True, 7)):
            source[:] = 7
            cuda.memcpy_htod_async(memory, source, first)
            copied = cuda.Event()
            copied.record(first)
            if waits:
                second.wait_for_event(copied)
            cuda.memcpy_dtoh_async(result, memory, second)
            second.synchronize()
            assert result[0, 0, 0] == expected
            if not waits:  # the copy that nobody waited for comes late; begin again from unwritten memory
                memory.free()
                memory = cuda.mem_alloc(SIZE)
        memory.free()


def test_device_memory_is_limited_and_of_no_use_to_the_host(gpu, monkeypatch):
    monkeypatch.setenv("HOST_CUDA_MIB", "1")
    with device() as (cuda, _):
        with pytest.raises(cuda.MemoryError):
            cuda.mem_alloc(SIZE)
        memory = cuda.mem_alloc(4096)
        assert int(memory) >> 60 == 1
        memory.free()


def test_unlocked_frames_stay_readable(gpu):
    with device() as (_, pool):
        frame = pool.take()
        frame[:] = 9
        assert pool.holds(frame) and not pool.holds(frame[1:])
    assert (frame == 9).all()
    assert address_of(frame) % 4096 == 0
