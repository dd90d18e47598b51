"""`edge-bridge simulate`: a camera head to develop and teach with, its faults on keys."""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import shlex
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from firmware_bridge.device.c_device import CDevice, compiler
from firmware_bridge.device.device import PythonDevice
from firmware_bridge.device.faulty_line import LineFaults
from firmware_bridge.device.interface import Device, Identity
from firmware_bridge.device.simulator import Simulator, Switches
from firmware_bridge.errors import UsageError
from firmware_bridge.wire.messages import Capability

KEYS = "b press, l long press, h hang, r reboot, u plug, n NAK storm, o too hot, m in the mouth, q quit"
_SHARES = ("drop", "corrupt", "duplicate", "repeat")


def add_simulate(commands: Any) -> None:
    """Add the subcommand to the parser of `edge-bridge`."""
    command = commands.add_parser(
        "simulate", help="play a camera head behind a pseudo terminal", epilog=f"keys: {KEYS}"
    )
    command.add_argument("path", nargs="?", type=Path, default=Path("camera-head"), help="name of the port to make")
    command.add_argument("--device", choices=("auto", "c", "python"), default="auto", help="auto: C where it compiles")
    command.add_argument("--serial", default="SIM-0001", help="serial number, at most 16 characters")
    command.add_argument("--leds", type=int, default=4, choices=range(5), help="light channels")
    command.add_argument("--pairing", action="store_true", help="firmware that can be paired")
    command.add_argument("--fps", type=float, default=30.0, help="exposures per second; 0 for none")
    for share in _SHARES:
        what = "writes sent twice" if share == "repeat" else f"bytes to {share}"
        command.add_argument(f"--{share}", type=float, default=0.0, metavar="SHARE", help=f"{what}, 0 to 1")
    command.add_argument("--delay-ms", type=float, default=0.0, help="what every write takes longer")
    command.add_argument("--jitter-ms", type=float, default=0.0, help="and up to so much more")
    command.add_argument("--speed", type=float, default=1.0, help="how much faster the device's clock runs")
    command.add_argument("--seconds", type=float, metavar="S", help="end after so long")


def check_name(path: Path) -> None:
    """Whether a port may be made under this name; what a simulator that was killed left behind may be replaced.

    Raises:
        UsageError: there is no such folder, or the name is in use.
    """
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UsageError(f"{path}: there is no folder {folder}; make it first")
    if not os.access(folder, os.W_OK):
        raise UsageError(f"{path}: nothing may be made in {folder}; name another folder")
    if path.exists() and path.is_symlink():
        raise UsageError(
            f"{path}: in use, it leads to {path.resolve()}; name another, or end the simulator there; "
            f"where none runs: rm {shlex.quote(str(path))}"
        )
    if path.exists():
        raise UsageError(f"{path}: is there already; name another")
    if path.is_symlink() and not str(path.readlink()).startswith("/dev/pts/"):
        raise UsageError(f"{path}: is a link to {path.readlink()}, which no simulator made; name another")


def made_device(kind: str, identity: Identity) -> Device:
    """The device in C, or, where no compiler is and none was asked for, the one in Python."""
    if kind == "python" or (kind == "auto" and compiler() is None):
        return PythonDevice(identity)
    return CDevice(identity)


def run_simulate(args: argparse.Namespace) -> int:
    for share in _SHARES:
        if not 0 <= getattr(args, share) <= 1:
            raise UsageError(f"--{share} {getattr(args, share)}: expected a share from 0 to 1")
    check_name(args.path)
    faults = LineFaults(args.drop, args.corrupt, args.duplicate, args.repeat, args.delay_ms, args.jitter_ms)
    capabilities = Identity().capabilities | (Capability.PAIRING if args.pairing else 0)
    device = made_device(args.device, Identity(args.serial[:16], args.leds, capabilities))
    kind = "Python" if isinstance(device, PythonDevice) else "C"
    switches = Switches(fps=args.fps)
    with (
        Simulator(device, args.path.absolute(), faults, speed=args.speed, switches=switches) as simulator,
        _keys() as key,
    ):
        sys.stdout.write(f"the device in {kind} listens on {args.path.absolute()}\nkeys: {KEYS}\n")
        sys.stdout.flush()
        left_s = float("inf") if args.seconds is None else args.seconds
        while left_s > 0:
            pressed = key(0.25)
            left_s -= 0.25
            if pressed == "q":
                break
            _switch(simulator, pressed)
            if sys.stdout.isatty():
                sys.stdout.write(f"\r\x1b[K{state_line(simulator)}")
                sys.stdout.flush()
    return 0


def state_line(simulator: Simulator) -> str:
    """One line: what the device does and how its window is."""
    outputs, around = simulator.outputs, simulator.switches.surroundings
    if not simulator.path.exists() or outputs is None:
        return "unplugged"
    wrong = [name for name in ("hang", "nak_storm", "pressed") if getattr(simulator.switches, name)]
    light = " ".join(str(level) for level in outputs.led_permille)
    return (
        f"light {light}  heater {outputs.heater_permille}  window {around.window_celsius:.1f} C  dew point "
        f"{around.dew_point_celsius:.1f} C  fog {around.fog:.0%}  faults {outputs.faults}  {' '.join(wrong)}"
    )


def _switch(simulator: Simulator, key: str) -> None:
    switches = simulator.switches

    def toggle_plug() -> None:
        if simulator.path.exists():
            simulator.unplug()
        else:
            simulator.plug()

    def toggle_heat() -> None:
        around = switches.surroundings
        around.extra_window_celsius = 0.0 if around.extra_window_celsius else 25.0

    def toggle_mouth() -> None:
        switches.surroundings.in_mouth = not switches.surroundings.in_mouth

    def toggle(name: str) -> Callable[[], None]:
        return lambda: setattr(switches, name, not getattr(switches, name))

    def press(seconds: float) -> Callable[[], None]:
        return lambda: threading.Thread(target=simulator.press, args=(seconds,), daemon=True).start()

    keys: dict[str, Callable[[], None]] = {
        "b": press(0.15),
        "l": press(1.2),
        "h": toggle("hang"),
        "n": toggle("nak_storm"),
        "r": simulator.reboot,
        "u": toggle_plug,
        "o": toggle_heat,
        "m": toggle_mouth,
    }
    keys.get(key, lambda: None)()


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """Gives a function that waits so long for a key; without a terminal letters come from a pipe, or none."""
    old = termios.tcgetattr(sys.stdin) if sys.stdin.isatty() else None
    if old is not None:
        tty.setcbreak(sys.stdin)
    pause, at_end = threading.Event(), False

    def key(timeout_s: float) -> str:
        nonlocal at_end
        if at_end:
            pause.wait(timeout_s)
            return ""
        ready, _, _ = select.select([sys.stdin], [], [], timeout_s)
        if not ready:
            return ""
        letter = os.read(sys.stdin.fileno(), 1).decode("ascii", "replace")  # a buffer would hide keys from select
        at_end = not letter
        return letter

    try:
        yield key
    finally:
        if old is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, old)
