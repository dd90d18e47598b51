"""What the page opens to: its sockets, their TLS, and the refusal to be open to everybody unasked."""

from __future__ import annotations

import contextlib
import logging
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.access.control import control_socket
from edge.access.listening import Address, Listener, bound, is_open_to_others
from edge.basics.errors import ConfigError, EdgeError
from edge.config import WebConfig

log = logging.getLogger(__name__)


class Opening:
    """Where the page listens, and what of that is TLS: addresses that others reach, and no others.

    Args:
        addresses: of `web.listen`.
        has_users: there is a users file.

    Raises:
        ConfigError: others would reach it without users or without TLS, and nobody said that they may; or the
            certificate cannot be taken.
    """

    def __init__(self, config: WebConfig, addresses: Sequence[Address], *, has_users: bool) -> None:
        self._config, self._addresses, self._has_users = config, addresses, has_users
        self._open = [one for one in addresses if is_open_to_others(one)]
        if self._open and not config.insecure:
            refuse_open(self._open[0].text, has_users, bool(config.certificate))
        self._certificate = None
        if self._open and config.certificate:
            from edge.access.certificate import Certificate

            self._certificate = Certificate(config, [one.host for one in self._open])
        self.control_path: Path | None = None

    def listen(self) -> list[tuple[Listener, ssl.SSLContext | None]]:
        """Every socket, with its TLS.

        Raises:
            InputOutputError: one is in use or not allowed; none is left open.
        """
        with contextlib.ExitStack() as sockets:
            opened = []
            for address in self._addresses:
                listener = bound(address)
                sockets.callback(listener.socket.close)
                opened.append((listener, self._tls_of(listener)))
            if (self._has_users or self._certificate) and (control := control_socket(self._config.listen)):
                socket, self.control_path = control
                opened.append((Listener(Address("control", path=self.control_path), socket, False), None))
            sockets.pop_all()
        self._tell()
        return opened

    def close(self) -> None:
        """Take away the names of its Unix sockets."""
        paths = [self.control_path, *(one.path for one in self._addresses)]
        for path in paths:
            if path is not None:
                with contextlib.suppress(OSError):
                    path.unlink()

    def take_certificate(self) -> None:
        """Serve what the certificate's files hold now; what cannot be taken is told."""
        if self._certificate is None:
            return
        try:
            self._certificate.take()
        except EdgeError as error:
            log.error("certificate not taken, the one in use stays: %s", error)
            return
        log.info("certificate: SHA-256 %s", self._certificate.fingerprint)

    def tick(self) -> None:
        """Now and then; may write a file."""
        if self._certificate is not None:
            self._certificate.tick()

    def record(self) -> dict[str, Any]:
        """What `/health` tells."""
        fingerprint = "" if self._certificate is None else self._certificate.fingerprint
        return {"users": self._has_users, "tls": self._certificate is not None, "certificate_sha256": fingerprint}

    @property
    def is_insecure(self) -> bool:
        """Whether others on the network can reach it without a user, or without TLS."""
        return bool(self._open) and (not self._has_users or self._certificate is None)

    def notices(self) -> list[str]:
        """What everybody who looks must be told."""
        can = ["watch and change this"] if not self._has_users else []
        can += ["read along what is shown and typed here"] if self._certificate is None else []
        told = [f"NOT SECURED: everybody on this network can {' and '.join(can)}"] if self._open and can else []
        if self._certificate is not None and (trouble := self._certificate.notice()):
            told.append(trouble)
        return told

    def _tls_of(self, listener: Listener) -> ssl.SSLContext | None:
        return self._certificate.context if self._certificate and listener.is_open_to_others else None

    def _tell(self) -> None:
        if self._certificate is not None:
            log.info("certificate: SHA-256 %s", self._certificate.fingerprint)
        for notice in self.notices():
            log.warning("web.listen %s: %s", self._config.listen, notice)


def refuse_open(listen: str, has_users: bool, has_tls: bool) -> None:
    """Raises `ConfigError` with the two commands to run, where something is missing."""
    missing = [what for what, is_there in (("users", has_users), ("TLS", has_tls)) if not is_there]
    if missing:
        raise ConfigError(
            f"web.listen {listen} is open to the network, without {' and '.join(missing)}: run `edge-enhance user add "
            f"NAME --role admin --users FILE`, then `edge-enhance --live --listen {listen} --users FILE --certificate "
            "self-made`; or say --insecure"
        )
