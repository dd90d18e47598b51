"""The host's side of one session: one request at a time, retries, duplicates, heartbeats. No input or output, no clock.

A retry carries the first try's number, and the device repeats its answer to a number that it has seen. One that has
restarted has no session and refuses all until the next HELLO: no earlier number can stand for a command of this one.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from firmware_bridge.errors import (
    BadPayload,
    BridgeError,
    CommandFailed,
    OutcomeUnknown,
    PortError,
    Refused,
    VersionMismatch,
    WrongDevice,
)
from firmware_bridge.host.clock import DeviceClock
from firmware_bridge.host.exchange import Exchange, answers, mismatch_text, no_hello_text, reason_text
from firmware_bridge.host.signer import KeyOf, Signer, no_key
from firmware_bridge.wire.frames import VERSION_MAJOR, Frame, FrameDecoder, sent_bytes
from firmware_bridge.wire.layout import Message
from firmware_bridge.wire.messages import (
    EVENTS,
    Ack,
    FrameSync,
    Heartbeat,
    Hello,
    Nak,
    NakReason,
    Status,
    frame_from_message,
    message_from_frame,
    wire_name,
)
from firmware_bridge.wire.pairing_messages import GetNonce, Nonce

HEARTBEAT_NS = 500_000_000
ANSWER_TIMEOUT_NS = 60_000_000
"""Longer than the 45 ms that a device's full queue of 512 bytes takes at 115200 baud."""
NUM_TRIES = 8
HELLO_TIMEOUT_NS = 2_000_000_000
SILENT_NS = 850_000_000
"""A device that sends not even damage for so long is gone: unplugged or hung. It is asked every 500 ms."""
USELESS_NS = 3_000_000_000
"""A line that carries bytes, but nothing that answers, for so long is given up."""
MAX_QUEUED = 64

EventHandler = Callable[[Message, int], None]
"""Called with an event and `time.monotonic_ns()` of its receipt; must not wait."""


@dataclass(slots=True)
class SessionCounts:
    """What happened since the session began.

    Attributes:
        late_answers: answers that nothing waited for, such as the second of two.
        repeated_events: events that came again and were acknowledged again, but not handed on.
    """

    requests: int = 0
    retries: int = 0
    failed: int = 0
    late_answers: int = 0
    events: int = 0
    repeated_events: int = 0


class Session:
    """From HELLO until `failure` is set. All times are `time.monotonic_ns()`, or a test's own clock.

    Attributes:
        failure: why the session is over; the owner opens another one.
        identity: the device's HELLO, None until it came.
        version: of the device's protocol, as in its frames.
        status: the newest STATUS with the time of its receipt.
        signer: whether the head is paired, and with whom.
    """

    def __init__(
        self,
        now_ns: int,
        on_event: EventHandler = lambda event, now_ns: None,
        *,
        session_id: int | None = None,
        first_seq: int = 1,
        key_of: KeyOf = no_key,
    ) -> None:
        self.failure: BridgeError | None = None
        self.identity: Hello | None = None
        self.version = 0
        self.status: tuple[Status, int] | None = None
        self.counts = SessionCounts()
        self.clock = DeviceClock()
        self.decoder = FrameDecoder()
        self.signer = Signer(key_of)
        self._greeting: Hello | None = None
        self._on_event = on_event
        self._session_id = secrets.randbits(32) if session_id is None else session_id
        self._seq = (first_seq - 1) & 0xFFFF
        self._event_seq = 0
        self._frame_counter: int | None = None
        self._queue: deque[tuple[Message, Future[Message]]] = deque()
        self._current: Exchange | None = None
        self._heartbeat_ns = now_ns
        self._begun_ns = self._heard_ns = self._answered_ns = now_ns
        self._out = bytearray()
        self._begin(Hello(self._session_id, 1, 0, 0, 0, 0, "edge-enhance"), Future(), now_ns)

    # ---- what the owner does

    def submit(self, message: Message) -> Future[Message]:
        """Queue a request. Its future gets the answer, or `Refused` or `OutcomeUnknown`.

        Raises:
            OutOfRange: the device would refuse it; nothing is sent.
            CommandFailed: 64 requests wait already, or the session is over.
        """
        message.check()
        self._check_channel(message)
        if self.failure is not None:
            raise CommandFailed(f"{wire_name(type(message))} was not sent: {self.failure}")
        if len(self._queue) >= MAX_QUEUED:
            raise CommandFailed(f"{wire_name(type(message))} was not sent: {MAX_QUEUED} commands wait already")
        future: Future[Message] = Future()
        self._queue.append((message, future))
        return future

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take bytes from the line."""
        if data:
            self._heard_ns = now_ns
        for frame in self.decoder.feed(data):
            if self.failure is None:
                self._take(frame, now_ns)

    def poll(self, now_ns: int) -> None:
        """Send again what was not answered, and begin what waits."""
        if self.failure is None and self.identity is not None:
            if now_ns - self._heard_ns >= SILENT_NS:
                self.end(PortError("the camera head is silent"))
            elif now_ns - self._answered_ns >= USELESS_NS:
                self.end(PortError("the camera head answers nothing that can be used; look at the cable"))
        if self.failure is not None:
            return
        current = self._current
        if current is not None and now_ns - current.sent_ns >= ANSWER_TIMEOUT_NS:
            self._try_again(current, now_ns)
        if self._current is None and self.failure is None and self.identity is not None:
            if now_ns >= self._heartbeat_ns:
                self._heartbeat_ns = now_ns + HEARTBEAT_NS
                self._begin(Heartbeat(), Future(), now_ns)
            elif self._queue:
                self._begin(*self._queue.popleft(), now_ns)

    def next_wake_ns(self) -> int:
        """When the owner has something to do, unless bytes come before."""
        if self.failure is not None:
            return 0
        if self._current is not None:
            return self._current.sent_ns + ANSWER_TIMEOUT_NS
        return 0 if self._queue else self._heartbeat_ns

    def take_output(self) -> bytes:
        """The bytes to be written now."""
        out, self._out = bytes(self._out), bytearray()
        return out

    def end(self, failure: BridgeError) -> None:
        """Fail everything that is not answered yet; safe to call twice."""
        if self.failure is not None:
            return
        self.failure = failure
        current, self._current = self._current, None
        if current is not None:
            self._fail(current, OutcomeUnknown(f"{current.name} was sent, but its outcome is unknown: {failure}"))
        for message, future in self._queue:
            future.set_exception(CommandFailed(f"{wire_name(type(message))} was not sent: {failure}"))
        self._queue.clear()

    # ---- requests

    def _check_channel(self, message: Message) -> None:
        channel = getattr(message, "channel", None)
        num_leds = None if self.identity is None else self.identity.num_leds
        if channel is not None and num_leds is not None and channel >= num_leds:
            reason = f"channel = {channel}: this camera head has {num_leds} light channels, numbered from 0"
            raise Refused(reason, NakReason.NO_SUCH_CHANNEL)

    def _begin(self, message: Message, future: Future[Message], now_ns: int) -> None:
        self._seq = (self._seq + 1) & 0xFFFF
        wire = sent_bytes(frame_from_message(self.signer.sent(message), self._seq))
        self._current = Exchange(message, future, self._seq, wire, now_ns)
        self._out += wire
        self.counts.requests += 1

    def _try_again(self, current: Exchange, now_ns: int) -> None:
        greeting = isinstance(current.message, Hello)
        if greeting and now_ns - self._begun_ns >= HELLO_TIMEOUT_NS:
            return self.end(WrongDevice(no_hello_text(self.decoder.counts)))
        if not greeting and current.tries >= NUM_TRIES:
            return self._give_up(current)
        current.tries += 1
        current.sent_ns = now_ns
        self._out += current.wire
        self.counts.retries += 1
        return None

    def _give_up(self, current: Exchange) -> None:
        self._current = None
        if isinstance(current.message, GetNonce):
            return self.end(PortError("the camera head says that it can be paired, but answers no GET_NONCE"))
        if isinstance(current.message, Heartbeat):
            self._heartbeat_ns = current.sent_ns  # another one at once, for a newer STATUS
        self._fail(current, OutcomeUnknown(f"{current.name}: no answer in {NUM_TRIES} tries"))

    def _fail(self, exchange: Exchange, error: CommandFailed) -> None:
        self.counts.failed += 1
        exchange.future.set_exception(error)

    # ---- frames

    def _take(self, frame: Frame, now_ns: int) -> None:
        if frame.version_major != VERSION_MAJOR:
            return self.end(VersionMismatch(mismatch_text(frame)))
        try:
            message = message_from_frame(frame)
        except BadPayload:
            return self._refuse(frame, NakReason.BAD_LENGTH)
        if message is None:
            return self._refuse(frame, NakReason.UNKNOWN_TYPE)
        if isinstance(message, EVENTS):
            return self._take_event(message, frame.seq, now_ns)
        current = self._current
        if current is None or frame.seq != current.seq or not answers(message, current.message):
            self.counts.late_answers += 1
            return None
        if isinstance(message, Nak):
            if message.reason != NakReason.BUSY:
                self._answered_ns = now_ns
            return self._take_nak(message, current)
        self._current, self._answered_ns = None, now_ns
        if isinstance(message, Hello) and self.signer.needs_nonce(message):
            self._greeting = message
            self._begin(GetNonce(), Future(), now_ns)
        elif isinstance(message, (Hello, Nonce)):
            hello = message if isinstance(message, Hello) else self._greeting
            assert hello is not None, "GET_NONCE is asked after HELLO"
            try:
                self.signer.begin(hello, message if isinstance(message, Nonce) else None)
            except PortError as error:  # the key's file is wrong
                return self.end(error)
            self.identity, self.version = hello, frame.version
        elif isinstance(message, Status):
            self.status = (message, now_ns)
            if current.tries == 1:  # an answer to a retry may have been made for an earlier one
                self.clock.add(current.sent_ns, now_ns, message.uptime_us)
        current.future.set_result(message)
        return None

    def _refuse(self, frame: Frame, reason: NakReason) -> None:
        if self.identity is not None and frame.type not in (Ack.TYPE, Nak.TYPE):
            self._out += sent_bytes(frame_from_message(Nak(frame.type, reason), frame.seq))

    def _take_nak(self, nak: Nak, current: Exchange) -> None:
        name = current.name
        if nak.reason == NakReason.BUSY:
            return None  # not remembered by the device: the next try may succeed
        if nak.reason == NakReason.NO_SESSION:
            return self.end(PortError("the camera head has restarted"))
        self._current = None
        if nak.reason == NakReason.NOT_SIGNED:
            self.signer.refused()
        if nak.reason == NakReason.OLD_SEQ:
            return self._fail(current, OutcomeUnknown(f"{name}: the camera head no longer knows what came of it"))
        return self._fail(current, Refused(f"{name}: the camera head refuses: {reason_text(nak)}", nak.reason))

    def _take_event(self, event: Message, seq: int, now_ns: int) -> None:
        if self.identity is None:
            return  # of an earlier session; what is of this one comes again
        if isinstance(event, FrameSync):
            if event.counter == self._frame_counter:
                return
            self._frame_counter = event.counter
        else:
            self._out += sent_bytes(frame_from_message(Ack(event.TYPE), seq))
            if not 0 < (seq - self._event_seq) & 0xFFFF < 0x8000:
                self.counts.repeated_events += 1
                return
            self._event_seq = seq
        self.counts.events += 1
        self._answered_ns = now_ns
        self._on_event(event, now_ns)
