"""The bench unit: its faults are what it says, and its frames are what its faults make of a scene."""

import numpy as np
import pytest

from edge.basics.errors import UsageError
from edge.calibration.calibration import Lens
from edge.calibration.lens import projected
from edge.pictures.colour import linear_from_srgb
from edge.sources.demo.bench import HOLD_FRAMES, BenchSource
from edge.sources.demo.unit import UnitCamera, ideal_directions, unit_truth
from edge.sources.open import open_source


def test_a_serial_number_is_a_unit():
    one, same, other = unit_truth("A-1"), unit_truth("A-1"), unit_truth("A-2")
    np.testing.assert_array_equal(one.hot_px, same.hot_px)
    assert not np.array_equal(one.cast, other.cast)
    assert unit_truth("A-1", num_dust=12).dust[:8] == one.dust


def test_the_corner_gets_a_quarter_of_the_light():
    fall_off = unit_truth("A-1").fall_off()[..., 1]
    assert fall_off.max() == pytest.approx(1, abs=1e-3)
    assert fall_off.min() == pytest.approx(0.25, abs=1e-3)


@pytest.mark.parametrize(("model", "off_px"), [("radial", 0.03), ("fisheye", 0.1)])
def test_directions_undo_the_lens(model, off_px):
    truth = unit_truth("A-1", lens=model)
    x, y = ideal_directions(truth)
    camera = truth.camera
    lens = Lens(model, (camera[0, 0], camera[1, 1]), (camera[0, 2], camera[1, 2]), tuple(truth.distortion), 0.0)
    rows, columns = np.mgrid[2:1080:97, 1:1920:113]
    seen = projected(lens, np.column_stack([x[rows, columns].ravel(), y[rows, columns].ravel()]).astype(np.float64))
    np.testing.assert_allclose(seen, np.column_stack([columns.ravel(), rows.ravel()]), atol=off_px)


def test_a_frame_is_dark_level_hot_pixels_and_noise_where_no_light_is():
    truth = unit_truth("A-1", read_noise=0.01)
    camera = UnitCamera(truth)
    light = linear_from_srgb(camera.frame(camera.signal(None), 0))
    np.testing.assert_allclose(light.mean(axis=(0, 1)), truth.dark, atol=1e-3)
    np.testing.assert_allclose(light.std(axis=(0, 1)), 0.0102, atol=1e-3)  # 1% read noise, and shot noise of the dark
    row, column = truth.hot_px[int(truth.hot_light.max(axis=1).argmax())]
    assert light[row, column].max() > 0.4


def test_a_position_is_held_and_then_changed():
    source = BenchSource("demo:", UnitCamera(unit_truth("A-1", read_noise=0.0)), "white", paced=False)
    frames = [source.read() for _ in range(HOLD_FRAMES + 1)]
    assert [frame.seq for frame in frames] == list(range(HOLD_FRAMES + 1))
    first, held, moved = (frames[number].image.reshape(27, 40, 48, -1).mean(axis=(1, 3)) for number in (0, 1, -1))
    assert np.abs(held - first).max() < 1 < np.abs(moved - first).max()
    source.close()
    assert source.read() is None


def test_the_uri_opens_a_unit_before_a_target():
    source = open_source("demo:?unit=A-7&target=dark&noise=0&dust=2&lens=fisheye&pace=free")
    assert isinstance(source, BenchSource) and source.camera_mode == "1920x1080 demo"
    assert (source.truth.serial, source.truth.lens, len(source.truth.dust)) == ("A-7", "fisheye", 2)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("demo:?unit=A-1&target=moon", "option target is 'moon'; expected dark or flat or white"),
        ("demo:?unit=A-1&noise=5", "option noise is '5'; expected a number from 0 to 0.1"),
        ("demo:?unit=A-1&seed=1", "unknown option 'seed'"),
        ("demo:?target=flat", "unknown option 'target'"),
    ],
)
def test_wrong_options_are_said(uri, words):
    with pytest.raises(UsageError, match=words):
        open_source(uri)
