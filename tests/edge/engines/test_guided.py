"""The guided step on the CPU gives the pixels of its reference."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from edge.engines.guided import ACTIVITY_ROW, GuidedCarrier, detail_activity
from edge.pictures.geometry import shrink

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


def test_activity_is_the_reference(frame):
    assert reference.ACTIVITY_ROW == ACTIVITY_ROW
    expected = reference.detail_activity(tensor(frame))[0, 0].numpy()
    assert np.array_equal(detail_activity(frame), expected)


def test_shrink_is_the_reference(frame):
    assert np.array_equal(tensor(shrink(frame)).numpy(), reference.shrink(tensor(frame)).numpy())


@pytest.mark.parametrize("num_threads", [1, 2, 3])
def test_carry_is_the_reference_within_one_level(frame, num_threads):
    rng = np.random.default_rng(6)
    slope = rng.uniform(0.5, 4, (270, 480, 3)).astype(np.float32)
    intercept = rng.uniform(-300, 150, (270, 480, 3)).astype(np.float32)
    before = frame.copy()
    with ThreadPoolExecutor(num_threads) as pool:
        found = GuidedCarrier(pool, num_threads).carry(frame, slope, intercept)
    expected = reference.carry(tensor(frame), tensor(slope), tensor(intercept))[0].permute(1, 2, 0).numpy()
    difference = np.abs(found.astype(np.int16) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3
    assert np.array_equal(frame, before)
