"""The correction of frames, with the truth of a bench unit as its calibration."""

from dataclasses import replace
from datetime import datetime, timezone

import cv2
import numpy as np
import pytest

from edge.basics.errors import ConfigError
from edge.calibration.calibration import Calibration, Lens
from edge.calibration.correction import Correction
from edge.calibration.file import write_calibration
from edge.calibration.lens import projected, undistortion, view_focal_px
from edge.calibration.of_unit import UnitCorrection, refuse_other_mode, unit_correction
from edge.engines.corrected import corrected
from edge.engines.engine import Enhanced
from edge.pictures.colour import linear_from_srgb
from edge.sources.demo.bench import BenchSource
from edge.sources.demo.targets import WHITE_CARD
from edge.sources.demo.unit import UnitCamera, unit_truth

NEUTRAL = Calibration("A-1", "1920x1080 demo", datetime(2026, 1, 1, tzinfo=timezone.utc), "test", ())


def calibration_of(truth) -> Calibration:
    """What a perfect solver would find."""
    gain = cv2.resize(1 / truth.fall_off(), (240, 135), interpolation=cv2.INTER_AREA)
    white = 1 / truth.cast.sum(axis=1)
    matrix = np.linalg.inv(truth.cast) / white
    camera = truth.camera
    lens = Lens(truth.lens, (camera[0, 0], camera[1, 1]), (camera[0, 2], camera[1, 2]), tuple(truth.distortion), 0.0)
    return replace(
        NEUTRAL,
        parts=("dark", "flat", "white", "chart", "lens"),
        dark=truth.dark.astype(np.float32),
        gain=gain.astype(np.float32),
        white=white.astype(np.float32),
        matrix=matrix.astype(np.float32),
        hot_px=truth.hot_px.astype(np.int32),
        lens=lens,
    )


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


@pytest.mark.parametrize("lens", ["radial", "fisheye"])
def test_straight_lines_become_straight(lens):
    truth = unit_truth("A-1", lens=lens)
    model = calibration_of(truth).lens
    map_x, map_y = undistortion(model)
    for row in (3, 200, 1076):
        columns = np.arange(5, 1915, 30)
        directions = np.column_stack([columns - 959.5, np.full(len(columns), row - 539.5)]) / view_focal_px(model)
        seen = projected(model, directions)
        np.testing.assert_allclose(seen[:, 0], map_x[row, columns], atol=0.02)
        np.testing.assert_allclose(seen[:, 1], map_y[row, columns], atol=0.02)


@pytest.mark.parametrize("lens", ["radial", "fisheye"])
def test_the_view_is_the_widest_without_a_pixel_that_the_camera_did_not_see(lens):
    model = calibration_of(unit_truth("A-1", lens=lens)).lens
    map_x, map_y = undistortion(model)
    assert map_x.min() >= -0.01 and map_y.min() >= -0.01
    assert map_x.max() <= 1919.01 and map_y.max() <= 1079.01
    touches = min(map_x.min(), map_y.min(), 1919 - map_x.max(), 1079 - map_y.max())
    assert touches < 0.5


def test_a_neutral_calibration_changes_nothing():
    neutral = Correction(NEUTRAL)
    ramp = np.arange(256, dtype=np.uint8)[np.arange(1920) % 256]
    frame = np.ascontiguousarray(np.broadcast_to(ramp[None, :, None], (1080, 1920, 3)))
    np.testing.assert_array_equal(neutral.apply(frame), frame)
    neutral.close()


def test_any_number_of_threads_gives_the_same_pixels(camera, truth, correction):
    frame = camera.frame(camera.signal(even((0.3, 0.2, 0.2))), 1)
    for num_threads in (1, 3):
        other = Correction(calibration_of(truth), num_threads)
        np.testing.assert_array_equal(other.apply(frame), correction.apply(frame))
        other.close()


class Echo:
    """Implements `edge.engines.engine.Engine`: gives back what it got."""

    profile, model_sha256, device = "live", "ab", "test"

    def enhance(self, image, out=None):
        return Enhanced(image, {"echo": 1.0})

    def close(self):
        self.closed = True


def test_the_engine_gets_corrected_frames_and_the_raw_one_stays(camera, truth, correction):
    engine = corrected(Echo(), UnitCorrection("A-1", "1920x1080 demo", calibration_of(truth)), 1)
    frame = camera.frame(camera.signal(even((0.3, 0.2, 0.2))), 1)
    kept = frame.copy()
    result = engine.enhance(frame)
    np.testing.assert_array_equal(result.image, correction.apply(frame))
    np.testing.assert_array_equal(frame, kept)
    assert list(result.stage_ms) == ["correct", "echo"]
    assert (engine.profile, engine.model_sha256) == ("live", "ab")
    assert engine.device == "test, corrected for unit A-1"  # as /health tells it
    engine.close()


def test_the_device_in_use_is_told_through_the_correction(truth):
    """A GPU that fails hands over to the CPU behind it, and /health must say so."""
    within = Echo()
    engine = corrected(within, UnitCorrection("A-1", "1920x1080 demo", calibration_of(truth)), 1)
    within.device = "cpu"
    assert engine.device == "cpu, corrected for unit A-1"
    engine.close()


def test_an_engine_of_a_unit_without_calibration_is_left_alone():
    engine = Echo()
    assert corrected(engine, None, 1) is engine


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "unit.calib"
    write_calibration(path, NEUTRAL)
    return str(path)


def test_only_the_units_own_file_is_taken(file):
    assert unit_correction(file, "A-1", {}).on_host.unit == "A-1"
    assert unit_correction("", "", {}) is None
    with pytest.raises(ConfigError, match="calibrates unit 'A-1', this is unit 'B-2'"):
        unit_correction(file, "B-2", {})
    with pytest.raises(ConfigError, match=r"unit.serial is empty"):
        unit_correction(file, "", {})


def test_a_graph_that_corrects_is_not_corrected_again(file):
    manifest = {"profile": "live", "calibration": {"unit": "A-1", "camera_mode": "1920x1080 demo"}}
    correction = unit_correction(file, "A-1", manifest)
    assert correction == HELD_IN_GRAPH
    engine = Echo()
    assert corrected(engine, correction, 1) is engine
    with pytest.raises(ConfigError, match="profile 'live': calibrates unit 'A-1', this is unit 'B-2'"):
        unit_correction(file, "B-2", manifest)


HELD_IN_GRAPH = UnitCorrection("A-1", "1920x1080 demo", None)


def test_the_bench_is_in_the_mode_of_its_calibration(truth, camera):
    source = BenchSource("demo:", camera, "flat", paced=False)
    refuse_other_mode(HELD_IN_GRAPH, source)
    shown = Correction(calibration_of(truth))
    green = linear_from_srgb(shown.apply(source.read().image))[..., 1]
    assert np.median(green) == pytest.approx(WHITE_CARD, rel=0.15)
    shown.close()


def test_a_fisheye_that_sees_the_whole_half_space_has_a_view():
    """No focal length takes the picture out of what such a lens shows: the search must end all the same."""
    lens = Lens("fisheye", (300.0, 300.0), (960.0, 540.0), (0.0, 0.0, 0.0, 0.0), 0.1)
    assert 10 < view_focal_px(lens) < 900
