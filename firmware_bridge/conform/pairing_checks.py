"""The rules of pairing. A head keeps its key: PAIR is tried with the same key, or with none where it has none."""

from __future__ import annotations

from firmware_bridge.conform.light_checks import DIM_PERMILLE, DIM_S, SLACK_S, light_text, lit
from firmware_bridge.conform.probe import Probe, signed_payload
from firmware_bridge.conform.verdicts import Check, Failed, NotApplicable
from firmware_bridge.wire.messages import Capability, NakReason, Param, Reset, SetHeater, SetLed, SetParam
from firmware_bridge.wire.pairing_messages import GetNonce, Pair, Signed
from firmware_bridge.wire.signing import KEY_BYTES, pair_of

_MARK_US = 444


def _with_pairing(probe: Probe) -> None:
    """A new session with a head that can be paired."""
    if not probe.greet().capabilities & Capability.PAIRING:
        raise NotApplicable("the head has no PAIRING")


def _with_key(probe: Probe) -> bytes:
    """A new session with a head that has a key; the session's key."""
    _with_pairing(probe)
    if probe.of_session is None:
        raise NotApplicable("the head has no key; give it one with edge-bridge pair, and run again")
    return probe.of_session


def check_no_pairing(probe: Probe) -> str:
    if probe.greet().capabilities & Capability.PAIRING:
        raise NotApplicable("the head has PAIRING")
    for kind in (GetNonce, Pair, Signed):
        probe.check_refusal(probe.ask(kind.TYPE, bytes(kind.num_bytes())), kind.TYPE, NakReason.UNKNOWN_TYPE)
    return "GET_NONCE, PAIR and SIGNED refused"


def check_nonce(probe: Probe) -> str:
    seen: list[int] = []
    for number in range(4):
        if number == 3:
            probe.restart()
        _with_pairing(probe)
        first, second = probe.nonce().nonce, probe.nonce().nonce
        if first != second or first in seen:
            raise Failed(f"nonce {first}, then {second}, after {seen}; expected one a session, never the same again")
        seen.append(first)
    return f"{len(seen)} sessions, one restart: all different"


def check_pair_needs_button(probe: Probe) -> str:
    _with_pairing(probe)
    key = probe.key() if probe.is_paired else bytes(KEY_BYTES)
    message = pair_of(key)
    probe.check_refusal(probe.ask(Pair.TYPE, message.payload()), Pair.TYPE, NakReason.NOT_CONFIRMED)
    return "refused with nobody at the button"


def check_unsigned(probe: Probe) -> str:
    _with_key(probe)
    for message in (SetLed(0, 0), SetHeater(0), SetParam(Param.SYNC_DELAY_US, _MARK_US), Reset()):
        probe.check_refusal(probe.ask(message.TYPE, message.payload()), message.TYPE, NakReason.NOT_SIGNED)
    if probe.param(Param.SYNC_DELAY_US) == _MARK_US:
        raise Failed("an unsigned SET_PARAM was refused, and carried out")
    return "SET_LED, SET_HEATER, SET_PARAM and RESET refused"


def _check_not_signed(probe: Probe, payload: bytes, what: str) -> None:
    probe.was_used()
    probe.check_refusal(probe.ask(Signed.TYPE, payload), Signed.TYPE, NakReason.NOT_SIGNED)
    if probe.param(Param.SYNC_DELAY_US) == _MARK_US:
        raise Failed(f"{what} was refused, and carried out")


def check_wrong_tag(probe: Probe) -> str:
    _with_key(probe)
    body = SetParam(Param.SYNC_DELAY_US, _MARK_US).payload()
    right = probe.signed_payload(SetParam.TYPE, body)
    size = len(right)
    for at in (size - 1, size - 8, 4, 5, 0):
        wrong = bytearray(right)
        wrong[at] ^= 0x40
        _check_not_signed(probe, bytes(wrong), f"SIGNED with byte {at} altered")
    return "a bit of tag, command, payload or counter altered: refused"


def check_old_counter(probe: Probe) -> str:
    of_session = _with_key(probe)
    probe.set_param(Param.SYNC_DELAY_US, 1)
    body = SetParam(Param.SYNC_DELAY_US, _MARK_US).payload()
    for counter in (probe.counter, 0):
        payload = signed_payload(of_session, counter, SetParam.TYPE, body)
        _check_not_signed(probe, payload, f"SIGNED with counter {counter} after {probe.counter}")
    return "the last counter and 0 refused"


def check_unsigned_heartbeat(probe: Probe) -> str:
    _with_key(probe)
    lit(probe)
    probe.status()
    end_s = probe.line.now_s() + DIM_S + SLACK_S
    while probe.line.now_s() < end_s:
        probe.listen(0.3)
        status = probe.status(is_signed=False)
    text = f"after {DIM_S + SLACK_S:g} s of unsigned heartbeats: {light_text(probe, status)}"
    if max(status.led_permille) > DIM_PERMILLE:
        raise Failed(f"{text}; expected {DIM_PERMILLE} permille at most")
    return text


def check_dark_session(probe: Probe) -> str:
    _with_key(probe)
    lit(probe)
    probe.greet()
    status = probe.status()
    text = f"in a new session: {light_text(probe, status)}, heater {status.heater_permille}"
    if any(status.led_permille) or status.heater_permille:
        raise Failed(f"{text}; expected 0")
    return text


CHECKS = (
    Check("no-pairing", "A head without PAIRING answers its requests NAK UNKNOWN_TYPE.", 0.2, check_no_pairing),
    Check("nonce", "NONCE is one number a session, and never the same again.", 1, check_nonce),
    Check(
        "pair-needs-button",
        "PAIR with the button not held is answered NAK NOT_CONFIRMED.",
        0.2,
        check_pair_needs_button,
    ),
    Check("unsigned", "A head with a key answers unsigned commands NAK NOT_SIGNED.", 0.3, check_unsigned),
    Check("wrong-tag", "SIGNED with a wrong tag is answered NAK NOT_SIGNED.", 0.3, check_wrong_tag),
    Check("old-counter", "SIGNED with a counter that is not higher: NAK NOT_SIGNED.", 0.3, check_old_counter),
    Check("unsigned-heartbeat", "A HEARTBEAT without a signature keeps no light on.", 2.5, check_unsigned_heartbeat),
    Check("dark-session", "A new session of a head with a key begins dark and cold.", 0.4, check_dark_session),
)
