"""Thresholds with hysteresis, over a made-up tree of sysfs."""

import logging

import pytest

from edge.basics.errors import ConfigError
from edge.basics.settings import from_table
from edge.config import HeatConfig
from edge.health.heat import HeatWatch
from edge.health.machine import Sysfs


class Unit:
    def __init__(self, root, config=None):
        self.root = root
        self.levels, self.states = [], []
        self.watch = HeatWatch(
            config or HeatConfig(),
            Sysfs(root),
            lambda level, reason: self.levels.append((level, reason)),
            lambda state, reason: self.states.append((state, reason)),
        )

    def zone(self, number, millidegrees, name="tj-thermal"):
        folder = self.root / f"sys/class/thermal/thermal_zone{number}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "type").write_text(f"{name}\n")
        if millidegrees is None:
            (folder / "temp").unlink(missing_ok=True)
        else:
            (folder / "temp").write_text(f"{millidegrees}\n")
        return self

    def at(self, *degrees):
        for celsius in degrees:
            self.zone(0, round(celsius * 1000)).watch.tick(0)
        return [level for level, _ in self.levels]


@pytest.fixture
def unit(tmp_path):
    return Unit(tmp_path)


@pytest.mark.parametrize(
    ("degrees", "levels"),
    [
        ((84.9,), []),
        ((85.0,), [1]),
        ((85.0, 84.0, 80.0, 86.0), [1]),
        ((85.0, 79.9), [1, 0]),
        ((95.0, 90.0, 89.9, 80.0, 79.9), [2, 1, 0]),
        ((96.0, 60.0), [2, 0]),
        ((85.0, 95.0, 94.0, 89.0, 94.0, 95.0), [1, 2, 1, 2]),
        ((90.0, 79.9, 84.0, 85.0), [1, 0, 1]),
    ],
)
def test_levels_with_hysteresis(unit, degrees, levels):
    assert unit.at(*degrees) == levels


def test_reasons_and_states(unit):
    unit.at(50, 85, 86, 97, 70)
    assert unit.levels == [
        (1, "tj-thermal at 85 C, warm from 85 C on"),
        (2, "tj-thermal at 97 C, hot from 95 C on"),
        (0, "tj-thermal at 70 C, cool again"),
    ]
    assert unit.states == [
        ("ok", ""),
        ("degraded", "tj-thermal at 85 C, warm from 85 C on"),
        ("degraded", "tj-thermal at 97 C, hot from 95 C on"),
        ("ok", ""),
    ]


def test_no_sensor_is_off_until_one_is_there(unit):
    unit.watch.tick(0)
    unit.watch.tick(0)
    unit.at(50)
    assert unit.states == [("off", "no temperature sensor"), ("ok", "")]
    assert unit.levels == []


def test_the_hottest_believed_zone_counts_and_bad_ones_are_told_once(unit, caplog):
    unit.zone(1, 200_000, "gpu-thermal").zone(2, None, "cv0-thermal").zone(3, 100_000, "PMIC-Die")
    unit.zone(4, 88_000, "soc0-thermal").zone(5, -127_000, "cv1-thermal")
    with caplog.at_level(logging.WARNING):
        unit.at(60, 61)
    assert unit.levels == [(1, "soc0-thermal at 88 C, warm from 85 C on")]
    assert [line.getMessage() for line in caplog.records] == [
        "temperature sensors ignored: gpu-thermal (reads 200 C), cv0-thermal (cannot be read), "
        "cv1-thermal (reads -127 C)"
    ]
    assert unit.watch.record()["temperatures_celsius"] == {"tj-thermal": 61.0, "soc0-thermal": 88.0}
    assert unit.watch.record()["level"] == 1


def test_sensors_that_fall_silent_leave_the_level(unit):
    unit.at(96)
    unit.zone(0, None).watch.tick(0)
    assert unit.watch.level == 2
    assert unit.states[-1] == ("degraded", "no temperature can be read any more")
    unit.at(96)
    assert unit.states[-1] == ("degraded", "tj-thermal at 96 C, hot from 95 C on")
    assert len(unit.levels) == 1


def test_other_thresholds_hold_from_the_next_tick(unit):
    unit.at(70)
    unit.watch.set_config(HeatConfig(warm_celsius=65.0))
    assert unit.at(70) == [1]


def test_thresholds_in_the_wrong_order_are_refused():
    with pytest.raises(ConfigError, match=r"heat.hot_celsius = 60.0: expected at least heat.warm_celsius \(85.0\)"):
        from_table(HeatConfig, {"hot_celsius": 60}, "heat", "edge.toml")
    with pytest.raises(ConfigError, match=r"heat\.warm_celsius"):
        from_table(HeatConfig, {"warm_celsius": 20}, "heat", "edge.toml")
