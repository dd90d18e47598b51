"""The guided step on the CPU gives the pixels of its reference."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from edge.engines.guided import ACTIVITY_ROW, OpenCvPasses
from edge.engines.passes import compiled_passes

torch = pytest.importorskip("torch", reason="the reference of the guided step needs torch (make venv-dev)")

from trainer.networks import guided as reference  # noqa: E402


def tensor(array):
    return torch.from_numpy(np.ascontiguousarray(array)).permute(2, 0, 1)[None].float()


@pytest.fixture(params=["smooth", "noise", "black", "white"])
def frame(request):
    rng = np.random.default_rng(5)
    noise = rng.integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
    return {
        "noise": noise,
        "smooth": cv2.GaussianBlur(noise, (0, 0), 6),
        "black": np.zeros_like(noise),
        "white": np.full_like(noise, 255),
    }[request.param]


@pytest.fixture(params=["OpenCV", "compiled"])
def open_form(request):
    """Opens a form of the passes for a number of threads; skips the compiled one where there was no compiler."""
    pools = []

    def form(num_threads):
        pools.append(ThreadPoolExecutor(num_threads))
        if request.param == "OpenCV":
            return OpenCvPasses(pools[-1], num_threads)
        return compiled_passes(pools[-1], num_threads) or pytest.skip(
            "the package was installed without a C compiler: apt-get install gcc libc6-dev, then make venv-dev again"
        )

    yield form
    for pool in pools:
        pool.shutdown()


@pytest.mark.parametrize("num_threads", [1, 2, 3])
def test_shrink_and_activity_are_the_reference(frame, open_form, num_threads):
    assert reference.ACTIVITY_ROW == ACTIVITY_ROW
    shrunk, activity = open_form(num_threads).shrink(frame)
    assert np.array_equal(tensor(shrunk).numpy(), reference.shrink(tensor(frame)).numpy())
    assert np.array_equal(activity, reference.detail_activity(tensor(frame))[0, 0].numpy())


def maps(height, width, seed=6):
    rng = np.random.default_rng(seed)
    slope = rng.uniform(0.5, 4, (height, width, 3)).astype(np.float32)
    return slope, rng.uniform(-300, 150, (height, width, 3)).astype(np.float32)


def expected_carry(frame, slope, intercept):
    return reference.carry(tensor(frame), tensor(slope), tensor(intercept))[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("num_threads", [1, 2, 3])
def test_carry_is_the_reference_within_one_level(frame, open_form, num_threads):
    slope, intercept = maps(270, 480)
    before = frame.copy()
    found = open_form(num_threads).carry(frame, slope, intercept)
    difference = np.abs(found.astype(np.int16) - expected_carry(frame, slope, intercept))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3
    assert np.array_equal(frame, before)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 2), (2, 3), (3, 5), (7, 9), (19, 33)])
@pytest.mark.parametrize("num_threads", [1, 2, 5])
def test_any_size_is_done_to_the_last_pixel_and_nothing_beside_it(open_form, height, width, num_threads):
    rng = np.random.default_rng(height * width)
    frame = rng.integers(0, 256, (4 * height, 4 * width, 3), dtype=np.uint8)
    slope, intercept = maps(height, width)
    room = np.full(frame.size + 200, 77, np.uint8)
    out = room[100:-100].reshape(frame.shape)
    form = open_form(num_threads)
    assert form.carry(frame, slope, intercept, out) is out
    assert np.abs(out.astype(int) - expected_carry(frame, slope, intercept)).max() <= 1
    assert (room[:100] == 77).all() and (room[-100:] == 77).all()
    shrunk, activity = form.shrink(frame)
    assert np.array_equal(tensor(shrunk).numpy(), reference.shrink(tensor(frame)).numpy())
    assert np.array_equal(activity, reference.detail_activity(tensor(frame))[0, 0].numpy())


def test_values_far_outside_saturate(open_form):
    frame = np.full((8, 12, 3), 200, np.uint8)
    flat = np.ones((2, 3, 3), np.float32)
    form = open_form(1)
    assert (form.carry(frame, flat * 1e6, flat) == 255).all()
    assert (form.carry(frame, flat, flat * -1e6) == 0).all()
    assert (form.carry(frame, flat * 0, flat * 127.4) == 127).all()


def test_memory_that_does_not_lie_in_one_piece_is_taken(open_form):
    wide = np.random.default_rng(1).integers(0, 256, (16, 80, 3), dtype=np.uint8)
    frame, slope, intercept = wide[:, :40], *maps(4, 10)
    into = np.zeros((16, 80, 3), np.uint8)
    form = open_form(2)
    form.carry(frame, slope, intercept, into[:, :40])
    assert np.array_equal(into[:, :40], form.carry(frame.copy(), slope, intercept))
    assert not into[:, 40:].any()


def test_maps_of_another_size_are_refused(open_form):
    form = open_form(1)
    if form.name == "compiled":  # OpenCV's own error names the sizes
        with pytest.raises(ValueError, match="expected \\(2, 3, 3\\)"):
            form.carry(np.zeros((8, 12, 3), np.uint8), *maps(2, 4))
        with pytest.raises(ValueError, match="multiples of 4"):
            form.shrink(np.zeros((9, 12, 3), np.uint8))


def test_memory_that_cannot_take_the_picture_is_refused(open_form):
    form, frame = open_form(1), np.zeros((8, 12, 3), np.uint8)
    if form.name == "compiled":  # OpenCV checks for itself
        read_only = np.zeros_like(frame)
        read_only.flags.writeable = False
        for out in (np.zeros((4, 12, 3), np.uint8), np.zeros((8, 12, 3), np.float32), read_only):
            with pytest.raises(ValueError, match="expected writeable uint8 \\(8, 12, 3\\)"):
                form.carry(frame, *maps(2, 3), out)


def test_memory_that_overlaps_the_frame_gets_the_same_picture(open_form):
    form = open_form(2)
    if form.name == "compiled":
        memory = np.random.default_rng(2).integers(0, 256, (24, 40, 3), dtype=np.uint8)
        frame, scaled = memory[:16], maps(4, 10)
        expected = form.carry(frame.copy(), *scaled)
        assert np.array_equal(form.carry(frame, *scaled, memory[8:]), expected)
