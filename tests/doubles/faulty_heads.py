"""Camera heads broken on purpose, each in one place: it breaks a rule of docs/firmware-protocol.md."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from firmware_bridge.device.device import PythonDevice
from firmware_bridge.device.safety import Safety
from firmware_bridge.wire.frames import MAX_PAYLOAD_BYTES, VERSION, Frame, FrameDecoder
from firmware_bridge.wire.layout import Message
from firmware_bridge.wire.messages import (
    PARAM_DEFAULT,
    PARAM_MAX,
    REQUESTS,
    Ack,
    Button,
    ButtonAction,
    Fault,
    FrameSync,
    GetParam,
    Heartbeat,
    LightState,
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
    Status,
)
from firmware_bridge.wire.pairing_messages import GetNonce, Signed

_LENGTHS = {kind.TYPE: kind.num_bytes() for kind in REQUESTS}


class _Base(PythonDevice):
    """With a place to put another safety into."""

    Safe: type[Safety] = Safety
    Decoder: type[FrameDecoder] = FrameDecoder

    def start(self, cause: ResetCause) -> None:
        super().start(cause)
        self._decoder = self.Decoder()
        self._safety = self.Safe(cause)


# ---- frames


class DropsLongFrames(_Base):
    def _handle(self, frame: Frame) -> None:
        if len(frame.payload) < MAX_PAYLOAD_BYTES:
            super()._handle(frame)


class TakesAnyChecksum(_Base):
    class Decoder(FrameDecoder):
        def _frame_from_run(self, run: bytes) -> Frame | None:
            found = super()._frame_from_run(run)
            if found is None and len(run) == 13:  # as long as a PING
                return Frame(Ping.TYPE, 7, bytes(4))
            return found


class LosesTheFrameAfterNoise(_Base):
    class Decoder(FrameDecoder):
        def feed(self, data: bytes) -> list[Frame]:
            bad = self.counts.bad_length
            frames = super().feed(data)
            return frames[1:] if self.counts.bad_length > bad else frames


class WantsAFrameInOnePiece(_Base):
    class Decoder(FrameDecoder):
        def feed(self, data: bytes) -> list[Frame]:
            self._rest = b""
            return super().feed(data)


class RefusesNewerMinors(_Base):
    def _handle(self, frame: Frame) -> None:
        super()._handle(frame if frame.version >> 4 != VERSION >> 4 else frame._replace(version=VERSION))


class ReadsEveryVersion(_Base):
    def _handle(self, frame: Frame) -> None:
        super()._handle(frame if frame.version >> 4 == VERSION >> 4 else frame._replace(version=VERSION))


# ---- sessions


class NeedsNoSession(_Base):
    def _handle(self, frame: Frame) -> None:
        if self._session is None and frame.type == GetParam.TYPE:
            return self._send(ParamValue(frame.payload[0], 0), frame.seq)
        return super()._handle(frame)


class BeginsAnewAtEachHello(_Base):
    def _greeted(self, hello: Any, seq: int) -> Any:
        self._session = None
        return super()._greeted(hello, seq)


class KeepsNumbersOverSessions(_Base):
    def _greeted(self, hello: Any, seq: int) -> Any:
        newest = self._last_seq
        answer = super()._greeted(hello, seq)
        self._last_seq = max(newest, self._last_seq)
        return answer


class RemembersNoAnswer(_Base):
    def _handle(self, frame: Frame) -> None:
        self._remembered.clear()
        super()._handle(frame)


class ActsOnCopies(_Base):
    def _handle(self, frame: Frame) -> None:
        if frame.type == SetParam.TYPE:
            self._last_seq = (frame.seq - 1) & 0xFFFF
        super()._handle(frame)


class ActsOnOldNumbers(_Base):
    def _handle(self, frame: Frame) -> None:
        if (self._last_seq - frame.seq) & 0xFFFF > 4 and frame.type == SetParam.TYPE:
            self._last_seq = (frame.seq - 1) & 0xFFFF
        super()._handle(frame)


class ComparesNumbersPlainly(_Base):
    def _handle(self, frame: Frame) -> None:
        if self._session is not None and frame.seq < self._last_seq and frame.type == SetParam.TYPE:
            return self._send(Nak(frame.type, NakReason.OLD_SEQ), frame.seq)
        return super()._handle(frame)


# ---- requests


class IgnoresUnknownTypes(_Base):
    def _handle(self, frame: Frame) -> None:
        if self._knows(frame.type) or frame.type in (Ack.TYPE, Nak.TYPE):
            super()._handle(frame)


class TakesLongerPayloads(_Base):
    def _handle(self, frame: Frame) -> None:
        super()._handle(frame._replace(payload=frame.payload[: _LENGTHS.get(frame.type, MAX_PAYLOAD_BYTES)]))


class AnswersAck(_Base):
    def _handle(self, frame: Frame) -> None:
        if frame.type == Ack.TYPE:
            self._send(Nak(frame.type, NakReason.UNKNOWN_TYPE), frame.seq)
        super()._handle(frame)


class OddLightState(_Base):
    class Safe(Safety):
        def status(self, now_us: int) -> Status:
            return replace(super().status(now_us), light_state=7)


class CountsMilliseconds(_Base):
    class Safe(Safety):
        def status(self, now_us: int) -> Status:
            return super().status(now_us // 1000)


class SetsNoParam(_Base):
    def _refused(self, request: Any) -> NakReason | None:
        return None if isinstance(request, SetParam) else super()._refused(request)


class OddDefault(_Base):
    def start(self, cause: ResetCause) -> None:
        super().start(cause)
        self._safety.params[Param.SYNC_DELAY_US] = 50


class ClipsParams(_Base):
    def _refused(self, request: Any) -> NakReason | None:
        if isinstance(request, SetParam) and request.param in tuple(Param):
            request = replace(request, value=min(request.value, PARAM_MAX[Param(request.param)]))
        return super()._refused(request)


class KnowsEveryParam(_Base):
    def _carried_out(self, request: Message | None, type_: int, *, is_signed: bool = False) -> Message:
        if isinstance(request, GetParam) and request.param not in tuple(Param):
            return ParamValue(request.param, 0)
        return super()._carried_out(request, type_, is_signed=is_signed)


class SaysManyChannels(_Base):
    def _greeted(self, hello: Any, seq: int) -> Any:
        return replace(super()._greeted(hello, seq), num_leds=255)


class SaysImpossibleLimits(_Base):
    def _carried_out(self, request: Message | None, type_: int, *, is_signed: bool = False) -> Message:
        if isinstance(request, GetParam):
            return ParamValue(request.param, 0xFFFFFFFF)
        return super()._carried_out(request, type_, is_signed=is_signed)


# ---- restart


class RestartsWithoutAnAnswer(_Base):
    def _send(self, message: Message, seq: int) -> None:
        if message != Ack(Reset.TYPE):
            super()._send(message, seq)


class SaysPowerOn(_Base):
    def start(self, cause: ResetCause) -> None:
        super().start(ResetCause.POWER_ON)


class KeepsParams(_Base):
    def start(self, cause: ResetCause) -> None:
        kept = self._safety.params if hasattr(self, "_safety") else dict(PARAM_DEFAULT)
        super().start(cause)
        self._safety.params.update(kept)


# ---- light


class KeepsLightOverARestart(_Base):
    def start(self, cause: ResetCause) -> None:
        kept = list(self._safety.asked_led_permille) if hasattr(self, "_safety") else [0] * 4
        super().start(cause)
        self._safety.asked_led_permille[:] = kept


class HearsNoHeartbeat(_Base):
    def _carried_out(self, request: Message | None, type_: int, *, is_signed: bool = False) -> Message:
        heard_us = self._safety.heartbeat_us
        answer = super()._carried_out(request, type_, is_signed=is_signed)
        self._safety.heartbeat_us = heard_us
        return answer


class NeverDims(_Base):
    class Safe(Safety):
        def decide(self, now_us: int, *, alive: bool) -> None:
            super().decide(now_us, alive=alive)
            if self.light_state == LightState.DIMMED:
                self.led_permille, self.light_state = tuple(self.asked_led_permille), LightState.NORMAL


class NeverGoesOut(_Base):
    class Safe(Safety):
        def decide(self, now_us: int, *, alive: bool) -> None:
            super().decide(min(now_us, self.heartbeat_us + 9_000_000), alive=alive)


class ForgetsTheLight(_Base):
    class Safe(Safety):
        def decide(self, now_us: int, *, alive: bool) -> None:
            super().decide(now_us, alive=alive)
            if self.light_state == LightState.DIMMED:
                self.asked_led_permille = [0] * 4


class AnythingIsAHeartbeat(_Base):
    def _handle(self, frame: Frame) -> None:
        super()._handle(frame)
        self._safety.heartbeat_us = self._now_us


class _Takes(_Base):
    """Carries out what it should refuse."""

    what: type[Message]
    instead: NakReason

    def _refused(self, request: Any) -> NakReason | None:
        refused = super()._refused(request)
        return None if refused == self.instead and isinstance(request, self.what) else refused


class TakesLightBeyondRange(_Takes):
    what, instead = SetLed, NakReason.OUT_OF_RANGE


class TakesAnyChannel(_Takes):
    what, instead = SetLed, NakReason.NO_SUCH_CHANNEL


class TakesLightOverTheLimit(_Takes):
    what, instead = SetLed, NakReason.OVER_LIMIT


class TakesHeatBeyondRange(_Takes):
    what, instead = SetHeater, NakReason.OUT_OF_RANGE


class TakesHeatOverTheLimit(_Takes):
    what, instead = SetHeater, NakReason.OVER_LIMIT


class TakesHeatWithoutAHeater(_Takes):
    what, instead = SetHeater, NakReason.NO_SUCH_CHANNEL


class LimitsOnlyWhatComes(_Base):
    class Safe(Safety):
        def decide(self, now_us: int, *, alive: bool) -> None:
            limits = dict(self.params)
            self.params.update({Param.LED_LIMIT_PERMILLE: 1000, Param.HEATER_LIMIT_PERMILLE: 1000})
            super().decide(now_us, alive=alive)
            self.params = limits


# ---- heater and heat


class KeepsHeatOverARestart(_Base):
    def start(self, cause: ResetCause) -> None:
        kept = self._safety.asked_heater_permille if hasattr(self, "_safety") else 0
        super().start(cause)
        self._safety.asked_heater_permille = kept


class HeatsInSilence(_Base):
    class Safe(Safety):
        def decide(self, now_us: int, *, alive: bool) -> None:
            super().decide(now_us, alive=alive)
            self.heater_permille = self.asked_heater_permille


class NeverTooHot(_Base):
    class Safe(Safety):
        def judge(self, sensors: Any) -> int:
            super().judge(sensors)
            self.faults &= ~Fault.OVER_TEMPERATURE
            return self.faults


class BrightWhenHot(_Base):
    class Safe(Safety):
        def decide(self, now_us: int, *, alive: bool) -> None:
            super().decide(now_us, alive=alive)
            self.led_permille = tuple(self.asked_led_permille)


class CoolsDown(_Base):
    class Safe(Safety):
        def judge(self, sensors: Any) -> int:
            self.latched_hot = False
            return super().judge(sensors)


# ---- events


class TalksWithoutASession(_Base):
    def step(self, now_us: int, received: bytes, sensors: Any, **more: Any) -> Any:
        stepped = super().step(now_us, received, sensors, **more)
        if self._session is None and more.get("exposure_us") is not None:
            self._send(FrameSync(1, 0, 0), 1)
            stepped = replace(stepped, sent=bytes(self._out))
            self._out.clear()
        return stepped


class TellsOnce(_Base):
    def _send_event(self) -> None:
        if self._events.tries == 0:
            super()._send_event()
        self._events.tries += 1


class HearsNoAck(_Base):
    def _handle(self, frame: Frame) -> None:
        if frame.type != Ack.TYPE:
            super()._handle(frame)


class KnowsNoLongPress(_Base):
    def _queue(self, event: Message) -> None:
        if not (isinstance(event, Button) and event.action == ButtonAction.LONG_PRESS):
            super()._queue(event)


class TellsExposuresTwice(_Base):
    def _send(self, message: Message, seq: int) -> None:
        for _ in range(2 if isinstance(message, FrameSync) else 1):
            super()._send(message, seq)


# ---- pairing


class KnowsNonces(_Base):
    def _handle(self, frame: Frame) -> None:
        if frame.type == GetNonce.TYPE and self._session is not None:
            return self._send(Nak(frame.type, NakReason.NOT_SIGNED), frame.seq)
        return super()._handle(frame)


class SameNonce(_Base):
    def _greeted(self, hello: Any, seq: int) -> Any:
        self._pairing._nonce = 7
        return super()._greeted(hello, seq)


class PairsWithAnybody(_Base):
    def _paired(self, request: Any) -> NakReason | None:
        self._pressed = True
        return super()._paired(request)


class ObeysTheUnsigned(_Base):
    def _carried_out(self, request: Message | None, type_: int, *, is_signed: bool = False) -> Message:
        return super()._carried_out(request, type_, is_signed=is_signed or not isinstance(request, Heartbeat))


class ChecksNoTag(_Base):
    def _carried_out(self, request: Message | None, type_: int, *, is_signed: bool = False) -> Message:
        if isinstance(request, Signed) and request.command == SetParam.TYPE:
            inner = SetParam.from_payload(bytes(request.body))
            return super()._carried_out(inner, request.command, is_signed=True)
        return super()._carried_out(request, type_, is_signed=is_signed)


class TakesOldCounters(_Base):
    def _carried_out(self, request: Message | None, type_: int, *, is_signed: bool = False) -> Message:
        self._pairing._counter = -1
        return super()._carried_out(request, type_, is_signed=is_signed)


class UnsignedHeartbeatsFeed(_Base):
    def _handle(self, frame: Frame) -> None:
        super()._handle(frame)
        if frame.type == Heartbeat.TYPE:
            self._safety.heartbeat_us = self._now_us


class LitFromTheStart(_Base):
    def _forget_asked(self) -> None:
        """It does not."""
