"""Metrics against published values, closed forms and scikit-image."""

import math

import cv2
import numpy as np
import pytest

from trainer.judging import metrics

# Sharma, Wu & Dalal 2005, table 1, all 34 pairs: L1 a1 b1, L2 a2 b2, dE00.
SHARMA = """
50.0000 2.6772 -79.7751 50.0000 0.0000 -82.7485 2.0425
50.0000 3.1571 -77.2803 50.0000 0.0000 -82.7485 2.8615
50.0000 2.8361 -74.0200 50.0000 0.0000 -82.7485 3.4412
50.0000 -1.3802 -84.2814 50.0000 0.0000 -82.7485 1.0000
50.0000 -1.1848 -84.8006 50.0000 0.0000 -82.7485 1.0000
50.0000 -0.9009 -85.5211 50.0000 0.0000 -82.7485 1.0000
50.0000 0.0000 0.0000 50.0000 -1.0000 2.0000 2.3669
50.0000 -1.0000 2.0000 50.0000 0.0000 0.0000 2.3669
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0009 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0010 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0011 7.2195
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0012 7.2195
50.0000 -0.0010 2.4900 50.0000 0.0009 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0010 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0011 -2.4900 4.7461
50.0000 2.5000 0.0000 50.0000 0.0000 -2.5000 4.3065
50.0000 2.5000 0.0000 73.0000 25.0000 -18.0000 27.1492
50.0000 2.5000 0.0000 61.0000 -5.0000 29.0000 22.8977
50.0000 2.5000 0.0000 56.0000 -27.0000 -3.0000 31.9030
50.0000 2.5000 0.0000 58.0000 24.0000 15.0000 19.4535
50.0000 2.5000 0.0000 50.0000 3.1736 0.5854 1.0000
50.0000 2.5000 0.0000 50.0000 3.2972 0.0000 1.0000
50.0000 2.5000 0.0000 50.0000 1.8634 0.5757 1.0000
50.0000 2.5000 0.0000 50.0000 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""
SHARMA_ROWS = [tuple(map(float, line.split())) for line in SHARMA.strip().splitlines()]


def pattern(height_px: int = 60, width_px: int = 80) -> np.ndarray:
    """A coloured picture with flat parts, ramps and edges, from integers alone: the same everywhere."""
    y, x, channel = np.ogrid[:height_px, :width_px, :3]
    return ((3 * x + 2 * y + x * y // 9 + 50 * channel) % 256 // 2 + 60 * ((x // 16 + y // 16) % 2)).astype(np.uint8)


def texture(seed: int, height_px: int = 96, width_px: int = 128) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)


def darker(image: np.ndarray) -> np.ndarray:
    return image // 2 + 60


def speckled(image: np.ndarray) -> np.ndarray:
    y, x = np.ogrid[: image.shape[0], : image.shape[1]]
    return (image + (9 * ((x + y) % 2))[..., None]).astype(np.uint8)


@pytest.mark.parametrize(
    ("offset", "expected_db"),
    [(1, 48.1308036), (10, 28.1308036), (100, 8.1308036)],  # 20 log10(255 / offset)
)
def test_psnr_of_a_constant_offset(offset, expected_db):
    a = np.full((7, 5, 3), 20, np.uint8)
    assert metrics.psnr(a, a + np.uint8(offset)) == pytest.approx(expected_db, abs=1e-6)
    assert metrics.psnr(a + np.uint8(offset), a) == pytest.approx(expected_db, abs=1e-6)


def test_psnr_takes_one_mean_over_all_channels():
    a = np.zeros((4, 4, 3), np.uint8)
    b = a.copy()
    b[..., 2] = 30
    assert metrics.psnr(a, b) == pytest.approx(10 * math.log10(255**2 / 300), abs=1e-9)


def test_equal_pictures_are_perfect():
    a = pattern()
    assert metrics.psnr(a, a.copy()) == math.inf
    assert metrics.ssim(a, a.copy()) == pytest.approx(1, abs=1e-6)
    assert metrics.ciede2000(a, a.copy()) == 0


# scikit-image 0.26, structural_similarity(channel_axis=2, gaussian_weights=True, sigma=1.5,
# use_sample_covariance=False, data_range=255) of the pictures above, computed once.
@pytest.mark.parametrize(
    ("degrade", "expected"),
    [(darker, 0.7963081), (speckled, 0.9513252), (lambda image: image[::-1].copy(), -0.0030302)],
    ids=["darker", "speckled", "flipped"],
)
def test_ssim_agrees_with_scikit_image(degrade, expected):
    assert metrics.ssim(pattern(), degrade(pattern())) == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("row", SHARMA_ROWS, ids=[f"pair{number}" for number in range(1, 35)])
def test_ciede2000_gives_sharmas_table(row):
    lab1, lab2, expected = np.array(row[:3]), np.array(row[3:6]), row[6]
    # The table has four decimals.
    assert metrics.ciede2000_lab(lab1, lab2) == pytest.approx(expected, abs=1e-4)
    assert metrics.ciede2000_lab(lab2, lab1) == pytest.approx(expected, abs=1e-4)


def test_ciede2000_lab_keeps_the_shape():
    table = np.array(SHARMA_ROWS).reshape(2, 17, 7)
    answer = metrics.ciede2000_lab(table[..., :3], table[..., 3:6])
    assert answer.shape == (2, 17)
    np.testing.assert_allclose(answer, table[..., 6], atol=1e-4)


# Lindbloom's calculator, sRGB; its white has a fifth digit, hence the tolerance. The darkest greys by hand:
# 116 (((40 / 255 + 0.055) / 1.055) ** 2.4) ** (1 / 3) - 16, and 5 / 255 / 12.92 * 903.30.
@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((255, 0, 0), (53.2408, 80.0925, 67.2032)),
        ((0, 255, 0), (87.7347, -86.1827, 83.1793)),
        ((0, 0, 255), (32.2970, 79.1875, -107.8602)),
        ((119, 119, 119), (50.034, 0, 0)),
        ((40, 40, 40), (16.115, 0, 0)),
        ((5, 5, 5), (1.3708, 0, 0)),
    ],
)
def test_lab_of_srgb(rgb, lab):
    np.testing.assert_allclose(metrics.lab_from_srgb(np.array(rgb, np.uint8)), lab, atol=0.03)


def test_ciede2000_is_the_mean_over_all_rows():
    a = pattern(75, 20)  # not a multiple of the bands
    b = darker(a)
    whole = metrics.ciede2000_lab(metrics.lab_from_srgb(a), metrics.lab_from_srgb(b)).mean()
    assert metrics.ciede2000(a, b) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ssim, metrics.ciede2000])
@pytest.mark.parametrize(
    "other",
    [pattern(60, 79), pattern().astype(np.float32), pattern()[..., 0]],
    ids=["another size", "float", "grey"],
)
def test_unlike_pictures_are_refused(metric, other):
    with pytest.raises(ValueError, match="two RGB uint8 pictures"):
        metric(pattern(), other)


def test_ssim_refuses_a_picture_smaller_than_its_window():
    with pytest.raises(ValueError, match="11x11"):
        metrics.ssim(pattern(10, 30), pattern(10, 30))


def panned(num_frames: int, step_px: tuple[int, int] = (3, 2)) -> list[np.ndarray]:
    """A camera that moves right and down over a still scene; the scene moves left and up in the picture."""
    scene = texture(1, 200, 240)
    dx, dy = step_px
    return [scene[dy * i : dy * i + 96, dx * i : dx * i + 128] for i in range(num_frames)]


def constant_motion(dx: float, dy: float) -> np.ndarray:
    return np.broadcast_to(np.array([dx, dy], np.float32), (96, 128, 2))


def test_flicker_of_a_panned_still_scene_is_zero():
    assert metrics.flicker(panned(4), [constant_motion(-3, -2)] * 3) == 0


def test_flicker_sees_a_wrong_motion():
    # Two uniform codes differ by a third of the range in the mean.
    assert metrics.flicker(panned(3), [constant_motion(3, 2)] * 2) == pytest.approx(85, abs=2)


@pytest.mark.parametrize("backwards", [False, True], ids=["right and down", "left and up"])
def test_flicker_leaves_out_what_has_left_the_frame(backwards):
    here, there = (frame.copy() for frame in panned(2))
    here[:2], here[:, :3] = 255, 255  # only `here` shows these
    there[-2:], there[:, -3:] = 255, 255  # and only `there` these
    frames, motion = ([there, here], constant_motion(3, 2)) if backwards else ([here, there], constant_motion(-3, -2))
    assert metrics.flicker(frames, [motion]) == 0
    for row, column in [(2, 50), (-1, 50), (40, 3), (40, -1)]:  # the rim of what both show
        spoilt = here.copy()
        spoilt[row, column] += 100
        assert metrics.flicker([spoilt if frame is here else frame for frame in frames], [motion]) > 0


def test_flicker_of_noise_has_its_closed_form():
    noise = np.random.default_rng(2).normal(0, 10, (6, 96, 128, 3))
    frames = list(np.clip(128 + noise, 0, 255).round().astype(np.uint8))
    assert metrics.flicker(frames, [constant_motion(0, 0)] * 5) == pytest.approx(20 / math.sqrt(math.pi), rel=0.01)


def test_relative_flicker_does_not_blame_contrast():
    rng = np.random.default_rng(3)
    frames = [100 + (texture(4) // 4 + rng.normal(0, 4, (96, 128, 3)).round()) for _ in range(3)]
    dull = [np.clip(frame, 0, 255).astype(np.uint8) for frame in frames]
    crisp = [np.clip(2 * (frame - 130) + 130, 0, 255).astype(np.uint8) for frame in frames]
    still = [constant_motion(0, 0)] * 2
    assert metrics.flicker(crisp, still) == pytest.approx(2 * metrics.flicker(dull, still), rel=1e-3)
    assert metrics.relative_flicker(crisp, still) == pytest.approx(metrics.relative_flicker(dull, still), rel=0.01)


def smooth_pan(num_frames: int) -> list[np.ndarray]:
    """Like `panned`, with blobs that optical flow can hold on to."""
    scene = cv2.resize(texture(5, 25, 30), (240, 200), interpolation=cv2.INTER_CUBIC)
    return [np.ascontiguousarray(scene[2 * i : 2 * i + 96, 3 * i : 3 * i + 128]) for i in range(num_frames)]


def test_flow_from_truth_points_to_the_next_frame():
    (flow,) = metrics.flow_from_truth(smooth_pan(2))
    assert flow.shape == (96, 128, 2)
    assert flow.dtype == np.float32
    np.testing.assert_allclose(np.median(flow, axis=(0, 1)), (-3, -2), atol=0.1)


def test_flow_from_truth_takes_the_motion_out_of_flicker():
    frames = smooth_pan(4)
    flows = metrics.flow_from_truth(frames)
    assert len(flows) == 3
    still = metrics.flicker(frames, [constant_motion(0, 0)] * 3)
    assert metrics.flicker(frames, flows) < 0.1 * still


@pytest.mark.parametrize(
    ("num_frames", "motions"),
    [
        (1, []),
        (3, [constant_motion(0, 0)]),
        (2, [np.zeros((48, 64, 2), np.float32)]),
        (2, [constant_motion(500, 0)]),
    ],
    ids=["one frame", "too few motions", "motion of another size", "all outside"],
)
def test_flicker_refuses_what_does_not_fit(num_frames, motions):
    with pytest.raises(ValueError, match="flicker: "):
        metrics.flicker(panned(num_frames), motions)


def test_relative_flicker_refuses_flat_frames():
    with pytest.raises(ValueError, match="flat"):
        metrics.relative_flicker([np.full((96, 128, 3), 9, np.uint8)] * 2, [constant_motion(0, 0)])


def test_a_picture_that_comes_back_exactly_does_not_make_a_mean_infinite():
    a = np.full((16, 16, 3), 90, np.uint8)
    assert metrics.psnr_for_means(a, a.copy()) == metrics.HIGHEST_DB
    assert metrics.psnr_for_means(a, a + 4) == metrics.psnr(a, a + 4)
