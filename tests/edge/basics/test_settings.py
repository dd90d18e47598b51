"""Tables of TOML as frozen dataclasses."""

from dataclasses import dataclass, field

import pytest

from edge.basics.errors import ConfigError
from edge.basics.settings import from_table, setting, settings_of


@dataclass(frozen=True)
class Lamp:
    power_w: float = setting(3.0, "power", low=0.0)
    colour: str = setting("white", "colour")


@dataclass(frozen=True)
class Room:
    """Its lamp is dimmer than lamps are."""

    lamp: Lamp = field(default_factory=lambda: Lamp(power_w=1.0))
    size: tuple[int, int] = setting((3, 4), "size", low=1)


@dataclass(frozen=True)
class Shelf:
    heights_px: tuple[int, ...] = setting((), "heights", low=1, high=9, most=2)
    names: tuple[str, ...] = setting(("a",), "names", live=True)
    weight_kg: float = setting(1.0, "weight", high=5.0)
    is_full: bool = setting(False, "full")


@dataclass(frozen=True)
class House:
    room: Room = field(default_factory=lambda: Room(lamp=Lamp(power_w=0.5)))


def test_a_nested_table_keeps_its_owners_other_defaults():
    assert from_table(Room, {"lamp": {"colour": "red"}}, "", "a.toml").lamp == Lamp(1.0, "red")
    assert from_table(House, {"room": {"lamp": {"colour": "red"}}}, "", "a.toml").room.lamp == Lamp(0.5, "red")
    assert from_table(Lamp, {"colour": "red"}, "", "a.toml") == Lamp(3.0, "red")


def test_a_row_of_numbers():
    assert from_table(Room, {"size": [5, 6]}, "", "a.toml").size == (5, 6)


@pytest.mark.parametrize(
    "table, message",
    [
        pytest.param({"size": [5]}, r"a\.toml: size = \[5\]: expected a list of 2, each", id="too short"),
        pytest.param({"size": 5}, r"size = 5: expected a list of 2", id="no list"),
        pytest.param({"size": [5, 0]}, r"size\[1\] = 0: expected .* at least 1", id="out of range"),
        pytest.param({"size": [5, "6"]}, r"size\[1\] = '6'", id="wrong type"),
        pytest.param({"lamp": 3}, r"lamp = 3: expected a table", id="no table"),
    ],
)
def test_bad_rows_and_tables(table, message):
    with pytest.raises(ConfigError, match=message):
        from_table(Room, table, "", "a.toml")


@pytest.mark.parametrize(
    "table, message",
    [
        (
            {"heights_px": [1, 2, 3]},
            r"heights_px = \[1, 2, 3\]: expected a list of at most 2, each a whole number from 1 to",
        ),
        ({"heights_px": [0]}, r"heights_px\[0\] = 0: expected a whole number from 1 to 9"),
        ({"names": "a"}, r"names = 'a': expected a list, each text"),
        ({"names": ["a", 1]}, r"names\[1\] = 1: expected text"),
        ({"weight_kg": 5.5}, r"weight_kg = 5.5: expected a number of at most 5.0"),
    ],
)
def test_bad_lists_and_numbers_beyond_one_limit(table, message):
    with pytest.raises(ConfigError, match=message):
        from_table(Shelf, table, "", "a.toml")


def test_lists_up_to_their_longest():
    assert from_table(Shelf, {"heights_px": [1, 9], "names": []}, "", "a.toml") == Shelf((1, 9), ())


def test_every_setting_with_its_path_value_and_rules():
    found = {one.path: one for one in settings_of(House())}
    assert [*found] == ["room.lamp.power_w", "room.lamp.colour", "room.size"]
    power = found["room.lamp.power_w"]
    assert (power.kind, power.value, power.rules.explain, power.rules.low) == (float, 0.5, "power", 0.0)


def test_what_a_setting_allows_in_few_words():
    allowed = {one.path: one.allowed for one in settings_of(Shelf())}
    assert allowed == {
        "heights_px": "at most 2 numbers, each 1 to 9",
        "names": "any number of texts",
        "weight_kg": "at most 5.0",
        "is_full": "true or false",
    }
    assert [one.allowed for one in settings_of(Lamp())] == ["at least 0.0", ""]
    assert [one.path for one in settings_of(Shelf()) if one.rules.live] == ["names"]
