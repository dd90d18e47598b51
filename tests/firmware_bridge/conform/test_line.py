"""The port of a head under test, which may go away at a restart and come back."""

from __future__ import annotations

import threading

import pytest

from firmware_bridge.conform import line as lines
from firmware_bridge.conform.line import PortLine
from firmware_bridge.conform.probe import Probe
from firmware_bridge.conform.suite import met
from firmware_bridge.errors import PortError
from tests.firmware_bridge.simulated import simulated


def test_a_port_that_comes_back_is_used_again(tmp_path):
    with simulated(tmp_path / "head") as simulator:
        line = PortLine(str(tmp_path / "head"), 115_200)
        probe = Probe(line, tmp_path)
        assert met(probe).serial == "SIM-0001"
        simulator.unplug()
        with pytest.raises(PortError):
            for _ in range(100):
                probe.status()
        plug = threading.Timer(0.3, simulator.plug)
        plug.start()
        line.reopen()
        plug.join()
        assert met(probe).serial == "SIM-0001"
        line.close()


def test_a_port_that_stays_away_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "REOPEN_S", 0.2)
    with simulated(tmp_path / "head") as simulator:
        line = PortLine(str(tmp_path / "head"), 115_200)
        simulator.unplug()
        with pytest.raises(PortError, match=r"head: went away and did not come back within 0\.2 s"):
            line.reopen()


def test_reading_ends_at_its_time(tmp_path):
    with simulated(tmp_path / "head"):
        line = PortLine(str(tmp_path / "head"), 115_200)
        until_s = line.now_s() + 0.05
        assert line.read(until_s) == b""
        assert line.now_s() >= until_s
        line.close()
