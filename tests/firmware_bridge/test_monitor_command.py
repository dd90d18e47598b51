"""`edge-bridge monitor`: events in words, or an object a line."""

from __future__ import annotations

import json

import pytest

from firmware_bridge.errors import UsageError
from firmware_bridge.host.texts import event_text
from firmware_bridge.monitor_command import event_record
from firmware_bridge.wire.messages import Button, FaultEvent, FrameSync
from tests.firmware_bridge.simulated import edge_bridge, simulated


@pytest.mark.parametrize(
    "event, text, record",
    [
        (
            Button(1, 2_500_000),
            "button pressed, 2.50 s after the head's start",
            {"event": "button", "action": "press", "time_us": 2_500_000},
        ),
        (
            FaultEvent(1, 5, 10_000),
            "fault: over temperature came, supply low went, 0.01 s after the head's start",
            {"event": "fault", "faults": ["over temperature"], "changed": ["over temperature", "supply low"]},
        ),
        (Button(9, 0), "button action 9, 0.00 s after the head's start", {"action": "unknown (9)"}),
        (FrameSync(3, 1, 2), "FrameSync", {"event": "exposure", "counter": 3}),
    ],
)
def test_an_event_in_words_and_for_programs(event, text, record):
    assert event_text(event) == text
    assert event_record(event).items() >= record.items()


def test_json_is_an_object_a_line(tmp_path, capsys):
    with simulated(tmp_path / "head"):
        edge_bridge("monitor", "--json", "--seconds", "2", "--port", str(tmp_path / "head"))
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all(set(record) == {"state"} for record in records)
    assert "open" in records[-1]["state"]


def test_no_time_is_refused():
    with pytest.raises(UsageError, match="--seconds 0: expected more than 0"):
        edge_bridge("monitor", "--seconds", "0")
