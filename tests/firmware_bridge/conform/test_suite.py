"""Each check of `edge-bridge conform` passes on a head that keeps its rule, and fails on one that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from firmware_bridge.conform import event_checks, frame_checks, heater_checks, light_checks
from firmware_bridge.conform.probe import Probe
from firmware_bridge.conform.suite import CHECKS, OFF, met, put_out, rows
from firmware_bridge.conform.verdicts import FAIL, NOT_APPLICABLE, PASS, Row
from firmware_bridge.device import device, safety
from firmware_bridge.device.c_device import CDevice
from firmware_bridge.device.device import PythonDevice
from firmware_bridge.device.interface import Device, Identity, Sensors
from firmware_bridge.errors import PortError
from firmware_bridge.host import session
from firmware_bridge.host.keys import write_key
from firmware_bridge.wire.messages import Capability
from tests.doubles import faulty_heads as heads
from tests.doubles.head_line import HeadLine
from tests.doubles.line_bench import NEEDS_COMPILER

KEY = bytes(range(32))
TWO_LIGHTS = Identity(num_leds=2)
PLAIN = TWO_LIGHTS.capabilities
NAMES = [check.name for check in CHECKS]


@dataclass(frozen=True)
class Head:
    """Who is tested, and where it is."""

    identity: Identity = TWO_LIGHTS
    has_key: bool = False
    sensors: Callable[[float], Sensors] = lambda now_s: Sensors()
    presses: bool = False
    latency_s: float = 0.0


PLAIN_HEAD = Head()
PAIRED = Head(Identity(num_leds=2, capabilities=PLAIN | Capability.PAIRING), has_key=True)
BLIND = Head(sensors=lambda now_s: Sensors(window_centi_celsius=None))
HOT = Head(sensors=lambda now_s: Sensors(window_centi_celsius=4100))
COOLING = Head(sensors=lambda now_s: Sensors(board_centi_celsius=8500 if now_s < 1002 else 6000))
PRESSED = Head(presses=True)
FAULTY = Head(sensors=lambda now_s: Sensors(driver_faults=8))
COLD = Head(Identity(num_leds=2, capabilities=PLAIN & ~Capability.HEATER))

FAULTS: dict[str, tuple[type[PythonDevice], Head]] = {
    "vectors-valid": (heads.DropsLongFrames, PLAIN_HEAD),
    "vectors-damaged": (heads.TakesAnyChecksum, PLAIN_HEAD),
    "resync": (heads.LosesTheFrameAfterNoise, PLAIN_HEAD),
    "pieces": (heads.WantsAFrameInOnePiece, PLAIN_HEAD),
    "newer-minor": (heads.RefusesNewerMinors, PLAIN_HEAD),
    "wrong-version": (heads.ReadsEveryVersion, PLAIN_HEAD),
    "answer-time": (PythonDevice, Head(latency_s=0.1)),
    "no-session": (heads.NeedsNoSession, PLAIN_HEAD),
    "hello": (PythonDevice, Head(Identity(num_leds=5))),
    "hello-again": (heads.BeginsAnewAtEachHello, PLAIN_HEAD),
    "new-session": (heads.KeepsNumbersOverSessions, PLAIN_HEAD),
    "same-answer": (heads.RemembersNoAnswer, PLAIN_HEAD),
    "exactly-once": (heads.ActsOnCopies, PLAIN_HEAD),
    "old-seq": (heads.ActsOnOldNumbers, PLAIN_HEAD),
    "seq-wraps": (heads.ComparesNumbersPlainly, PLAIN_HEAD),
    "unknown-type": (heads.IgnoresUnknownTypes, PLAIN_HEAD),
    "bad-length": (heads.TakesLongerPayloads, PLAIN_HEAD),
    "unanswered": (heads.AnswersAck, PLAIN_HEAD),
    "status": (heads.OddLightState, PLAIN_HEAD),
    "clock": (heads.CountsMilliseconds, PLAIN_HEAD),
    "params": (heads.SetsNoParam, PLAIN_HEAD),
    "param-defaults": (heads.OddDefault, PLAIN_HEAD),
    "param-range": (heads.ClipsParams, PLAIN_HEAD),
    "no-such-param": (heads.KnowsEveryParam, PLAIN_HEAD),
    "reset-answered": (heads.RestartsWithoutAnAnswer, PLAIN_HEAD),
    "reset-restarts": (heads.SaysPowerOn, PLAIN_HEAD),
    "reset-forgets": (heads.KeepsParams, PLAIN_HEAD),
    "light-off-at-start": (heads.KeepsLightOverARestart, PLAIN_HEAD),
    "light-as-asked": (heads.HearsNoHeartbeat, PLAIN_HEAD),
    "light-dims": (heads.NeverDims, PLAIN_HEAD),
    "light-goes-out": (heads.NeverGoesOut, PLAIN_HEAD),
    "light-returns": (heads.ForgetsTheLight, PLAIN_HEAD),
    "only-heartbeats": (heads.AnythingIsAHeartbeat, PLAIN_HEAD),
    "light-range": (heads.TakesLightBeyondRange, PLAIN_HEAD),
    "light-channel": (heads.TakesAnyChannel, PLAIN_HEAD),
    "light-limit": (heads.TakesLightOverTheLimit, PLAIN_HEAD),
    "light-limit-at-once": (heads.LimitsOnlyWhatComes, PLAIN_HEAD),
    "heater-off-at-start": (heads.KeepsHeatOverARestart, PLAIN_HEAD),
    "heater-as-asked": (heads.HearsNoHeartbeat, PLAIN_HEAD),
    "heater-off-when-silent": (heads.HeatsInSilence, PLAIN_HEAD),
    "heater-without-sensor": (heads.HeatsInSilence, BLIND),
    "heater-range": (heads.TakesHeatBeyondRange, PLAIN_HEAD),
    "heater-limit": (heads.TakesHeatOverTheLimit, PLAIN_HEAD),
    "heater-limit-at-once": (heads.LimitsOnlyWhatComes, PLAIN_HEAD),
    "no-heater": (heads.TakesHeatWithoutAHeater, COLD),
    "hot-is-told": (heads.NeverTooHot, HOT),
    "over-temperature": (heads.BrightWhenHot, HOT),
    "hot-until-reset": (heads.CoolsDown, COOLING),
    "no-event-without-session": (heads.TalksWithoutASession, PLAIN_HEAD),
    "event-repeats": (heads.TellsOnce, FAULTY),
    "event-ends": (heads.HearsNoAck, PRESSED),
    "button": (heads.KnowsNoLongPress, PRESSED),
    "frame-sync": (heads.TellsExposuresTwice, PLAIN_HEAD),
    "no-pairing": (heads.KnowsNonces, PLAIN_HEAD),
    "nonce": (heads.SameNonce, PAIRED),
    "pair-needs-button": (heads.PairsWithAnybody, PAIRED),
    "unsigned": (heads.ObeysTheUnsigned, PAIRED),
    "wrong-tag": (heads.ChecksNoTag, PAIRED),
    "old-counter": (heads.TakesOldCounters, PAIRED),
    "unsigned-heartbeat": (heads.UnsignedHeartbeatsFeed, PAIRED),
    "dark-session": (heads.LitFromTheStart, PAIRED),
}
"""For each check a head that breaks its rule."""


def probe_of(tested: Device, head: Head, keys: Path) -> Probe:
    """A probe on a line to the head, whose button somebody presses for 2 s when asked."""
    asked_s: list[float] = []
    line = HeadLine(
        tested,
        sensors=head.sensors,
        pressed=lambda now_s: any(asked + 0.3 <= now_s < asked + 2.3 for asked in asked_s),
        latency_s=head.latency_s,
    )
    probe = Probe(line, keys)
    if head.presses:
        probe.person = lambda text: asked_s.append(line.now_s())
    return probe


def python_device(kind: type[PythonDevice], head: Head, keys: Path) -> PythonDevice:
    made = kind(head.identity)
    if head.has_key:
        write_key(keys, head.identity.serial, KEY)
        assert made._pairing.flash is not None
        made._pairing.flash.key = KEY
    return made


def tried(kind: type[PythonDevice], head: Head, keys: Path, name: str) -> tuple[Row, str, HeadLine]:
    """What comes of one check, whether all is off afterwards, and the line."""
    probe = probe_of(python_device(kind, head, keys), head, keys)
    met(probe)
    (row,) = rows(probe, [check for check in CHECKS if check.name == name], lambda row: None)
    line = probe.line
    assert isinstance(line, HeadLine)
    return row, put_out(probe), line


def test_what_is_expected_is_what_the_device_does():
    assert (light_checks.DIM_S * 1e6, light_checks.DARK_S * 1e6) == (safety.DIM_AFTER_US, safety.DARK_AFTER_US)
    assert light_checks.DIM_PERMILLE == safety.DIM_PERMILLE
    assert heater_checks.HOT_WINDOW_CENTI_CELSIUS == safety.WINDOW_LIMIT_CENTI_CELSIUS
    assert heater_checks.HOT_BOARD_CENTI_CELSIUS == safety.BOARD_LIMIT_CENTI_CELSIUS
    assert event_checks.RETRY_S * 1e6 == device.EVENT_RETRY_US
    assert event_checks.TRIES == device.EVENT_TRIES
    assert frame_checks.LIMIT_S * 1e9 == session.ANSWER_TIMEOUT_NS


def test_there_is_a_fault_for_each_check():
    assert list(FAULTS) == NAMES
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_check_passes_where_its_rule_is_kept(name, tmp_path):
    kind, head = FAULTS[name]
    right = Head() if kind is PythonDevice else head
    row, ending, line = tried(PythonDevice, right, tmp_path, name)
    assert (row.verdict, ending) == (PASS, OFF), row.measured
    assert line.most_light <= 300
    assert line.most_heat <= 100


@pytest.mark.parametrize("name", NAMES)
def test_a_check_fails_where_its_rule_is_broken(name, tmp_path):
    kind, head = FAULTS[name]
    row, _, _ = tried(kind, head, tmp_path, name)
    assert row.verdict == FAIL, row.measured
    assert row.measured


WHOLE = {
    "plain": PLAIN_HEAD,
    "paired": PAIRED,
    "no sensor": BLIND,
    "too hot": HOT,
    "no heater": COLD,
    "pressed": PRESSED,
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_right_head_fails_nothing(name, tmp_path):
    head = WHOLE[name]
    probe = probe_of(python_device(PythonDevice, head, tmp_path), head, tmp_path)
    met(probe)
    found = rows(probe, CHECKS, lambda row: None)
    assert [row for row in found if row.verdict == FAIL] == []
    assert put_out(probe) == OFF


@NEEDS_COMPILER
def test_the_head_in_c_fails_nothing(tmp_path):
    slow = ("light-goes-out", "light-as-asked", "heater-as-asked", "clock", "only-heartbeats", "light-returns")
    probe = probe_of(CDevice(Identity(num_leds=3)), PLAIN_HEAD, tmp_path)
    met(probe)
    found = rows(probe, [check for check in CHECKS if check.name not in slow], lambda row: None)
    assert [row for row in found if row.verdict == FAIL] == []
    assert put_out(probe) == OFF
    probe.line.close()


@pytest.mark.parametrize("kind", [heads.SaysManyChannels, heads.SaysImpossibleLimits], ids=lambda kind: kind.__name__)
def test_a_head_that_says_what_cannot_be_is_tested_to_the_end(kind, tmp_path):
    probe = probe_of(kind(TWO_LIGHTS), PLAIN_HEAD, tmp_path)
    met(probe)
    found = rows(probe, CHECKS, lambda row: None)
    assert len(found) == len(CHECKS)
    assert FAIL in [row.verdict for row in found]
    assert put_out(probe) == OFF


def test_what_cannot_be_tried_says_what_would_help(tmp_path):
    probe = probe_of(PythonDevice(), PLAIN_HEAD, tmp_path)
    met(probe)
    found = {row.name: row for row in rows(probe, CHECKS, lambda row: None)}
    assert found["button"].verdict == NOT_APPLICABLE
    assert "--ask" in found["button"].measured
    assert "unplug it" in found["heater-without-sensor"].measured


def test_a_head_of_another_unit_is_not_tested(tmp_path):
    theirs = python_device(PythonDevice, PAIRED, tmp_path / "theirs")
    with pytest.raises(PortError, match="SIM-0001: paired with another unit"):
        met(probe_of(theirs, PAIRED, tmp_path / "ours"))


def test_a_head_that_obeys_nothing_at_the_end_is_told(tmp_path):
    row, ending, _ = tried(heads.SetsNoParam, PLAIN_HEAD, tmp_path, "light-limit")
    assert row.verdict == FAIL
    assert ending == OFF

    class Stuck(heads._Base):
        def _refused(self, request):
            self._safety.asked_led_permille[0] = 300
            return None

    _, ending, _ = tried(Stuck, PLAIN_HEAD, tmp_path, "light-as-asked")
    assert ending.startswith("light and heater could not be seen to be off")
