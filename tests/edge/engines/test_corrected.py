"""An engine before which a unit's correction stands."""

import numpy as np
import pytest

from edge.calibration.correction import Correction
from edge.calibration.of_unit import UnitCorrection
from edge.engines.corrected import corrected
from edge.engines.engine import Enhanced
from edge.engines.weakened import WeakenedEngine
from edge.pictures.geometry import FRAME_SHAPE
from edge.sources.demo.unit import unit_truth
from tests.doubles.calibrations import calibration_of


class Echo:
    """Implements `edge.engines.engine.Engine`: gives back what it got."""

    profile, model_sha256, device = "live", "ab", "test"

    def enhance(self, image, out=None):
        return Enhanced(image, {"echo": 1.0})

    def close(self):
        self.closed = True


@pytest.fixture(scope="module")
def of_unit():
    return UnitCorrection("A-1", "1920x1080 demo", calibration_of(unit_truth("A-1", num_dust=0)))


def test_the_engine_gets_corrected_frames_and_the_raw_one_stays(of_unit):
    engine = corrected(Echo(), of_unit, 1)
    frame = np.random.default_rng(0).integers(0, 256, FRAME_SHAPE, np.uint8)
    kept = frame.copy()
    result = engine.enhance(frame)
    alone = Correction(of_unit.on_host)
    np.testing.assert_array_equal(result.image, alone.apply(frame))
    alone.close()
    np.testing.assert_array_equal(frame, kept)
    assert not np.array_equal(result.image, frame)
    assert list(result.stage_ms) == ["correct", "echo"]
    assert (engine.profile, engine.model_sha256) == ("live", "ab")
    assert engine.device == "test, corrected for unit A-1"  # as /health tells it
    engine.close()


def test_the_whole_answer_behind_a_share_of_it_is_handed_on(of_unit):
    weakened = WeakenedEngine(Echo(), 0.5)
    weakened.whole = np.zeros(FRAME_SHAPE, np.uint8)
    engine = corrected(weakened, of_unit, 1)
    assert engine.enhance(np.full(FRAME_SHAPE, 90, np.uint8)).whole is weakened.whole
    engine.close()


def test_at_strength_0_only_the_correction_is_seen_and_the_engine_is_not_asked(of_unit):
    inner = Echo()
    inner.enhance = None
    engine = corrected(WeakenedEngine(inner, 0.0), of_unit, 1)
    frame = np.random.default_rng(0).integers(0, 256, FRAME_SHAPE, np.uint8)
    result, alone = engine.enhance(frame), Correction(of_unit.on_host)
    np.testing.assert_array_equal(result.image, alone.apply(frame))
    assert result.whole is None
    alone.close()
    engine.close()


def test_the_device_in_use_is_told_through_the_correction(of_unit):
    """A GPU that fails hands over to the CPU behind it, and /health must say so."""
    within = Echo()
    engine = corrected(within, of_unit, 1)
    within.device = "cpu"
    assert engine.device == "cpu, corrected for unit A-1"
    engine.close()


def test_an_engine_of_a_unit_without_calibration_is_left_alone():
    engine = Echo()
    assert corrected(engine, None, 1) is engine
