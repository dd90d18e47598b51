"""What the program tells systemd about itself: sd_notify(3), ten lines over a datagram socket."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping

from edge.basics.hiding import without_secrets

_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Notifier:
    """Tells the service manager; without one every call does nothing.

    No call raises or waits: where the manager's socket is full the message is dropped. READY alone is then sent again
    with the next message, since a start without it ends as a failure.

    Args:
        address: path of the manager's socket, `@name` for an abstract one; empty: there is no manager.
        watchdog_interval_s: the manager kills the program that is silent for longer; None: it does not watch.
    """

    def __init__(self, address: str = "", watchdog_interval_s: float | None = None) -> None:
        self.watchdog_interval_s = watchdog_interval_s
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if address else None
        if self._socket is not None:
            self._socket.setblocking(False)
        self._status = ""
        self._owes_ready = False

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str] = os.environ) -> Notifier:
        """The manager that started this process, if any.

        Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so that no child speaks for the
        program. Call it once, before a child is started.
        """
        address, usec, pid = (environ.pop(name, "") for name in _VARIABLES)
        if not address.startswith(("/", "@")):
            address = ""
        watched = bool(address) and usec.isdigit() and int(usec) > 0 and pid in ("", str(os.getpid()))
        return cls(address, int(usec) / 1e6 if watched else None)

    def ready(self) -> None:
        """The program does its work: started, or done with reloading."""
        self._owes_ready = not self._sent("READY=1")

    def status(self, text: str) -> None:
        """One line that `systemctl status` shows; sent when it changes."""
        line = " ".join(without_secrets(text).split())
        if line != self._status and self._sent(f"STATUS={line}"):
            self._status = line

    def watchdog(self) -> None:
        """The program lives: to be called for newly published frames, never from a bare timer."""
        if self.watchdog_interval_s is not None:
            self._sent("WATCHDOG=1")

    def reloading(self) -> None:
        """The configuration is being read again; `ready` tells that this is over."""
        self._owes_ready = False
        self._sent(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The program is on its way out."""
        self._owes_ready = False
        self._sent("STOPPING=1")

    def _sent(self, message: str) -> bool:
        if self._socket is None:
            return True
        if self._owes_ready:
            message = f"READY=1\n{message}"
        try:
            self._socket.sendto(message.encode(), socket.MSG_NOSIGNAL, self._address)
        except OSError:
            return False
        self._owes_ready = False
        return True
