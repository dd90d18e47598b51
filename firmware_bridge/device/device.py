"""The device side in Python, step for step what c/edge_device.c does: the simulator's device where no compiler is."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from firmware_bridge.device.interface import Identity, Sensors, Stepped
from firmware_bridge.device.pairing import REQUESTS as PAIRING
from firmware_bridge.device.pairing import Pairing
from firmware_bridge.device.safety import Safety
from firmware_bridge.errors import BadPayload
from firmware_bridge.wire import frames
from firmware_bridge.wire.frames import Frame, FrameDecoder, sent_bytes
from firmware_bridge.wire.layout import Message
from firmware_bridge.wire.limits import PERMILLE
from firmware_bridge.wire.messages import (
    PARAM_MAX,
    REQUESTS,
    Ack,
    Button,
    ButtonAction,
    Capability,
    FaultEvent,
    FrameSync,
    GetParam,
    Heartbeat,
    Hello,
    Nak,
    NakReason,
    Param,
    ParamValue,
    Ping,
    Reset,
    ResetCause,
    SetHeater,
    SetLed,
    SetParam,
    message_from_frame,
)
from firmware_bridge.wire.pairing_messages import GetNonce, Pair, Signed

LONG_PRESS_US = 800_000
EVENT_RETRY_US = 100_000
EVENT_TRIES = 10
NUM_EVENTS = 8
NUM_REMEMBERED = 4
TRANSMIT_BYTES = 512
HALF_OF_SEQS = 0x8000


@dataclass
class _Events:
    """One at a time, in order, until the host acknowledges it or ten tries are spent."""

    waiting: deque[Message] = field(default_factory=deque)
    seq: int = 0
    tries: int = 0
    sent_us: int = 0


class PythonDevice:
    """See `firmware_bridge.device.interface.Device`."""

    def __init__(self, identity: Identity = Identity()) -> None:  # noqa: B008  frozen
        self._identity = identity
        self._pairing = Pairing(identity)
        self.start(ResetCause.POWER_ON)

    def start(self, cause: ResetCause) -> None:
        self._now_us = 0
        self._decoder = FrameDecoder()
        self._safety = Safety(cause)
        self._session: int | None = None
        self._last_seq = 0
        self._remembered: deque[tuple[int, Message]] = deque(maxlen=NUM_REMEMBERED)
        self._events = _Events()
        self._told_faults = 0
        self._restarting = False
        self._pressed, self._pressed_us, self._long_reported = False, 0, False
        self._frame_counter = 0
        self._effects = 0
        self._out = bytearray()
        self._pairing.start()

    def close(self) -> None:
        """Nothing to let go of."""

    def step(
        self, now_us: int, received: bytes, sensors: Sensors, *, pressed: bool = False, exposure_us: int | None = None
    ) -> Stepped:
        self._now_us = now_us
        for frame in self._decoder.feed(received):
            if not self._restarting:
                self._handle(frame)
        self._tick(sensors)
        self._button(pressed)
        if exposure_us is not None:
            self._frame_counter += 1
            sync = FrameSync(self._frame_counter, exposure_us, now_us)
            if self._session is not None:
                self._send(sync, sync.counter & 0xFFFF)
        sent, self._out = bytes(self._out), bytearray()
        safety = self._safety
        return Stepped(
            sent,
            safety.led_permille,
            safety.heater_permille,
            safety.params[Param.SYNC_DELAY_US],
            safety.faults,
            safety.light_state,
            self._restarting,
            self._effects,
        )

    # ---- events

    def _tick(self, sensors: Sensors) -> None:
        faults = self._safety.judge(sensors)
        if faults != self._told_faults and self._session is not None:
            changed, self._told_faults = faults ^ self._told_faults, faults
            self._queue(FaultEvent(faults, changed, self._now_us))
        self._decide()
        if self._pressed and not self._long_reported and self._now_us - self._pressed_us >= LONG_PRESS_US:
            self._long_reported = True
            self._queue(Button(ButtonAction.LONG_PRESS, self._now_us))
        events = self._events
        if events.waiting and self._now_us - events.sent_us >= EVENT_RETRY_US:
            if events.tries < EVENT_TRIES:
                self._send_event()
            else:
                self._end_event()

    def _button(self, pressed: bool) -> None:
        if pressed == self._pressed:
            return
        self._pressed, self._pressed_us, self._long_reported = pressed, self._now_us, False
        self._queue(Button(ButtonAction.PRESS if pressed else ButtonAction.RELEASE, self._now_us))

    def _queue(self, event: Message) -> None:
        if self._session is None or len(self._events.waiting) == NUM_EVENTS:
            return
        self._events.waiting.append(event)
        if len(self._events.waiting) == 1:
            self._begin_event()

    def _begin_event(self) -> None:
        self._events.seq = (self._events.seq + 1) & 0xFFFF
        self._events.tries = 0
        self._send_event()

    def _send_event(self) -> None:
        self._send(self._events.waiting[0], self._events.seq)
        self._events.sent_us = self._now_us
        self._events.tries += 1

    def _end_event(self) -> None:
        self._events.waiting.popleft()
        if self._events.waiting:
            self._begin_event()

    # ---- requests

    def _handle(self, frame: Frame) -> None:
        if frame.version_major != frames.VERSION_MAJOR:
            return self._send(Nak(frame.type, NakReason.WRONG_VERSION), frame.seq)
        if frame.type in (Ack.TYPE, Nak.TYPE):
            events = self._events
            if events.waiting and frame.seq == events.seq and frame.payload[:1] == bytes((events.waiting[0].TYPE,)):
                self._end_event()
            return None
        try:
            request = message_from_frame(frame)
        except BadPayload:
            if self._knows(frame.type):
                return self._send(Nak(frame.type, NakReason.BAD_LENGTH), frame.seq)
            request = None
        if not self._knows(frame.type):
            request = None
        if isinstance(request, Hello):
            return self._send(self._greeted(request, frame.seq), frame.seq)
        if self._session is None:
            ping = isinstance(request, Ping)
            no_session = Nak(frame.type, NakReason.NO_SESSION)
            return self._send(request if ping and request else no_session, frame.seq)
        ahead = (frame.seq - self._last_seq) & 0xFFFF
        if ahead == 0 or ahead >= HALF_OF_SEQS:  # seen before: RFC 1982, 3.2
            remembered = (answer for seq, answer in self._remembered if seq == frame.seq)
            return self._send(next(remembered, Nak(frame.type, NakReason.OLD_SEQ)), frame.seq)
        answer = self._carried_out(request, frame.type)
        self._last_seq = frame.seq
        self._remembered.append((frame.seq, answer))
        return self._send(answer, frame.seq)

    def _knows(self, type_: int) -> bool:
        """Whether it is a request of this firmware; an older one knows none of those of pairing."""
        kind = next((request for request in REQUESTS if type_ == request.TYPE), None)
        return kind is not None and (kind not in PAIRING or self._pairing.flash is not None)

    def _greeted(self, hello: Hello, seq: int) -> Hello:
        if hello.session != self._session:
            self._session, self._last_seq = hello.session, seq
            self._remembered.clear()
            self._events = _Events()
            self._told_faults = 0
            self._safety.heartbeat_us = self._now_us
            self._pairing.begin_session(hello.session)
            if self._pairing.has_key:
                self._forget_asked()
            self._decide()
        me = self._identity
        return Hello(hello.session, 1, 0, 0, me.num_leds, me.capabilities, me.serial)

    def _forget_asked(self) -> None:
        """What was asked for before is not known to be the paired unit's: dark until it says otherwise."""
        self._safety.asked_led_permille[:] = [0] * len(self._safety.asked_led_permille)
        self._safety.asked_heater_permille = 0

    def _carried_out(self, request: Message | None, type_: int, *, is_signed: bool = False) -> Message:
        if isinstance(request, GetNonce):
            return self._pairing.nonce()
        if isinstance(request, Signed):
            found = self._pairing.unwrapped(request)
            return Nak(type_, NakReason.NOT_SIGNED) if found is None else self._carried_out(*found, is_signed=True)
        is_allowed = is_signed or not self._pairing.has_key
        if isinstance(request, Heartbeat):
            self._decide()
            status = self._safety.status(self._now_us)  # first: it tells what a silence has done
            if is_allowed:
                self._safety.heartbeat_us = self._now_us
            self._decide()
            return status
        if isinstance(request, Ping):
            return request
        if isinstance(request, GetParam):
            if request.param not in tuple(Param):
                return Nak(type_, NakReason.NO_SUCH_PARAM)
            return ParamValue(request.param, self._safety.params[Param(request.param)])
        if not isinstance(request, (SetLed, SetHeater, SetParam, Reset, Pair)):
            return Nak(type_, NakReason.UNKNOWN_TYPE)
        if not is_allowed and not isinstance(request, Pair):
            return Nak(type_, NakReason.NOT_SIGNED)
        refused = self._paired(request) if isinstance(request, Pair) else self._refused(request)
        if refused is not None:
            return Nak(type_, refused)
        self._effects += 1
        self._decide()
        return Ack(type_)

    def _paired(self, request: Pair) -> NakReason | None:
        """Take a key, or say why not."""
        if not self._pressed:
            return NakReason.NOT_CONFIRMED
        self._pairing.take_key(request)
        self._forget_asked()
        return None

    def _refused(self, request: SetLed | SetHeater | SetParam | Reset) -> NakReason | None:
        """Carry out a command, or say why not."""
        safety = self._safety
        if isinstance(request, Reset):
            self._restarting = True
        elif isinstance(request, SetParam):
            if request.param not in tuple(Param):
                return NakReason.NO_SUCH_PARAM
            if request.value > PARAM_MAX[Param(request.param)]:
                return NakReason.OUT_OF_RANGE
            safety.params[Param(request.param)] = request.value
        elif isinstance(request, SetLed):
            if request.channel >= self._identity.num_leds:
                return NakReason.NO_SUCH_CHANNEL
            if request.level_permille > PERMILLE:
                return NakReason.OUT_OF_RANGE
            if request.level_permille > safety.params[Param.LED_LIMIT_PERMILLE]:
                return NakReason.OVER_LIMIT
            safety.asked_led_permille[request.channel] = request.level_permille
        else:
            if not self._identity.capabilities & Capability.HEATER:
                return NakReason.NO_SUCH_CHANNEL
            if request.level_permille > PERMILLE:
                return NakReason.OUT_OF_RANGE
            if request.level_permille > safety.params[Param.HEATER_LIMIT_PERMILLE]:
                return NakReason.OVER_LIMIT
            if safety.latched_hot and request.level_permille > 0:
                return NakReason.FAULT_LATCHED
            safety.asked_heater_permille = request.level_permille
        return None

    def _decide(self) -> None:
        self._safety.decide(self._now_us, alive=self._session is not None and not self._restarting)

    def _send(self, message: Message, seq: int) -> None:
        wire = sent_bytes(Frame(message.TYPE, seq, message.payload()))
        if len(self._out) + len(wire) <= TRANSMIT_BYTES:  # a whole frame or none; the host asks again
            self._out += wire
