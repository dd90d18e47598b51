"""The camera head as the rest of the program sees it: a thread, a snapshot, events, commands. Nothing here waits for
the line but `command`, and that for a bounded time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, TimeoutError
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from firmware_bridge.errors import OutcomeUnknown, PortError
from firmware_bridge.host.keys import KEYS, read_key
from firmware_bridge.host.link import Link
from firmware_bridge.wire.layout import Message
from firmware_bridge.wire.messages import Hello, Status, wire_name

log = logging.getLogger(__name__)

COMMAND_TIMEOUT_S = 2.0
_CONNECT_S, _POLL_S = 3.0, 0.1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known of the camera head at one moment.

    Attributes:
        open: whether a session is open now.
        error: why none is; empty while one is.
        port: path of the open port.
        identity: its HELLO, also of the last session where none is open.
        status: the newest STATUS of the open session, None before the first.
        status_age_s: since it came.
        num_reconnects: sessions that were opened anew.
        pairing: as `firmware_bridge.host.signer` names it; empty for firmware that cannot be paired.
        protocol: version that the head speaks, such as 1.0; empty where no session is open.
        counts: of the open session: requests, retries, failed, bad frames and more.
    """

    open: bool
    error: str
    port: str
    identity: Hello | None
    status: Status | None
    status_age_s: float | None
    num_reconnects: int
    counts: dict[str, int]
    pairing: str = ""
    protocol: str = ""


class Bridge:
    """Owns the link and its thread.

    Args:
        port: `auto`, a path or a name in /dev/serial/by-id.
        keys: folder of the keys of paired heads.
    """

    def __init__(self, port: str, baud: int = 115_200, keys: Path = KEYS) -> None:
        self._link = Link(port, baud, self._tell_event, self._tell_change, partial(read_key, keys))
        self._identity: Hello | None = None
        self._on_event: list[Callable[[Message, int], None]] = []
        self._on_change: list[Callable[[], None]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="firmware-bridge", daemon=True)

    def subscribe(
        self, on_event: Callable[[Message, int], None] | None = None, on_change: Callable[[], None] | None = None
    ) -> None:
        """Call before `start`. Both are called in the bridge's thread and must not wait; an exception is logged.

        Args:
            on_event: each event once, with `time.monotonic_ns()` of its receipt.
            on_change: after each STATUS, and when the link has opened or is lost.
        """
        if on_event is not None:
            self._on_event.append(on_event)
        if on_change is not None:
            self._on_change.append(on_change)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End the thread and free the port; safe to call twice."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._link.wake()
        if self._thread.is_alive():
            self._thread.join(2.0)
        if not self._thread.is_alive():
            self._link.close()

    def submit(self, message: Message) -> Future[Message]:
        """Send a request without waiting; callbacks of the future are called in the bridge's thread.

        Raises:
            CommandFailed: no session is open, or the value is out of range.
        """
        return self._link.submit(message)

    def command(self, message: Message, timeout_s: float = COMMAND_TIMEOUT_S) -> Message:
        """Send a request and wait for its answer. Not from the bridge's own thread.

        Raises:
            CommandFailed: `Refused`, `OutcomeUnknown`, or it was not sent.
        """
        try:
            return self.submit(message).result(timeout_s)
        except TimeoutError as error:
            raise OutcomeUnknown(f"{wire_name(type(message))}: no answer in {timeout_s:g} s") from error

    def host_ns(self, device_us: int) -> int | None:
        """`time.monotonic_ns()` at which the device's clock showed this; None before the first heartbeat."""
        session = self._link.session
        return None if session is None else session.clock.host_ns(device_us)

    @property
    def failed_to_open(self) -> bool:
        """Whether an attempt has failed and none has succeeded; trying goes on."""
        return self._link.num_failed > 0 and self._link.num_opened == 0

    @property
    def clock_uncertainty_ns(self) -> int | None:
        """How far `host_ns` may be off."""
        session = self._link.session
        return None if session is None else session.clock.uncertainty_ns

    def snapshot(self) -> Snapshot:
        """What is known now; never waits for the line."""
        link, session = self._link, self._link.session
        if session is None or session.identity is None:
            reconnects = max(0, link.num_opened - 1)
            return Snapshot(False, link.error or "lost", link.path, self._identity, None, None, reconnects, {})
        status, came_ns = session.status or (None, 0)
        age_s = None if status is None else (time.monotonic_ns() - came_ns) / 1e9
        of_session, decoder = session.counts, session.decoder.counts
        counts = {
            "requests": of_session.requests,
            "retries": of_session.retries,
            "failed": of_session.failed,
            "late_answers": of_session.late_answers,
            "events": of_session.events,
            "repeated_events": of_session.repeated_events,
            "frames": decoder.frames,
            "bad_frames": decoder.bad,
        }
        state, protocol = session.signer.state, f"{session.version >> 4}.{session.version & 15}"
        reconnects = link.num_opened - 1
        return Snapshot(True, "", link.path, session.identity, status, age_s, reconnects, counts, state, protocol)

    def _run(self) -> None:
        try:
            self._link.run(self._stop)
        except Exception:
            log.exception("the firmware bridge ended")

    def _tell_event(self, event: Message, now_ns: int) -> None:
        for handler in self._on_event:
            try:
                handler(event, now_ns)
            except Exception:
                log.exception("a subscriber failed on %s", event)

    def _tell_change(self) -> None:
        session = self._link.session
        if session is not None and session.identity is not None:
            self._identity = session.identity
        for handler in self._on_change:
            try:
                handler()
            except Exception:
                log.exception("a subscriber failed")


@contextmanager
def opened(port: str, baud: int, keys: Path = KEYS) -> Iterator[Bridge]:
    """A bridge with an open session and its first STATUS, for one short job.

    Raises:
        PortError: no camera head answered; says what the first attempt met.
    """
    bridge = Bridge(port, baud, keys)
    changed = threading.Event()
    bridge.subscribe(on_change=changed.set)
    bridge.start()
    try:
        for _ in range(round(_CONNECT_S / _POLL_S)):
            if bridge.snapshot().status is not None or bridge.failed_to_open:
                break
            changed.wait(_POLL_S)
            changed.clear()
        if bridge.snapshot().status is None:
            raise PortError(bridge.snapshot().error or "the camera head greets, but sends no STATUS")
        yield bridge
    finally:
        bridge.close()
