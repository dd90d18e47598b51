"""The firmware's status in a session, from a simulated head on a real pseudo terminal."""

import json

import pytest

from calib.capture.firmware import firmware_status
from calib.cli import main
from edge.basics.errors import DeviceMissing
from edge.config import BridgeConfig
from firmware_bridge.device.device import PythonDevice
from firmware_bridge.device.interface import Identity
from firmware_bridge.device.simulator import Simulator, Switches


@pytest.fixture
def port(tmp_path):
    device = PythonDevice(Identity(serial="HEAD-7", num_leds=2))
    with Simulator(device, tmp_path / "head", switches=Switches(fps=50), seed=1):
        yield tmp_path / "head"


def test_without_a_bridge_there_is_none():
    assert firmware_status(BridgeConfig()) is None


def test_a_session_tells_the_firmware(port, tmp_path):
    (tmp_path / "edge.toml").write_text(f'[unit]\nserial = "A-1"\n[bridge]\nport = "{port}"\n')
    source = "demo:?unit=A-1&pace=free"
    arguments = ["capture", "dark", "-o", tmp_path / "dark", "--config", tmp_path / "edge.toml", "--source", source]
    assert main([str(one) for one in (*arguments, "--headless", "--frames", 1)]) == 0
    firmware = json.loads((tmp_path / "dark" / "session.json").read_text())["firmware"]
    assert firmware["identity"]["serial"] == "HEAD-7"
    assert firmware["status"]["supply_mv"] > 0


def test_a_head_that_does_not_answer_is_said(tmp_path):
    with pytest.raises(DeviceMissing, match=r"bridge.port = '.*nothing'"):
        firmware_status(BridgeConfig(port=str(tmp_path / "nothing")))
