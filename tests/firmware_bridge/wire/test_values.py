"""The values of a head by their names."""

from __future__ import annotations

import pytest

from firmware_bridge.wire.messages import Capability, Fault, ResetCause, Status
from firmware_bridge.wire.values import enum_name, flag_names, status_values, value_text

STATUS = Status(2_500_000, 12, (10, 20, 0, 0), 300, 3512, None, None, -120, 5012, 0x8001, 9, 1)


def test_units_are_those_of_the_names_and_what_is_not_fitted_is_none():
    values = status_values(STATUS, 2)
    assert values["led_permille"] == [10, 20]
    assert (values["window_celsius"], values["board_celsius"]) == (35.12, None)
    assert (values["humidity_percent"], values["dew_margin_celsius"]) == (None, -1.2)
    assert (values["supply_v"], values["uptime_s"]) == (5.012, 2.5)
    assert values["light_state"] == "dimmed"


@pytest.mark.parametrize(
    "name, value, text",
    [
        ("led_permille", [10, 20], "10 20 permille"),
        ("faults", [], "none"),
        ("board_celsius", None, "not fitted"),
        ("led_limit_permille", 800, "800  (0 to 1000)"),
        ("serial", "EC-1", "EC-1"),
    ],
)
def test_a_value_in_words(name, value, text):
    assert value_text(name, value) == text


def test_numbers_of_newer_versions_stay_numbers():
    assert enum_name(ResetCause, 9) == "unknown (9)"
    assert flag_names(Fault, 0x8001) == ["over temperature", "bit 15"]
    assert flag_names(Capability, 0) == []
