"""The rules of sessions and of commands that are carried out exactly once."""

from __future__ import annotations

from firmware_bridge.conform.asking import answer_text
from firmware_bridge.conform.probe import Probe
from firmware_bridge.conform.verdicts import Check, Failed
from firmware_bridge.wire.frames import Frame
from firmware_bridge.wire.messages import (
    Ack,
    GetParam,
    Heartbeat,
    Nak,
    NakReason,
    Param,
    Ping,
    Reset,
    SetHeater,
    SetLed,
    SetParam,
)
from firmware_bridge.wire.pairing_messages import Signed

_DELAY = Param.SYNC_DELAY_US
_FIRST_US, _SECOND_US = 111, 222


def check_no_session(probe: Probe) -> str:
    probe.restart()
    asked = (Heartbeat(), SetLed(0, 0), SetHeater(0), GetParam(_DELAY), SetParam(_DELAY, _FIRST_US), Reset())
    for message in asked:
        answer = probe.ask(message.TYPE, message.payload())
        probe.check_refusal(answer, message.TYPE, NakReason.NO_SESSION)
    answer = probe.ask(Ping.TYPE, bytes(4))
    if answer is None or answer.type != Ping.TYPE:
        raise Failed(f"PING without a session: {answer_text(answer)}; expected PING")
    return f"{len(asked)} requests refused, PING answered"


def check_hello(probe: Probe) -> str:
    hello = probe.greet()
    if hello.num_leds > 4:
        raise Failed(f"num_leds {hello.num_leds}; expected 0 to 4")
    if not hello.serial or "\ufffd" in hello.serial:
        raise Failed(f"serial {hello.serial!r}; expected printable ASCII, at least one character")
    firmware = f"{hello.version_major}.{hello.version_minor}.{hello.version_patch}"
    return f"{hello.serial}, firmware {firmware}, {hello.num_leds} light channels"


def _set_delay(probe: Probe, value_us: int) -> tuple[int, int, bytes]:
    """Set the sync delay in a frame that can be sent again: its number, type and payload."""
    message = SetParam(_DELAY, value_us)
    type_, payload = message.TYPE, message.payload()
    if probe.of_session is not None:
        type_, payload = Signed.TYPE, probe.signed_payload(type_, payload)
    probe.was_used()
    answer = probe.ask(type_, payload)
    if answer is None or answer.type != Ack.TYPE:
        raise Failed(f"SET_PARAM: {answer_text(answer)}; expected ACK")
    return probe.seq, type_, payload


def _check_delay(probe: Probe, wanted_us: int, after: str) -> None:
    found_us = probe.param(_DELAY)
    if found_us != wanted_us:
        raise Failed(f"SYNC_DELAY_US is {found_us} after {after}; expected {wanted_us}")


def check_hello_again(probe: Probe) -> str:
    probe.greet(seq=10)
    sent = _set_delay(probe, _FIRST_US)
    _set_delay(probe, _SECOND_US)
    newest = probe.seq
    probe.hello(probe.session, seq=10)  # a copy that comes late
    _again(probe, sent)
    probe.seq = newest
    _check_delay(probe, _SECOND_US, "HELLO of the present session and a repeated command")
    return "a command that came before its copy stays seen"


def check_new_session(probe: Probe) -> str:
    probe.greet(seq=20_000)
    _set_delay(probe, _FIRST_US)
    probe.greet(seq=1)
    _set_delay(probe, _SECOND_US)
    _check_delay(probe, _SECOND_US, "a new session with low numbers")
    return "numbers from 20000 and then from 1 are both new"


def _again(probe: Probe, sent: tuple[int, int, bytes]) -> Frame | None:
    """The same frame once more, and what it is answered."""
    seq, type_, payload = sent
    return probe.ask(type_, payload, seq=seq)


def check_same_answer(probe: Probe) -> str:
    probe.greet()
    asked = ((Heartbeat.TYPE, b""), (GetParam.TYPE, bytes((_DELAY,))), (GetParam.TYPE, b"\xee"), (0x1E, b""))
    for type_, payload in asked:
        first = probe.ask(type_, payload)
        probe.listen(0.02)  # its clock goes on
        second = probe.ask(type_, payload, seq=probe.seq)
        if first is None or first != second:
            raise Failed(f"{answer_text(first)}, and {answer_text(second)} to its copy; expected the same bytes twice")
    return f"{len(asked)} answers given twice, byte for byte"


def check_exactly_once(probe: Probe) -> str:
    probe.greet()
    sent = _set_delay(probe, _FIRST_US)
    _set_delay(probe, _SECOND_US)
    newest = probe.seq
    answer = _again(probe, sent)
    probe.seq = newest
    if answer is None or (answer.type != Ack.TYPE and answer.payload[1:] != bytes((NakReason.OLD_SEQ,))):
        raise Failed(f"a copy of the command before: {answer_text(answer)}; expected ACK or NAK OLD_SEQ")
    _check_delay(probe, _SECOND_US, "a copy of the command before")
    return f"a copy is answered {answer_text(answer)}, and not carried out"


def check_old_seq(probe: Probe) -> str:
    probe.greet(seq=1000)
    _set_delay(probe, _SECOND_US)
    newest = probe.seq
    for behind in (100, 1100, 0x7FFF, 0x8000):  # 0x8000 ahead counts as behind
        type_, payload = SetParam.TYPE, SetParam(_DELAY, _FIRST_US).payload()
        if probe.of_session is not None:
            type_, payload = Signed.TYPE, probe.signed_payload(type_, payload)
        answer = probe.ask(type_, payload, seq=(newest - behind) & 0xFFFF)
        probe.seq = newest
        if answer is None or answer.type != Nak.TYPE or answer.payload[1:] != bytes((NakReason.OLD_SEQ,)):
            raise Failed(f"a command {behind} numbers back: {answer_text(answer)}; expected NAK OLD_SEQ")
    _check_delay(probe, _SECOND_US, "commands with numbers from before")
    return "100 to 32768 numbers back refused"


def check_seq_wraps(probe: Probe) -> str:
    probe.greet(seq=65_533)
    for number in range(4):
        _set_delay(probe, _FIRST_US + number)
        _check_delay(probe, _FIRST_US + number, f"the command with number {(65_534 + 2 * number) & 0xFFFF}")
    probe.seq = (probe.seq + 32_000) & 0xFFFF
    _set_delay(probe, _SECOND_US)
    _check_delay(probe, _SECOND_US, "a number 32001 ahead")
    return "65534 to 5, and then 32001 ahead"


CHECKS = (
    Check(
        *("no-session", "Without a session since the start all but HELLO and PING is answered NAK NO_SESSION."),
        *(0.5, check_no_session),
    ),
    Check("hello", "HELLO is answered with the session's number and who the head is.", 0.2, check_hello),
    Check(
        *("hello-again", "HELLO of the present session is answered, and changes nothing."),
        *(0.3, check_hello_again),
    ),
    Check("new-session", "HELLO of a new session makes every number new.", 0.3, check_new_session),
    Check("same-answer", "A copy of the newest request gets the same answer, byte for byte.", 0.3, check_same_answer),
    Check("exactly-once", "A copy of an earlier command is answered, and not carried out.", 0.3, check_exactly_once),
    Check("old-seq", "A command with a number from before is answered NAK OLD_SEQ.", 0.3, check_old_seq),
    Check("seq-wraps", "After number 65535 comes 0, and up to 32767 ahead is new.", 0.3, check_seq_wraps),
)
