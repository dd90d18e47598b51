"""A connection to a camera: its certificate is checked before a word is sent, and no answer is waited for for ever."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.basics.errors import ConfigError, DeviceMissing
from edge.sources.network.address import CameraAddress

ANSWER_S = 10.0
_RECEIVE_BYTES = 4 << 20


def connected(camera: str, address: CameraAddress, ca: Path | None) -> socket.socket:
    """A TCP connection, inside TLS where the address says so.

    Args:
        camera: the address as it may be shown.
        ca: PEM file of the authorities that may have signed its certificate; None takes this system's.

    Raises:
        DeviceMissing: nobody there, or not who it should be; nothing has been sent then.
        ConfigError: the file cannot be read.
    """
    context = trusting(ca) if address.is_secure else None
    try:
        made = socket.create_connection((address.host, address.port), ANSWER_S)
    except (OSError, UnicodeError) as error:  # a host's name that no resolver takes
        raise DeviceMissing(
            f"{camera}: nobody answers there ({why(error)}); check the address and the camera"
        ) from error
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context is None:
        return made
    try:
        with limited(made):
            return context.wrap_socket(made, server_hostname=address.host)
    except (OSError, ValueError) as error:
        made.close()
        raise _not_trusted(camera, error) from error


def trusting(ca: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer with the name checked, by this system's authorities or by those of a PEM file.

    Raises:
        ConfigError: the file cannot be read or holds no certificate.
    """
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"source.ca = {ca}: expected a PEM file with a certificate ({why(error)})") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca is not None:  # a camera's own certificate is trusted as it stands, though few are made by the letter
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _not_trusted(camera: str, error: Exception) -> DeviceMissing:
    if isinstance(error, ssl.SSLCertVerificationError):
        return DeviceMissing(
            f"{camera}: its certificate is not accepted: {error.verify_message}; nothing was sent. Name the authority "
            "that signed it, or the certificate itself, with [source] ca"
        )
    return DeviceMissing(f"{camera}: no TLS there ({why(error)}); check the address and the port")


def udp_pair(beside: socket.socket) -> tuple[socket.socket, socket.socket]:
    """An even port for RTP and the one after it for RTCP, on the address by which the camera is reached.

    Raises:
        DeviceMissing: no such pair is free.
    """
    own = beside.getsockname()[0]
    for _ in range(50):
        even = socket.socket(beside.family, socket.SOCK_DGRAM)
        even.bind((own, 0))
        port = even.getsockname()[1]
        odd = socket.socket(beside.family, socket.SOCK_DGRAM)
        try:
            if port % 2:
                raise OSError
            odd.bind((own, port + 1))
        except OSError:
            even.close()
            odd.close()
            continue
        for one in (even, odd):
            one.setblocking(False)
        even.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        return even, odd
    raise DeviceMissing("no pair of free UDP ports for the camera's packets")


@contextmanager
def limited(connection: socket.socket) -> Iterator[None]:
    """Hangs up where the block takes longer than `ANSWER_S`, however slowly bytes drip in.

    Raises:
        TimeoutError: it did, in the place of what the block raises then.
    """
    is_over = threading.Event()

    def end() -> None:
        is_over.set()
        hang_up(connection)

    timer = threading.Timer(ANSWER_S, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:
        if is_over.is_set():
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()


def hang_up(connection: socket.socket) -> None:
    """End a read that waits in another thread; the socket itself is closed by who reads it."""
    try:
        socket.socket.shutdown(connection, socket.SHUT_RDWR)  # that of TLS would take the reader's state away
    except OSError:
        return


def why(error: Exception) -> str:
    """A failed answer in words."""
    if isinstance(error, TimeoutError):
        return f"none within {ANSWER_S:.0f} s"
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error) or type(error).__name__
