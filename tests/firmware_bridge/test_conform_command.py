"""`edge-bridge conform` as a person runs it: processes, pseudo terminals, and a head that a stranger wrote in C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from firmware_bridge.cli import parser
from firmware_bridge.conform.page import PAGE, with_checks
from firmware_bridge.conform.suite import CHECKS
from firmware_bridge.conform_command import chosen_checks, report_of, run_conform
from firmware_bridge.device.c_device import compiler
from firmware_bridge.device.device import PythonDevice
from firmware_bridge.device.interface import Identity
from firmware_bridge.errors import PortError, UsageError
from tests.doubles import faulty_heads
from tests.doubles.head_line import HeadLine
from tests.doubles.line_bench import NEEDS_COMPILER
from tests.doubles.waiting import GUARD_S, wait_until
from tests.firmware_bridge.simulated import edge_bridge, simulated

COMMAND = [sys.executable, "-m", "firmware_bridge.cli", "conform"]
STRANGER = Path(__file__).parents[1] / "doubles" / "stranger_head.c"
SOME = ["vectors-valid", "vectors-damaged", "resync", "exactly-once", "reset-restarts", "light-dims"]


def words(*more: str, keys: Path) -> Namespace:
    return parser().parse_args(["conform", "--port", "none", "--keys", str(keys), *more])


def run_on(line: HeadLine, tmp_path: Path, *more: str) -> int:
    args = words(*more, keys=tmp_path)
    return report_of(line, args, chosen_checks(args.only), "here")


def test_a_right_head_gives_0_and_a_report(tmp_path, capsys):
    report = tmp_path / "head.txt"
    line = HeadLine(PythonDevice(Identity(num_leds=2)))
    assert run_on(line, tmp_path, "--report", str(report), "--only", *SOME) == 0
    shown = capsys.readouterr().out
    assert "SIM-0001, firmware 1.0.0, 2 lights, protocol 1.0 on here\n6 checks, about " in shown
    assert "Ctrl-C ends the test and puts both out" in shown
    assert "pass            light-dims                after 2.2 s of silence: 100 100 permille, dimmed" in shown
    assert "\nlight and heater are off\n\n6 passed, 0 failed, 0 not applicable\n" in shown
    assert "6 passed, 0 failed, 0 not applicable" in report.read_text()


def test_a_broken_rule_gives_1_and_is_said_with_what_was_measured(tmp_path, capsys):
    line = HeadLine(faulty_heads.NeverDims(Identity(num_leds=2)))
    assert run_on(line, tmp_path, "--only", "light-dims") == 1
    shown = capsys.readouterr().out
    assert "fail            light-dims                after 2.2 s of silence: 300 300 permille, normal" in shown
    assert "expected at most 100 permille, dimmed\n" in shown
    assert "the rule: 2 s without a HEARTBEAT: the light gives 10% at most." in shown
    assert "0 passed, 1 failed (light-dims)" in shown


def test_json_is_the_report_and_nothing_else(tmp_path, capsys):
    kept = tmp_path / "head.json"
    line = HeadLine(PythonDevice())
    assert run_on(line, tmp_path, "--json", "--report", str(kept), "--only", "hello", "nonce") == 0
    record = json.loads(capsys.readouterr().out)
    assert record == json.loads(kept.read_text())
    assert [(row["name"], row["verdict"]) for row in record["checks"]] == [
        ("hello", "pass"),
        ("nonce", "not applicable"),
    ]
    assert record["passed"] and record["ending"] == "light and heater are off"


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, BrokenPipeError])
def test_light_and_heater_are_off_after_an_interruption(interruption, tmp_path, capsys):
    class Interrupted(HeadLine):
        """Ctrl-C in the middle of a silence, once, with the light on."""

        def read(self, until_s):
            if self.num_restarts == 0 and self.outputs and self.outputs.led_permille[0] and until_s - self.now_s() > 2:
                self.most_light = 0
                self.read = super().read
                raise interruption
            return super().read(until_s)

    line = Interrupted(PythonDevice(Identity(num_leds=2)))
    with pytest.raises(interruption):
        run_on(line, tmp_path, "--only", "light-dims")
    assert "light and heater are off" in capsys.readouterr().out
    assert line.outputs is not None
    assert (line.outputs.led_permille, line.outputs.heater_permille) == ((0, 0, 0, 0), 0)


def test_light_and_heater_are_put_out_when_the_plug_comes_back(tmp_path, capsys):
    class Unplugged(HeadLine):
        """The port goes away in the middle of a silence, and comes back."""

        is_away = False

        def read(self, until_s):
            if self.outputs and self.outputs.led_permille[0] and until_s - self.now_s() > 2:
                self.is_away = True
            if self.is_away:
                raise PortError("none: unplugged")
            return super().read(until_s)

        def reopen(self):
            self.is_away = False

    line = Unplugged(PythonDevice(Identity(num_leds=2)))
    with pytest.raises(PortError, match="here: went away and came back in light-dims, which tells nothing"):
        run_on(line, tmp_path, "--only", "hello", "light-dims", "--report", str(tmp_path / "head.txt"))
    told = capsys.readouterr().out
    assert "the port went away: none: unplugged" in told and "the rule:" not in told
    assert "1 passed, 0 failed, 0 not applicable, 1 lost port (light-dims)" in (tmp_path / "head.txt").read_text()
    assert line.outputs is not None
    assert line.outputs.led_permille == (0, 0, 0, 0)


def test_a_port_that_stays_away_says_when_the_light_goes_out(tmp_path, capsys):
    class Gone(HeadLine):
        def read(self, until_s):
            if self.outputs and self.outputs.led_permille[0] and until_s - self.now_s() > 2:
                self.reopen = self.write = self.read = self._gone
                self._gone()
            return super().read(until_s)

        def _gone(self, *args):
            raise PortError("none: went away and did not come back within 10 s")

    with pytest.raises(PortError, match="did not come back"):
        line = Gone(PythonDevice(Identity(num_leds=2)))
        run_on(line, tmp_path, "--only", "hello", "light-dims", "light-returns", "--report", str(tmp_path / "head.txt"))
    assert "dark 10 s after the last heartbeat" in capsys.readouterr().out
    assert "1 passed, 0 failed, 0 not applicable, 1 lost port (light-dims)" in (tmp_path / "head.txt").read_text()


def test_a_line_with_no_head_is_said_in_one_line(tmp_path):
    class Silent(HeadLine):
        def _step(self):
            self._down = b""

    class Garbage(HeadLine):
        def _step(self):
            self._up = [(self._now_s, b"boot ok\r\n\0")]

    with pytest.raises(PortError, match=r"here: not a byte came: what is on this port is no camera head, or has no"):
        run_on(Silent(PythonDevice()), tmp_path)
    with pytest.raises(PortError, match=r"here: answers with what is no frame \(\d+ bytes came\): another --baud, or"):
        run_on(Garbage(PythonDevice()), tmp_path)


@pytest.mark.parametrize(
    "more, message",
    [
        (["--only", "light-dim"], "--only 'light-dim': did you mean 'light-dims'"),
        (["--only", "zzz"], "edge-bridge conform --list names the checks"),
        (["--report", "none/head.txt"], "there is no folder"),
    ],
)
def test_wrong_words_are_refused_before_the_port_is_opened(more, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        run_conform(words(*more, keys=tmp_path))


def test_the_list_names_each_check(capsys):
    assert edge_bridge("conform", "--list") == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == [check.name for check in CHECKS]


def test_the_page_has_each_check_with_its_rule():
    assert PAGE.read_text() == with_checks(PAGE.read_text()), "python -m firmware_bridge.conform.page"


@pytest.fixture
def stranger(tmp_path):
    """The port of a head that was written from the page alone, and runs with sanitizers."""
    program = tmp_path / "stranger"
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined"]
    subprocess.run([compiler(), *flags, "-o", program, STRANGER], check=True)
    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process.stdout.readline().strip()
    process.stdin.close()
    assert process.wait(GUARD_S) == 0


@NEEDS_COMPILER
@pytest.mark.parametrize("only", [["--only", *SOME], pytest.param([], marks=pytest.mark.slow)], ids=["some", "all"])
def test_a_head_that_a_stranger_wrote_in_c_keeps_the_rules(only, stranger, tmp_path):
    command = [*COMMAND, "--port", stranger, "--json", *only]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=GUARD_S, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    record = json.loads(ran.stdout)
    assert record["serial"] == "STRANGER"
    assert sum(row["verdict"] == "pass" for row in record["checks"]) == (len(SOME) if only else 45)


@pytest.mark.slow
def test_the_simulator_keeps_every_rule_on_its_port(tmp_path):
    port = tmp_path / "head"
    with simulated(port):
        ran = subprocess.run(
            [*COMMAND, "--port", str(port)], capture_output=True, text=True, timeout=GUARD_S, check=False
        )
    assert ran.returncode == 0, ran.stdout


def test_ctrl_c_puts_the_light_out_on_the_port(tmp_path):
    port = tmp_path / "head"
    with simulated(port) as simulator:
        process = subprocess.Popen(
            [*COMMAND, "--port", str(port), "--only", "light-goes-out"], stdout=subprocess.PIPE, text=True
        )
        wait_until(lambda: process.poll() is not None or (simulator.outputs and simulator.outputs.led_permille[0]))
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        shown, _ = process.communicate(timeout=GUARD_S)
        assert process.returncode == 130
        assert "light and heater are off" in shown
        assert simulator.outputs is None or not any(simulator.outputs.led_permille)
