"""`edge-bridge set` says what the head did, and refuses with the limit that holds."""

from __future__ import annotations

import pytest

from firmware_bridge import set_command
from firmware_bridge.device.device import PythonDevice
from firmware_bridge.device.interface import Identity
from firmware_bridge.device.simulator import Simulator, Switches
from firmware_bridge.errors import BridgeError, OutOfRange, Refused, UsageError
from firmware_bridge.set_command import command_from_words
from firmware_bridge.wire.messages import Capability, Param, SetHeater, SetLed, SetParam
from tests.firmware_bridge.simulated import edge_bridge, simulated


@pytest.mark.parametrize(
    "what, values, wanted",
    [
        ("led", ["all", "5"], [SetLed(0, 5), SetLed(1, 5), SetLed(2, 5)]),
        ("led", ["1", "5"], [SetLed(1, 5)]),
        ("heater", ["5"], [SetHeater(5)]),
        ("led-limit-permille", ["800"], [SetParam(Param.LED_LIMIT_PERMILLE, 800)]),
    ],
)
def test_words_become_messages(what, values, wanted):
    assert command_from_words(what, values, 3) == wanted


@pytest.mark.parametrize(
    "what, values, error, message",
    [
        ("heater", ["1", "2"], UsageError, "expected one number"),
        ("led", ["first", "5"], UsageError, "set led 'first': expected a channel, 0 to 3, or all"),
        ("led", ["all", "1200"], OutOfRange, "light 1200: expected 0 to 1000 permille"),
        ("heater", ["-1"], OutOfRange, "heater -1: expected 0 to 1000 permille"),
        ("sync-delay-us", ["20001"], OutOfRange, "sync-delay-us 20001: expected 0 to 20000"),
    ],
)
def test_what_no_head_takes_is_refused_with_its_range(what, values, error, message):
    with pytest.raises(error, match=message):
        command_from_words(what, values, 2)


def test_what_the_head_does_is_told_and_what_it_refuses_with_its_limit(tmp_path, capsys):
    port = ["--port", str(tmp_path / "head")]
    with simulated(tmp_path / "head") as simulator:
        edge_bridge("set", "led", "all", "600", *port)
        assert "light: 600 600 permille, not dimmed\n" in capsys.readouterr().out
        edge_bridge("set", "led-limit-permille", "300", *port)
        assert "led-limit-permille: 300, until the head restarts; light now 300 300" in capsys.readouterr().out
        with pytest.raises(Refused, match="light 400: 0 to 300 permille is what the head allows"):
            edge_bridge("set", "led", "0", "400", *port)
        with pytest.raises(Refused, match="heater 801: 0 to 800 permille is what the head allows"):
            edge_bridge("set", "heater", "801", *port)
        simulator.switches.surroundings.extra_window_celsius = 25.0
        edge_bridge("set", "led", "all", "250", *port)
        told = capsys.readouterr().out
        assert "asked for 250 permille, the head gives 100 100 permille, dimmed to 10%" in told
        assert "too hot; let it cool, then edge-bridge reset" in told
        with pytest.raises(Refused, match=r"heater 200: the head was too hot \(window .* C\); let it cool"):
            edge_bridge("set", "heater", "200", *port)


def test_a_head_without_a_heater_is_named(tmp_path):
    capabilities = Identity().capabilities & ~Capability.HEATER
    with (
        simulated(tmp_path / "head", Identity(capabilities=capabilities, num_leds=0)),
        pytest.raises(BridgeError, match="SIM-0001: this camera head has no heater"),
    ):
        edge_bridge("set", "heater", "5", "--port", str(tmp_path / "head"))


class Clips(PythonDevice):
    """Takes any light and gives half."""

    def step(self, *args, **more):
        self._safety.asked_led_permille[:] = [min(level, 50) for level in self._safety.asked_led_permille]
        return super().step(*args, **more)


def test_a_head_that_clips_is_told(tmp_path, capsys):
    with Simulator(Clips(Identity(num_leds=1)), tmp_path / "head", switches=Switches(fps=0)):
        edge_bridge("set", "led", "0", "300", "--port", str(tmp_path / "head"))
    assert "asked for 300 permille, the head gives 50 permille, not dimmed (clipped by the head)" in (
        capsys.readouterr().out
    )


def test_hold_says_how_to_end_and_what_happens_then(tmp_path, capsys, monkeypatch):
    class Pause:
        """Ctrl-C at the first wait."""

        def wait(self, seconds):
            raise KeyboardInterrupt

    monkeypatch.setattr(set_command.threading, "Event", lambda: Pause())
    monkeypatch.setattr(set_command, "opened", None)
    monkeypatch.setattr(set_command, "_state", lambda bridge: "")
    set_command._hold(None, "led")
    begun, ended = capsys.readouterr().out.split("\n\n")
    assert begun == "held until you press Ctrl-C; then the light dims to 10% in 2 s and goes out in 10 s"
    assert ended == "no longer held: the light dims to 10% in 2 s and goes out in 10 s\n"
