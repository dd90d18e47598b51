"""The bridge over a real pseudo terminal, with the simulated camera head at its other end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firmware_bridge.device.faulty_line import LineFaults
from firmware_bridge.device.simulator import Simulator, Switches
from firmware_bridge.errors import CommandFailed, PortError, Refused
from firmware_bridge.host import ports
from firmware_bridge.host.bridge import Bridge
from firmware_bridge.host.ports import SerialLine, chosen_port
from firmware_bridge.wire.layout import Message
from firmware_bridge.wire.messages import (
    Ack,
    Button,
    ButtonAction,
    Fault,
    FrameSync,
    LightState,
    Param,
    Ping,
    ResetCause,
    SetHeater,
    SetLed,
    SetParam,
)
from tests.doubles.line_bench import BOTH_DEVICES, made_device
from tests.doubles.patient_line import patient_line  # noqa: F401 - a fixture
from tests.doubles.waiting import GUARD_S

NUM_PRESSES = 6
"""Of which one is short, however busy the machine is."""


def wait_until(done: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(GUARD_S * 200):
        if done():
            return
        pause.wait(0.005)
    raise AssertionError("what was waited for did not come")


class Rig:
    """A simulated head and a bridge to it."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.bridge = Bridge(str(simulator.path))
        self.events: list[object] = []
        self.bridge.subscribe(lambda event, now_ns: self.events.append(event))
        self.bridge.start()
        wait_until(lambda: self.bridge.snapshot().status is not None)

    def ask(self, message: Message) -> Message:
        return self.bridge.command(message, GUARD_S)

    @property
    def actions(self) -> list[int]:
        return [event.action for event in self.events if isinstance(event, Button)]

    def actions_of_a_press(self, seconds: float = 0.1) -> list[int]:
        """Of a short one: again where the machine stood still meanwhile, and the head took it for a long one."""
        for _ in range(NUM_PRESSES):
            num_before = len(self.actions)
            self.simulator.press(seconds)
            wait_until(lambda num=num_before: len(self.actions) >= num + 2)
            told = self.actions[num_before:]
            if told != [ButtonAction.PRESS, ButtonAction.LONG_PRESS]:
                break
        return told


@pytest.fixture(params=BOTH_DEVICES)
def make_rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    rigs: list[Rig] = []

    def make(faults: LineFaults = LineFaults(), speed: float = 1.0) -> Rig:  # noqa: B008
        device = made_device(request.param)
        simulator = Simulator(device, tmp_path / "head", faults, speed=speed, seed=4, switches=Switches(fps=50))
        simulator.__enter__()
        try:
            rigs.append(Rig(simulator))
        except BaseException:
            simulator.__exit__()
            raise
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.bridge.close()
        rig.simulator.__exit__()


def test_commands_status_and_events(make_rig):
    rig = make_rig()
    assert rig.ask(SetLed(1, 500)) == Ack(SetLed.TYPE)
    wait_until(lambda: rig.bridge.snapshot().status.led_permille == (0, 500, 0, 0))
    snapshot = rig.bridge.snapshot()
    assert snapshot.open
    assert snapshot.identity.serial == "SIM-0001"
    wait_until(lambda: rig.bridge.snapshot().status_age_s < 2)
    assert rig.actions_of_a_press() == [ButtonAction.PRESS, ButtonAction.RELEASE]
    wait_until(lambda: sum(isinstance(event, FrameSync) for event in rig.events) > 3)
    with pytest.raises(Refused, match="over limit"):
        rig.ask(SetHeater(900))


def test_exposures_are_given_in_host_time(make_rig):
    rig = make_rig()
    wait_until(lambda: sum(isinstance(event, FrameSync) for event in rig.events) > 5)

    def is_of_now() -> bool:
        sync = next(event for event in reversed(rig.events) if isinstance(event, FrameSync))
        host_ns, uncertainty_ns = rig.bridge.host_ns(sync.exposure_start_us), rig.bridge.clock_uncertainty_ns
        ago_ns = time.monotonic_ns() - host_ns
        assert ago_ns > -uncertainty_ns
        return ago_ns < 2e9 and uncertainty_ns < 60e6

    wait_until(is_of_now)


def test_a_pulled_plug_is_noticed_and_the_link_comes_back(make_rig):
    rig = make_rig()
    rig.simulator.unplug()
    wait_until(lambda: not rig.bridge.snapshot().open)
    with pytest.raises(CommandFailed, match="was not sent"):
        rig.bridge.command(Ping(1))
    wait_until(lambda: "no such port" in rig.bridge.snapshot().error)
    assert rig.bridge.snapshot().identity.serial == "SIM-0001", "still known by name"
    assert rig.bridge.snapshot().status is None, "no old status is shown as the present one"
    rig.simulator.plug()
    wait_until(lambda: rig.bridge.snapshot().open)
    assert rig.bridge.snapshot().num_reconnects == 1
    assert rig.ask(Ping(2)) == Ping(2)


def test_a_restarted_device_is_greeted_again(make_rig):
    rig = make_rig()
    rig.simulator.reboot(ResetCause.WATCHDOG)
    wait_until(lambda: rig.bridge.snapshot().num_reconnects == 1)
    wait_until(lambda: rig.bridge.snapshot().status is not None)
    status = rig.bridge.snapshot().status
    assert status.reset_cause == ResetCause.WATCHDOG
    assert status.faults == Fault.WATCHDOG


@pytest.mark.slow
def test_a_device_that_hangs_and_recovers(make_rig, patient_line):  # noqa: F811
    rig = make_rig()
    patient_line()
    rig.simulator.switches.hang = True
    wait_until(lambda: not rig.bridge.snapshot().open)
    assert rig.bridge.snapshot().error
    rig.simulator.switches.hang = False
    wait_until(lambda: rig.bridge.snapshot().open)


def test_a_storm_of_naks_fails_commands_and_is_survived(make_rig, patient_line):  # noqa: F811
    rig = make_rig()
    patient_line()
    rig.simulator.switches.nak_storm = True
    with pytest.raises(CommandFailed):
        rig.bridge.command(SetParam(Param.SYNC_DELAY_US, 3))
    rig.simulator.switches.nak_storm = False
    wait_until(lambda: rig.bridge.snapshot().open)
    wait_until(lambda: _succeeds(rig.bridge, SetParam(Param.SYNC_DELAY_US, 4)))
    assert rig.simulator.outputs.sync_delay_us == 4


def _succeeds(bridge, message):
    try:
        bridge.command(message)
    except CommandFailed:
        return False
    return True


@pytest.mark.slow
def test_a_bad_cable_slows_but_does_not_stop(make_rig):
    rig = make_rig()
    rig.simulator.set_faults(LineFaults(drop=0.01, corrupt=0.01, duplicate=0.01))
    done = [number for number in range(16) if _succeeds(rig.bridge, SetParam(Param.SYNC_DELAY_US, number))]
    assert len(done) > 8
    assert rig.bridge.snapshot().counts["retries"] > 0
    assert rig.actions_of_a_press(0.15) == [ButtonAction.PRESS, ButtonAction.RELEASE]


@pytest.mark.slow
def test_light_dims_and_goes_out_behind_the_pty_when_the_host_dies(make_rig):
    rig = make_rig(speed=2)  # a heartbeat is due every 2 s of the device's time and comes every second

    def is_on() -> bool:
        """Told again where a heartbeat came so late that both went down."""
        rig.ask(SetLed(0, 900))
        rig.ask(SetHeater(500))
        outputs = rig.simulator.outputs
        return (outputs.led_permille[0], outputs.heater_permille) == (900, 500)

    wait_until(is_on)
    rig.bridge.close()
    seen = [(900, 500)]

    def note() -> bool:
        outputs = rig.simulator.outputs
        if (outputs.led_permille[0], outputs.heater_permille) != seen[-1]:
            seen.append((outputs.led_permille[0], outputs.heater_permille))
        return outputs.light_state == LightState.DARK

    wait_until(note)
    assert seen == [(900, 500), (100, 0), (0, 0)]


@pytest.mark.slow
def test_the_heater_clears_the_fogged_window(make_rig):
    rig = make_rig(speed=3)
    rig.simulator.switches.surroundings.fog = 0.4
    wait_until(lambda: rig.simulator.switches.surroundings.fog > 0.5)
    around = rig.simulator.switches.surroundings
    rig.ask(SetHeater(800))
    around.window_celsius = 33.0  # as after a minute of heating

    def is_clear() -> bool:
        rig.ask(SetHeater(800))  # it goes off where a heartbeat comes late
        return around.fog < 0.3

    wait_until(is_clear)


def test_over_temperature_reaches_the_host_as_a_fault(make_rig):
    rig = make_rig()
    rig.simulator.switches.surroundings.extra_window_celsius = 25.0
    wait_until(lambda: rig.bridge.snapshot().status.faults & Fault.OVER_TEMPERATURE)


def test_subscribers_may_send_commands_and_their_defects_are_survived(make_rig, tmp_path):
    rig = make_rig()
    bridge = Bridge(str(rig.simulator.path))
    rig.bridge.close()
    answers = []

    def answer_presses(event, now_ns):
        if isinstance(event, Button):
            bridge.submit(Ping(event.action)).add_done_callback(lambda future: answers.append(future.result()))
        raise ZeroDivisionError("a defect of a subscriber")

    bridge.subscribe(answer_presses)
    bridge.start()
    wait_until(lambda: bridge.snapshot().status is not None)
    for _ in range(NUM_PRESSES):
        answers.clear()
        rig.simulator.press()
        wait_until(lambda: len(answers) >= 2)
        if answers[1] != Ping(ButtonAction.LONG_PRESS):
            break
    assert answers == [Ping(ButtonAction.PRESS), Ping(ButtonAction.RELEASE)]
    assert bridge.snapshot().open
    bridge.close()


# ---- ports


def test_a_second_program_learns_that_the_port_is_taken(make_rig):
    rig = make_rig()
    with pytest.raises(PortError, match="another program has it open"):
        SerialLine(rig.simulator.path, 115_200)


def test_a_missing_port_is_named(tmp_path):
    with pytest.raises(PortError, match=r"nothing: no such port; is the camera head plugged in\?"):
        chosen_port(str(tmp_path / "nothing"))


def test_a_file_is_no_port(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(PortError, match="no serial port"):
        SerialLine(tmp_path / "file", 115_200)


def test_without_permission_the_group_and_the_rule_are_named(tmp_path, monkeypatch):
    path = tmp_path / "tty"
    path.write_text("")

    def refuse(*args, **options):
        raise ports.serial.SerialException(13, "Permission denied")

    monkeypatch.setattr(ports.serial, "Serial", refuse)  # root may open anything
    group = ports.grp.getgrgid(path.stat().st_gid).gr_name
    with pytest.raises(PortError) as caught:
        SerialLine(path, 115_200)
    assert f"usermod -aG {group}" in str(caught.value)
    assert "70-edge-camera-head.rules" in str(caught.value)
    assert ports.UDEV_RULE.exists()


def test_auto_takes_the_fixed_name_or_the_only_port_and_never_guesses(tmp_path, monkeypatch):
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    fixed = tmp_path / "edge-camera-head"
    monkeypatch.setattr(ports, "BY_ID", by_id)
    monkeypatch.setattr(ports, "FIXED_NAME", fixed)
    with pytest.raises(PortError, match="is the camera head plugged in"):
        chosen_port("auto")
    (by_id / "usb-A").symlink_to("/dev/null")
    assert chosen_port("auto") == by_id / "usb-A"
    assert chosen_port("usb-A") == by_id / "usb-A"
    (by_id / "usb-B").symlink_to("/dev/zero")
    with pytest.raises(PortError, match=r"several serial ports \(usb-A, usb-B\)"):
        chosen_port("auto")
    fixed.symlink_to("/dev/null")
    assert chosen_port("auto") == fixed


@pytest.mark.slow
def test_something_that_is_no_camera_head_is_named_within_seconds(tmp_path, patient_line):  # noqa: F811
    patient_line()
    master, slave = os.openpty()
    bridge = Bridge(os.ttyname(slave))
    try:
        bridge.start()
        wait_until(lambda: bridge.failed_to_open)
        assert "no HELLO within 2 s" in bridge.snapshot().error
    finally:
        bridge.close()
        os.close(master)
        os.close(slave)
