"""Tables of TOML as frozen dataclasses."""

from dataclasses import dataclass, field

import pytest

from edge.basics.errors import ConfigError
from edge.basics.settings import from_table, setting


@dataclass(frozen=True)
class Lamp:
    power_w: float = setting(3.0, "power", low=0.0)
    colour: str = setting("white", "colour")


@dataclass(frozen=True)
class Room:
    """Its lamp is dimmer than lamps are."""

    lamp: Lamp = field(default_factory=lambda: Lamp(power_w=1.0))
    size: tuple[int, int] = field(default=(3, 4), metadata={"low": 1})


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
    "table, told",
    [
        pytest.param({"size": [5]}, r"a\.toml: size = \[5\]: expected a list of 2, each", id="too short"),
        pytest.param({"size": 5}, r"size = 5: expected a list of 2", id="no list"),
        pytest.param({"size": [5, 0]}, r"size\[1\] = 0: expected .* at least 1", id="out of range"),
        pytest.param({"size": [5, "6"]}, r"size\[1\] = '6'", id="wrong type"),
        pytest.param({"lamp": 3}, r"lamp = 3: expected a table", id="no table"),
    ],
)
def test_bad_rows_and_tables(table, told):
    with pytest.raises(ConfigError, match=told):
        from_table(Room, table, "", "a.toml")
