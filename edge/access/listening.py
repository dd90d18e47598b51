"""Where the page listens: addresses, ports and Unix sockets, and which of them others can reach."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from edge.basics.errors import ConfigError, InputOutputError
from edge.config import address_from_listen

UNIX = "unix:"
_BACKLOG = 64
_MAX_UNIX_PATH = 107  # sockaddr_un


@dataclass(frozen=True, slots=True)
class Address:
    """One of `web.listen`.

    Attributes:
        text: as it is written.
        path: of a Unix socket; None for `host` and `port`.
    """

    text: str
    host: str = ""
    port: int = 0
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens.

    Attributes:
        is_open_to_others: it can be reached from beyond this machine.
    """

    address: Address
    socket: socket.socket
    is_open_to_others: bool

    def url(self, scheme: str) -> str:
        """Where a browser on this machine finds the page, or a proxy on it."""
        if self.address.path is not None:
            return self.address.text
        host, port = self.socket.getsockname()[:2]
        here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        return f"{scheme}://[{here}]:{port}/" if ":" in here else f"{scheme}://{here}:{port}/"


def addresses_of(listen: str) -> tuple[Address, ...]:
    """Split `web.listen` at its commas.

    Raises:
        ConfigError: one is not of a form that is known, or there is none.
    """
    return tuple(_address(one.strip()) for one in listen.split(","))


def _address(text: str) -> Address:
    if not text.startswith(UNIX):
        return Address(text, *address_from_listen(text))
    path = text.removeprefix(UNIX)
    if not path.startswith("/") or path.endswith("/") or len(os.fsencode(path)) > _MAX_UNIX_PATH:
        raise ConfigError(
            f"web.listen = {text!r}: expected unix:/PATH of at most {_MAX_UNIX_PATH} bytes, such as "
            "unix:/run/edge-enhance/web.sock"
        )
    return Address(text, path=Path(path))


def socket_addresses(address: Address) -> tuple[tuple[int, tuple[object, ...]], ...]:
    """What a host and its port stand for on this machine: (family, address), the one that is bound first.

    Raises:
        ConfigError: this machine does not know the host.
    """
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigError(f"web.listen = {address.text!r}: this machine knows no host {address.host!r}") from error
    return tuple((int(family), tuple(where)) for family, _, _, _, where in found)


def is_open_to_others(address: Address) -> bool:
    """Whether it can be reached from beyond this machine. A proxy at a Unix socket says itself who may come in.

    Raises:
        ConfigError: this machine does not know the host.
    """
    if address.path is not None:
        return False
    host = str(socket_addresses(address)[0][1][0])
    return not ipaddress.ip_address(host.partition("%")[0]).is_loopback


def bound(address: Address) -> Listener:
    """Listen there.

    Raises:
        ConfigError: this machine does not know the host.
        InputOutputError: it is in use or not allowed.
    """
    try:
        if address.path is not None:
            return Listener(address, unix_socket(address.path, 0o660), False)
        family, where = socket_addresses(address)[0]
        return Listener(
            address, socket.create_server(where, family=family, backlog=_BACKLOG), is_open_to_others(address)
        )
    except OSError as error:
        why = {
            errno.EADDRINUSE: "the port is in use" if address.path is None else "another program listens there",
            errno.EACCES: "this user may not take a port below 1024" if address.path is None else "not allowed",
            errno.EADDRNOTAVAIL: "this machine has no such address",
        }.get(error.errno or 0, error.strerror or str(error))
        message = f"web.listen {address.text}: {why}; choose another with --listen HOST:PORT"
        raise InputOutputError(message) from error


def unix_socket(path: Path, mode: int) -> socket.socket:
    """Listen at a path; a socket that nobody listens at any more is replaced, and nothing else is.

    Raises:
        OSError: it cannot be; EADDRINUSE where something is there that is in use, or no socket.
    """
    if path.is_symlink() or path.exists():
        if not stat.S_ISSOCK(path.lstat().st_mode) or _is_answered(path):
            raise OSError(errno.EADDRINUSE, "in use")
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(listener.fileno(), mode)  # before the path is there: nobody comes in through a wider one
        listener.bind(str(path))
        path.chmod(mode)  # the umask has taken from it
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        return True
