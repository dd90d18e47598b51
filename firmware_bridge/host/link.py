"""The serial line kept up: opened, greeted, served, and opened again when it was lost."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from firmware_bridge.errors import BridgeError, CommandFailed, PortError
from firmware_bridge.host.ports import SerialLine, chosen_port
from firmware_bridge.host.session import EventHandler, Session
from firmware_bridge.host.signer import KeyOf, no_key
from firmware_bridge.wire.layout import Message
from firmware_bridge.wire.messages import wire_name

log = logging.getLogger(__name__)

BACKOFF_S = (0.1, 0.2, 0.5, 1.0)
"""Between two attempts; the last one again and again, so a plug that is put back is found within a second."""


class Link:
    """Runs sessions one after the other in the thread that calls `run`; `submit` may be called from any.

    Args:
        port: `auto`, a path or a name in /dev/serial/by-id.
        on_event: called with each event of the device, in the thread of `run`.
        key_of: a head's key by its serial number.
        on_change: called there when a session has opened, has news or is lost.

    Attributes:
        session: the present one, None while the port is closed.
        path: of the open port, as text; empty while it is closed.
        error: why there is no open session; empty while there is one.
        num_opened, num_failed: sessions that opened, and attempts and sessions that failed, so far.
    """

    def __init__(
        self,
        port: str,
        baud: int,
        on_event: EventHandler = lambda event, now_ns: None,
        on_change: Callable[[], None] = lambda: None,
        key_of: KeyOf = no_key,
    ) -> None:
        self._port, self._baud = port, baud
        self._on_event, self._on_change, self._key_of = on_event, on_change, key_of
        self._lock = threading.RLock()  # an event's handler may submit
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self.session: Session | None = None
        self.path = ""
        self.error = "not opened yet"
        self.num_opened = self.num_failed = 0

    def submit(self, message: Message) -> Future[Message]:
        """Queue a request for the open session.

        Raises:
            CommandFailed: there is none, it is full, or the value is out of range.
        """
        with self._lock:
            session = self.session
            if session is None or session.identity is None:
                raise CommandFailed(f"{wire_name(type(message))} was not sent: {self.error}")
            future = session.submit(message)
        self.wake()
        return future

    def wake(self) -> None:
        """Make `run` look for work at once."""
        with contextlib.suppress(BlockingIOError):  # it has enough to wake up for
            os.write(self._wake_write, b"\0")

    def run(self, stop: threading.Event) -> None:
        """Keep a session open until `stop` is set and `wake` called."""
        attempt = 0
        while not stop.is_set():
            opened = self.num_opened
            try:
                self.serve(stop)
            except PortError as error:
                if str(error) != self.error:
                    log.warning("camera head: %s", error)
                self.error = str(error)
                self.num_failed += 1
            self._on_change()
            attempt = 0 if self.num_opened > opened else attempt + 1
            stop.wait(BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)])

    def serve(self, stop: threading.Event) -> None:
        """One open port: sessions until the line is lost or `stop` is set.

        Raises:
            PortError: it cannot be opened, or was lost.
        """
        line = SerialLine(chosen_port(self._port), self._baud)
        try:
            self.path = str(line.path)
            self._session_on(line, stop)
        finally:
            self.path = ""
            line.close()

    def _session_on(self, line: SerialLine, stop: threading.Event) -> None:
        line.read()  # of an earlier owner
        session = Session(time.monotonic_ns(), self._on_event, key_of=self._key_of)
        with self._lock:
            self.session = session
        failure: BridgeError = PortError("this program is ending")
        try:
            while not stop.is_set():
                self._exchange(session, line)
                if session.failure is not None:
                    failure = session.failure
                    raise PortError(f"{line.path}: {failure}") from failure
        except PortError as error:
            failure = error
            raise
        finally:
            with self._lock:
                self.session = None
                self.error = str(failure)
                session.end(failure)

    def _exchange(self, session: Session, line: SerialLine) -> None:
        """Write what is due, wait for whatever comes first, take it in."""
        greeted, status = session.identity is not None, session.status
        now_ns = time.monotonic_ns()
        with self._lock:
            session.poll(now_ns)
            out, wake_ns = session.take_output(), session.next_wake_ns()
        if out:
            line.write(out)
        line.wait((wake_ns - now_ns) / 1e9, self._wake_read)
        self._drain_wake()
        data = line.read()
        if data:
            with self._lock:
                session.receive(data, time.monotonic_ns())
                out = session.take_output()
            if out:  # acknowledgements at once
                line.write(out)
        if session.identity is not None and not greeted:
            self.num_opened += 1
            self.error = ""
            pairing = f", {session.signer.state}" if session.signer.state else ""
            log.info("camera head: %s on %s%s", session.identity.serial, line.path, pairing)
        if session.status is not status or (session.identity is not None) != greeted:
            self._on_change()

    def _drain_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wake_read, 4096):
                pass

    def close(self) -> None:
        """After `run` has ended."""
        os.close(self._wake_read)
        os.close(self._wake_write)
