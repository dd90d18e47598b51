"""Classical dehazing on haze whose truth is known."""

import cv2
import numpy as np
import pytest

from trainer.judging import classical
from trainer.judging.metrics import psnr

AIRLIGHT = np.array([215, 195, 170])


def clear_picture(height_px: int = 270, width_px: int = 480) -> np.ndarray:
    """Saturated blobs, so that some channel is dark in every patch: the prior holds."""
    rng = np.random.default_rng(0)
    blobs = cv2.resize(rng.random((27, 48, 3)), (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    return (np.clip(blobs * 1.6 - 0.4, 0, 1) * 255).astype(np.uint8)


def haze(clear: np.ndarray, transmission: float | np.ndarray) -> np.ndarray:
    """Koschmieder's law, with a corner of bare airlight from which it can be read."""
    t = np.broadcast_to(transmission, clear.shape[:2])[..., None].copy()
    t[:20, :20] = 0
    return np.rint(clear * t + AIRLIGHT * (1 - t)).astype(np.uint8)


@pytest.mark.parametrize("transmission", [0.4, 0.6, 0.8])
def test_dark_channel_prior_removes_known_haze(transmission):
    clear = clear_picture()
    hazy = haze(clear, transmission)
    dehazed = classical.dark_channel_prior(hazy)
    assert dehazed.shape == clear.shape
    assert dehazed.dtype == np.uint8
    inner = np.s_[70:, 70:]  # away from the bare corner
    assert psnr(dehazed[inner], clear[inner]) > psnr(hazy[inner], clear[inner]) + 12


def test_dark_channel_prior_follows_haze_that_varies():
    clear = clear_picture()
    ramp = np.linspace(0.3, 0.95, clear.shape[1], dtype=np.float32)[None].repeat(clear.shape[0], 0)
    hazy = haze(clear, ramp)
    inner = np.s_[70:, 70:]
    assert psnr(classical.dark_channel_prior(hazy)[inner], clear[inner]) > psnr(hazy[inner], clear[inner]) + 6


def test_dark_channel_prior_is_the_same_at_another_size():
    small = haze(clear_picture(), 0.5)
    large = cv2.resize(small, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    from_large = cv2.resize(classical.dark_channel_prior(large), (480, 270), interpolation=cv2.INTER_AREA)
    assert psnr(from_large, classical.dark_channel_prior(small)) > 36


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((30, 40, 3), np.uint8),
        np.full((30, 40, 3), 255, np.uint8),
        np.full((1, 1, 3), 77, np.uint8),
        np.arange(9, dtype=np.uint8).reshape(1, 3, 3),
    ],
    ids=["black", "white", "one pixel", "one row"],
)
def test_odd_pictures_come_back_whole(image):
    for method in (classical.dark_channel_prior, classical.clahe):
        with np.errstate(all="raise"):
            answer = method(image.copy())
        assert answer.shape == image.shape
        assert answer.dtype == np.uint8


def test_flat_picture_is_its_own_airlight():
    flat = np.full((30, 40, 3), (90, 80, 70), np.uint8)
    np.testing.assert_array_equal(classical.dark_channel_prior(flat), flat)


@pytest.mark.parametrize("method", [classical.dark_channel_prior, classical.clahe])
def test_the_input_is_left_alone(method):
    hazy = haze(clear_picture(60, 80), 0.5)
    before = hazy.copy()
    method(hazy)
    np.testing.assert_array_equal(hazy, before)


def test_dark_channel_is_the_least_of_patch_and_channels():
    image = np.ones((9, 9, 3), np.float32)
    image[4, 4, 1] = 0.2
    expected = np.ones((9, 9), np.float32)
    expected[3:6, 3:6] = 0.2
    np.testing.assert_array_equal(classical.dark_channel(image, 3), expected)


def test_airlight_is_read_from_the_haziest_pixels():
    hazy = haze(clear_picture(), 0.5).astype(np.float32) / 255
    airlight = classical.estimate_airlight(hazy, classical.dark_channel(hazy, 15))
    np.testing.assert_allclose(airlight * 255, AIRLIGHT, atol=1)


def test_guided_filter_keeps_the_guides_edges_and_smooths_the_rest():
    guide = np.zeros((40, 40), np.float32)
    guide[:, 20:] = 1
    noise = np.random.default_rng(1).normal(0, 0.1, guide.shape).astype(np.float32)
    smooth = classical.guided_filter(guide, 0.3 + 0.4 * guide + noise, 8, 1e-3)
    step = smooth[:, 20:].mean() - smooth[:, :20].mean()
    assert step == pytest.approx(0.4, abs=0.02)
    assert smooth[:, 19].max() < 0.4 < 0.6 < smooth[:, 20].min()
    assert smooth[:, :20].std() < 0.02


def test_guided_filter_of_a_flat_guide_is_the_mean_of_means():
    values = np.random.default_rng(2).random((20, 30)).astype(np.float32)
    box = cv2.blur(cv2.blur(values, (7, 7), borderType=cv2.BORDER_REFLECT), (7, 7), borderType=cv2.BORDER_REFLECT)
    answer = classical.guided_filter(np.full_like(values, 0.5), values, 3, 1e-3)
    np.testing.assert_allclose(answer, box, atol=1e-5)


def test_guided_filter_is_the_papers_formula():
    """Eqs. 5, 6 and 8 by loops over windows, at a pixel whose windows lie inside the picture."""
    rng = np.random.default_rng(4)
    guide, values = rng.random((2, 13, 13)).astype(np.float32)
    y = x = 6
    slopes, offsets = [], []
    for centre_y in range(y - 2, y + 3):
        for centre_x in range(x - 2, x + 3):
            window = np.s_[centre_y - 2 : centre_y + 3, centre_x - 2 : centre_x + 3]
            i, p = guide[window], values[window]
            slopes.append(((i * p).mean() - i.mean() * p.mean()) / (i.var() + 0.01))
            offsets.append(p.mean() - slopes[-1] * i.mean())
    expected = np.mean(slopes) * guide[y, x] + np.mean(offsets)
    assert classical.guided_filter(guide, values, 2, 0.01)[y, x] == pytest.approx(expected, abs=1e-5)


def test_clahe_does_not_blow_up_noise():
    noise = np.random.default_rng(5).normal(0, 2, (270, 480, 1)).round().repeat(3, 2)
    flat = (128 + noise).astype(np.uint8)
    assert classical.clahe(flat).std() < 3 * flat.std()


def test_clahe_raises_contrast_and_keeps_hue():
    dull = haze(clear_picture(), 0.3)
    crisp = classical.clahe(dull)
    lab_dull, lab_crisp = (cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(int) for image in (dull, crisp))
    assert lab_crisp[..., 0].std() > 1.3 * lab_dull[..., 0].std()
    # a* and b* move only where RGB clips or rounds.
    assert np.abs(lab_crisp[..., 1:] - lab_dull[..., 1:]).mean() < 1
