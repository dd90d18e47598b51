"""Which calibration is a unit's own, and in which mode of the camera it holds."""

from dataclasses import replace

import pytest

from edge.basics.errors import ConfigError
from edge.calibration.file import write_calibration
from edge.calibration.of_unit import UnitCorrection, not_as_calibrated, unit_correction
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


def test_the_settings_of_the_calibration_travel_in_its_file_and_are_held_against_the_cameras(tmp_path):
    path, calibrated = tmp_path / "unit.calib", {"exposure": 120.0, "gain": 0.0, "white_balance_kelvin": 4600.0}
    write_calibration(path, replace(NEUTRAL, controls=calibrated))
    correction = unit_correction(str(path), "A-1", {})
    assert correction.controls == calibrated
    assert not_as_calibrated(correction, {**calibrated, "sharpness": 3.0}) == []
    assert not_as_calibrated(correction, {"exposure": 250.0, "gain": 0.0}) == [
        "exposure is 250, calibrated at 120",
        "white_balance_kelvin is not known, calibrated at 4600",
    ]
    assert not_as_calibrated(None, {"exposure": 250.0}) == []


def test_settings_that_are_no_numbers_make_no_calibration(tmp_path):
    path = tmp_path / "unit.calib"
    write_calibration(path, replace(NEUTRAL, controls={"gain": "much"}))
    with pytest.raises(ConfigError, match="controls are no numbers"):
        unit_correction(str(path), "A-1", {})


def test_the_settings_travel_in_a_graphs_manifest_too(file):
    manifest = {"profile": "live", "calibration": {"unit": "A-1", "camera_mode": "x", "controls": {"gain": 2}}}
    assert unit_correction(file, "A-1", manifest).controls == {"gain": 2}
