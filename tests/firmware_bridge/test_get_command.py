"""`edge-bridge get`: every value that the head has."""

from __future__ import annotations

import json

import pytest

from firmware_bridge.errors import UsageError
from firmware_bridge.get_command import NAMES, chosen_names
from tests.firmware_bridge.simulated import edge_bridge, simulated


def test_every_value_is_told_in_words_and_for_programs(tmp_path, capsys):
    port = str(tmp_path / "head")
    with simulated(tmp_path / "head"):
        edge_bridge("get", "--port", port)
        table = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
        edge_bridge("get", "--port", port, "--json")
        record = json.loads(capsys.readouterr().out)
        edge_bridge("get", "heater-limit-permille", "--port", port)
        assert capsys.readouterr().out == "800\n"
    assert [name.replace("-", "_") for name in table] == list(record) == list(NAMES)
    assert table["led-limit-permille"] == "1000  (0 to 1000)"
    assert table["protocol"] == "1.0"
    assert record["led_permille"] == [0, 0]
    assert record["capabilities"] == ["heater", "button", "frame sync", "humidity"]
    assert record["sync_delay_us"] == 0


def test_a_value_that_is_not_known_is_named_with_the_nearest():
    with pytest.raises(UsageError, match="get 'heter': did you mean 'heater-permille'"):
        chosen_names(["heter"])
