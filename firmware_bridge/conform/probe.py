"""Asks a head what no well-behaved host would: any bytes, any number, any silence."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from firmware_bridge.conform.asking import ANSWER_S, TRIES, Asker, answer_text, name_of
from firmware_bridge.conform.line import Line
from firmware_bridge.conform.verdicts import Failed
from firmware_bridge.errors import BadPayload, PortError
from firmware_bridge.host.keys import KEYS, read_key
from firmware_bridge.wire.frames import Frame
from firmware_bridge.wire.layout import Message, MessageT
from firmware_bridge.wire.limits import MAX_LEDS
from firmware_bridge.wire.messages import (
    Ack,
    Capability,
    GetParam,
    Heartbeat,
    Hello,
    Nak,
    NakReason,
    Param,
    ParamValue,
    Reset,
    SetHeater,
    SetLed,
    SetParam,
    Status,
)
from firmware_bridge.wire.pairing_messages import BODY_BYTES, GetNonce, Nonce, Signed
from firmware_bridge.wire.signing import SIGNED, session_key, tag_of

HEARTBEAT_S = 0.5
RESTART_S = 3.0
"""How long a session may outlive RESET; the port itself may take `REOPEN_S` to come back."""
_SIGNED_TYPES = tuple(kind.TYPE for kind in SIGNED)


class Probe(Asker):
    """One head under test.

    Attributes:
        of_session: the session's key; None for a head without one.
        counter: of the last SIGNED.
        identity: the head's last HELLO.
        person: asks somebody at the head to do something; None where nobody is asked.
        found_params: the parameters before anything was asked for; `settle` sets them again.
    """

    def __init__(self, line: Line, keys: Path = KEYS) -> None:
        super().__init__(line)
        self.session = 0
        self.of_session: bytes | None = None
        self.counter = 0
        self.is_paired = False
        self.identity = Hello(0, 0, 0, 0, 0, 0, "")
        self.person: Callable[[str], None] | None = None
        self.found_params: dict[Param, int] = {}
        self._keys = keys
        self._is_used = False

    def order(self, type_: int, body: bytes = b"") -> Frame:
        """A request as the head's own unit sends it: signed where the head has a key.

        Raises:
            Failed: no answer.
        """
        if type_ in (SetLed.TYPE, SetHeater.TYPE, SetParam.TYPE):
            self.was_used()
        if self.of_session is None or type_ not in _SIGNED_TYPES:
            answer = self.ask(type_, body)
        else:
            answer = self.ask(Signed.TYPE, self.signed_payload(type_, body))
        if answer is None:
            raise Failed(f"no answer to {name_of(type_)} in {TRIES} tries of {ANSWER_S:g} s")
        return answer

    def was_used(self) -> None:
        """Something was asked for that `settle` must take back."""
        self._is_used = True

    def signed_payload(self, type_: int, body: bytes = b"") -> bytes:
        """The payload of a SIGNED with the next counter."""
        assert self.of_session is not None, "a head with a key"
        self.counter += 1
        return signed_payload(self.of_session, self.counter, type_, body)

    def command(self, message: Message) -> None:
        """A command that the head must carry out.

        Raises:
            Failed: it was not answered with ACK.
        """
        answer = self.order(message.TYPE, message.payload())
        if answer.type != Ack.TYPE or answer.payload != bytes((message.TYPE,)):
            raise Failed(f"{message}: {answer_text(answer)}; expected ACK")

    def refused(self, type_: int, body: bytes, *reasons: NakReason) -> None:
        """A command that the head must refuse.

        Raises:
            Failed: it was not refused with one of these reasons.
        """
        self.check_refusal(self.order(type_, body), type_, *reasons)

    def check_refusal(self, answer: Frame | None, type_: int, *reasons: NakReason) -> None:
        """Raises `Failed` where the answer is not NAK with one of the reasons."""
        wanted = [bytes((type_, reason)) for reason in reasons]
        if answer is None or answer.type != Nak.TYPE or answer.payload not in wanted:
            names = " or ".join(reason.name for reason in reasons)
            raise Failed(f"{name_of(type_)}: {answer_text(answer)}; expected NAK {names}")

    def status(self, *, is_signed: bool = True) -> Status:
        """What the head says to a HEARTBEAT."""
        answer = self.order(Heartbeat.TYPE) if is_signed else self.ask(Heartbeat.TYPE)
        if answer is None or answer.type != Status.TYPE:
            raise Failed(f"HEARTBEAT: {answer_text(answer)}; expected STATUS")
        return _read(Status, answer)

    def param(self, param: int) -> int:
        """What the head says to GET_PARAM."""
        answer = self.order(GetParam.TYPE, bytes((param,)))
        if answer.type != ParamValue.TYPE:
            raise Failed(f"GET_PARAM {param}: {answer_text(answer)}; expected PARAM")
        return _read(ParamValue, answer).value

    def set_param(self, param: Param, value: int) -> None:
        self.command(SetParam(param, value))

    def keep(self, seconds: float) -> Status:
        """A heartbeat every 500 ms for so long; the last STATUS."""
        end_s = self.line.now_s() + seconds
        status = self.status()
        while (left_s := end_s - self.line.now_s()) > 0:
            self.listen(min(HEARTBEAT_S, left_s))
            status = self.status()
        return status

    # ---- sessions

    def greet(self, *, seq: int | None = None) -> Hello:
        """Open a new session.

        Raises:
            Failed: no HELLO, or not for this session.
            PortError: it has a key that is not in the folder of keys.
        """
        self.session = (self.session + 1 + secrets.randbelow(2**31)) & 0xFFFFFFFF
        self.identity = hello = self.hello(self.session, seq=seq)
        self.of_session, self.counter, self.is_paired = None, 0, False
        if hello.capabilities & Capability.PAIRING:
            nonce = self.nonce()
            self.is_paired = bool(nonce.is_paired)
            if self.is_paired:
                self.of_session = session_key(self.key(), hello.session, nonce.nonce, hello.serial)
        return hello

    def key(self) -> bytes:
        """The head's own.

        Raises:
            PortError: it is not in the folder of keys.
        """
        key = read_key(self._keys, self.identity.serial)
        if key is None:
            raise PortError(
                f"{self.identity.serial}: paired with another unit, whose key is not in {self._keys}; "
                "test it there, or hold its button and run edge-bridge pair"
            )
        return key

    def hello(self, session: int, *, seq: int | None = None) -> Hello:
        """Ask HELLO; the head's own."""
        asked = Hello(session, 1, 0, 0, 0, 0, "edge-bridge")
        answer = self.ask(Hello.TYPE, asked.payload(), seq=seq)
        if answer is None or answer.type != Hello.TYPE:
            raise Failed(f"HELLO: {answer_text(answer)}; expected HELLO")
        hello = _read(Hello, answer)
        if hello.session != session:
            raise Failed(f"HELLO: the answer is for session {hello.session}; expected {session}")
        if hello == asked:
            raise Failed("HELLO: the head sends back what it was sent")
        return hello

    def nonce(self) -> Nonce:
        answer = self.ask(GetNonce.TYPE)
        if answer is None or answer.type != Nonce.TYPE:
            raise Failed(f"GET_NONCE: {answer_text(answer)}; expected NONCE")
        return _read(Nonce, answer)

    def restart(self) -> Frame:
        """RESET, until the head is back and has no session; its answer to RESET.

        Raises:
            Failed: it did not restart.
        """
        self.greet()
        answer = self.order(Reset.TYPE)
        self._is_used = False
        end_s = self.line.now_s() + RESTART_S
        seen = answer
        while self.line.now_s() < end_s:
            try:
                found = self.ask(Heartbeat.TYPE, tries=1)
            except PortError:
                self.line.reopen()
                end_s = self.line.now_s() + RESTART_S
                continue
            if found is not None and found.payload == bytes((Heartbeat.TYPE, NakReason.NO_SESSION)):
                self.of_session = None
                return answer
            seen = found or seen
            self.listen(0.05)
        raise Failed(f"the head still has its session {RESTART_S:g} s after RESET: {answer_text(seen)}")

    @property
    def channels(self) -> range:
        """Of the light, as the head says, and no more than a head can have."""
        return range(min(self.identity.num_leds, MAX_LEDS))

    def settle(self) -> None:
        """Light and heater off and the parameters as they were found, where anything was asked for.

        Raises:
            Failed: the head answers no more, or refuses.
        """
        if not self._is_used:
            return
        hello = self.greet()
        for channel in self.channels:
            self.command(SetLed(channel, 0))
        if hello.capabilities & Capability.HEATER:
            self.command(SetHeater(0))
        for param, value in self.found_params.items():
            self.set_param(param, value)
        self._is_used = False


def signed_payload(of_session: bytes, counter: int, type_: int, body: bytes) -> bytes:
    """The payload of a SIGNED for any body of at most 5 bytes, also one that a host would not send."""
    body = body.ljust(BODY_BYTES, b"\0")
    return counter.to_bytes(4, "little") + bytes((type_,)) + body + tag_of(of_session, counter, type_, body)


def _read(kind: type[MessageT], frame: Frame) -> MessageT:
    try:
        return kind.from_payload(frame.payload, longer=True)
    except BadPayload as error:
        raise Failed(str(error)) from error
