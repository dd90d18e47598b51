"""The window heater: the law alone, and with the simulated head around it."""

from __future__ import annotations

import pytest

from edge.camera_head.heater import DewPointFollower, heater_permille
from firmware_bridge.device.interface import Stepped
from firmware_bridge.device.physics import Surroundings, dew_point_celsius


@pytest.mark.parametrize(
    "margin, window, wanted",
    [
        pytest.param(-5.0, 30.0, 800, id="fogged: all that is allowed"),
        pytest.param(1.0, 30.0, 800, id="a degree below the margin"),
        pytest.param(2.0, 35.0, 400, id="at the margin: half"),
        pytest.param(3.0, 35.0, 0, id="a degree above: off"),
        pytest.param(9.0, 35.0, 0, id="dry"),
        pytest.param(-5.0, 40.0, 0, id="near the limit for tissue"),
        pytest.param(None, 30.0, 0, id="no dew point known"),
        pytest.param(-5.0, None, 0, id="no window temperature known"),
    ],
)
def test_the_law(margin, window, wanted):
    assert heater_permille(margin, window, 2.0, 800) == wanted


def test_never_more_than_the_head_allows_and_in_steps():
    levels = {heater_permille(margin / 100, 35.0, 2.0, 790) for margin in range(-100, 500)}
    assert max(levels) == 790
    assert all(level % 20 == 0 for level in levels - {790})


def test_it_keeps_the_window_clear_and_cool_in_simulated_breath():
    around = Surroundings()
    outputs = Stepped(b"", (600,) * 4, 0, 0, 0, 0, False, 0)
    follower = DewPointFollower(2.0)
    fogs, windows, levels = [], [], []
    for half_second in range(1200):
        around.advance(0.5, outputs)
        sensors = around.sensors()
        level = follower.permille(sensors.dew_margin_centi_celsius / 100, sensors.window_centi_celsius / 100, 800)
        outputs = Stepped(b"", (600,) * 4, level, 0, 0, 0, False, 0)
        if half_second >= 240:
            fogs.append(around.fog)
            windows.append(around.window_celsius)
            levels.append(level)
    assert max(fogs) < 0.02
    assert 33 < min(windows) <= max(windows) < 41
    assert max(levels) - min(levels) <= 200, "power does not follow each breath"


def test_without_it_the_window_fogs():
    around = Surroundings()
    outputs = Stepped(b"", (600,) * 4, 0, 0, 0, 0, False, 0)
    around.advance(60.0, outputs)
    assert around.fog > 0.3


def test_the_dew_point_is_that_of_the_tables():
    """25 C and 60%: 16.7 C; 34 C and 97%: 33.5 C (psychrometric tables, rounded)."""
    assert dew_point_celsius(25, 0.60) == pytest.approx(16.7, abs=0.1)
    assert dew_point_celsius(34, 0.97) == pytest.approx(33.5, abs=0.1)
