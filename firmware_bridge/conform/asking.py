"""Frames to the head and back, with any number and any bytes."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_bridge.conform.line import Line
from firmware_bridge.errors import BadPayload
from firmware_bridge.wire.frames import VERSION, Frame, FrameDecoder, sent_bytes
from firmware_bridge.wire.messages import BY_TYPE, Ack, FrameSync, Nak, NakReason, message_from_frame, wire_name

ANSWER_S, TRIES = 0.4, 3
_EVENT_TYPES = range(0x20, 0x30)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A frame and `Line.now_s` of its receipt."""

    frame: Frame
    at_s: float


def name_of(type_: int) -> str:
    """`SET_LED`, or `type 0x1E` for one that has no name."""
    kind = BY_TYPE.get(type_)
    return f"type 0x{type_:02X}" if kind is None else wire_name(kind)


def answer_text(frame: Frame | None) -> str:
    """An answer in words, for a report."""
    if frame is None:
        return "no answer"
    try:
        message = message_from_frame(frame)
    except BadPayload:
        return f"{name_of(frame.type)} of {len(frame.payload)} bytes"
    if isinstance(message, Nak):
        known = message.reason in tuple(NakReason)
        reason = NakReason(message.reason).name if known else f"reason {message.reason}"
        return f"NAK {reason} for {name_of(message.refused_type)}"
    return f"ACK for {name_of(message.acked_type)}" if isinstance(message, Ack) else name_of(frame.type)


class Asker:
    """One end of a line with a head at the other.

    Attributes:
        events: what the head sent of its own accord.
        acknowledges: whether events are answered with ACK.
        delays_s: how long each first answer took.
        num_repeated: requests that had to be sent again.
        seq: of the newest frame sent.
    """

    def __init__(self, line: Line) -> None:
        self.line = line
        self.decoder = FrameDecoder()
        self.events: list[Arrived] = []
        self.acknowledges = True
        self.delays_s: list[float] = []
        self.num_repeated = 0
        self.seq = 0
        self._answers: list[Arrived] = []

    def send(self, type_: int, payload: bytes = b"", *, seq: int | None = None, version: int = VERSION) -> int:
        """Write one frame; without `seq` it has the next number. Returns the number."""
        self.seq = (self.seq + 1) & 0xFFFF if seq is None else seq
        self.line.write(sent_bytes(Frame(type_, self.seq, payload, version)))
        return self.seq

    def listen(self, seconds: float) -> list[Frame]:
        """Send nothing but acknowledgements for so long; the answers that came."""
        end_s = self.line.now_s() + seconds
        before = len(self._answers)
        while self.line.now_s() < end_s:
            self._take(end_s)
        return [arrived.frame for arrived in self._answers[before:]]

    def answer_to(self, seq: int, seconds: float = ANSWER_S) -> Frame | None:
        """The first answer under this number; None where none comes in time."""
        end_s = self.line.now_s() + seconds
        while True:
            for at, arrived in enumerate(self._answers):
                if arrived.frame.seq == seq:
                    del self._answers[: at + 1]
                    return arrived.frame
            if self.line.now_s() >= end_s:
                return None
            self._take(end_s)

    def forget_answers(self) -> None:
        """Whatever came and was not asked for."""
        self._answers.clear()

    def _take(self, until_s: float) -> None:
        for frame in self.decoder.feed(self.line.read(until_s)):
            arrived = Arrived(frame, self.line.now_s())
            if frame.type not in _EVENT_TYPES:
                self._answers.append(arrived)
                continue
            self.events.append(arrived)
            if self.acknowledges and frame.type != FrameSync.TYPE:
                self.line.write(sent_bytes(Frame(Ack.TYPE, frame.seq, bytes((frame.type,)))))

    def ask(
        self,
        type_: int,
        payload: bytes = b"",
        *,
        seq: int | None = None,
        version: int = VERSION,
        tries: int = TRIES,
    ) -> Frame | None:
        """A request as it is given, and its answer; sent again with the same number where none comes."""
        self.forget_answers()
        for again in range(tries):
            asked_s = self.line.now_s()
            seq = self.send(type_, payload, seq=seq, version=version)
            answer = self.answer_to(seq)
            if answer is not None:
                if not again:
                    self.delays_s.append(self.line.now_s() - asked_s)
                return answer
            self.num_repeated += again < tries - 1
        return None
