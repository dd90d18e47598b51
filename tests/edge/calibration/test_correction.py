"""The correction of frames, with the truth of a bench unit as its calibration."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge.calibration.correction import Correction
from edge.calibration.of_unit import UnitCorrection, refuse_other_mode
from edge.pictures.colour import linear_from_srgb
from edge.sources.demo.bench import BenchSource
from edge.sources.demo.targets import WHITE_CARD
from edge.sources.demo.unit import UnitCamera, unit_truth
from tests.doubles.calibrations import NEUTRAL, calibration_of


@pytest.fixture(scope="module")
def truth():
    return unit_truth("A-1", num_dust=0, read_noise=0.0)


@pytest.fixture(scope="module")
def camera(truth):
    return UnitCamera(truth)


@pytest.fixture(scope="module")
def correction(truth):
    made = Correction(calibration_of(truth), 2)
    yield made
    made.close()


def even(light):
    """A scene of one light everywhere."""
    return lambda x, y: np.broadcast_to(np.float32(light), (*x.shape, 3))


@pytest.mark.slow
def test_an_even_scene_comes_out_even_and_in_its_own_colour(camera, correction):
    colour = (0.5, 0.25, 0.18)
    frame = camera.frame(camera.signal(even(colour)), 0)
    light = cv2.resize(linear_from_srgb(correction.apply(frame)), (48, 27), interpolation=cv2.INTER_AREA)
    assert linear_from_srgb(frame)[..., 1].std() > 0.05  # the fall-off
    ratio = light.mean(axis=(0, 1)) / colour
    np.testing.assert_allclose(ratio / ratio[1], 1, atol=0.01)
    assert (light.std(axis=(0, 1)) / light.mean(axis=(0, 1))).max() < 0.01


def test_hot_pixels_do_not_show(truth, camera, correction):
    frame = camera.frame(camera.signal(even((0.1, 0.1, 0.1))), 0)
    assert frame.max() > 180
    shown = correction.apply(frame)
    assert shown.max() < shown.mean() + 30
    without_lens = Correction(replace(calibration_of(truth), lens=None))
    assert without_lens.apply(frame).max() < shown.mean() + 30
    without_lens.close()


def test_black_is_black_and_saturated_stays_white(correction):
    light = correction.apply(np.full((1080, 1920, 3), 255, np.uint8))
    assert light.min() >= 254
    assert correction.apply(np.zeros((1080, 1920, 3), np.uint8)).max() == 0


def test_a_neutral_calibration_changes_nothing():
    neutral = Correction(NEUTRAL)
    ramp = np.arange(256, dtype=np.uint8)[np.arange(1920) % 256]
    frame = np.ascontiguousarray(np.broadcast_to(ramp[None, :, None], (1080, 1920, 3)))
    np.testing.assert_array_equal(neutral.apply(frame), frame)
    neutral.close()


@pytest.mark.slow
def test_any_number_of_threads_gives_the_same_pixels(camera, truth, correction):
    frame = camera.frame(camera.signal(even((0.3, 0.2, 0.2))), 1)
    for num_threads in (1, 3):
        other = Correction(calibration_of(truth), num_threads)
        np.testing.assert_array_equal(other.apply(frame), correction.apply(frame))
        other.close()


def test_the_bench_is_in_the_mode_of_its_calibration(truth, camera):
    source = BenchSource("demo:", camera, "flat", paced=False)
    refuse_other_mode(UnitCorrection("A-1", "1920x1080 demo", None), source)
    shown = Correction(calibration_of(truth))
    green = linear_from_srgb(shown.apply(source.read().image))[..., 1]
    assert np.median(green) == pytest.approx(WHITE_CARD, rel=0.15)
    shown.close()
