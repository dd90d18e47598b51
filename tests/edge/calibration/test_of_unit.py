"""Which calibration is a unit's own, and in which mode of the camera it holds."""

import pytest

from edge.basics.errors import ConfigError
from edge.calibration.file import write_calibration
from edge.calibration.of_unit import UnitCorrection, unit_correction
from edge.engines.corrected import corrected
from tests.doubles.calibrations import NEUTRAL


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
    assert correction == UnitCorrection("A-1", "1920x1080 demo", None)
    engine = object()
    assert corrected(engine, correction, 1) is engine
    with pytest.raises(ConfigError, match="profile 'live': calibrates unit 'A-1', this is unit 'B-2'"):
        unit_correction(file, "B-2", manifest)
