"""The lens: straight lines become straight, and the view is the widest without an unseen pixel."""

import numpy as np
import pytest

from edge.calibration.calibration import Lens
from edge.calibration.lens import projected, undistortion, view_focal_px
from edge.sources.demo.unit import unit_truth
from tests.doubles.calibrations import calibration_of


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


def test_a_fisheye_that_sees_the_whole_half_space_has_a_view():
    """No focal length takes the picture out of what such a lens shows: the search must end all the same."""
    lens = Lens("fisheye", (300.0, 300.0), (960.0, 540.0), (0.0, 0.0, 0.0, 0.0), 0.1)
    assert 10 < view_focal_px(lens) < 900
