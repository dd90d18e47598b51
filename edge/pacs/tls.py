"""TLS as DICOM's BCP 195 profile has it (PS3.15 B.9, RFC 9325): 1.2 or newer, forward secrecy and AEAD alone."""

from __future__ import annotations

import os
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.basics.errors import ConfigError

SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM"
"""Of TLS 1.2; those of 1.3 are all of this kind."""


@dataclass(frozen=True, slots=True)
class Files:
    """PEM files. Attributes: table: of edge.toml, for messages; ca: None takes this system's authorities."""

    table: str
    ca: Path | None
    certificate: Path | None
    key: Path | None


def files_of(table: str, ca: str, certificate: str, key: str) -> Files:
    """As the keys `ca`, `certificate` and `key` of a table name them; $VARIABLES are filled in."""
    return Files(table, *(named_file(name) for name in (ca, certificate, key)))


def named_file(name: str) -> Path | None:
    """A file as a setting names it, `$CREDENTIALS_DIRECTORY` of systemd filled in; None for ""."""
    return Path(os.path.expandvars(name)).expanduser() if name else None


def client_context(files: Files) -> ssl.SSLContext:
    """For a connection of ours: the other's certificate and name are checked.

    Raises:
        ConfigError: a file cannot be used.
    """
    return _modern(ssl.create_default_context(ssl.Purpose.SERVER_AUTH), files)


def server_context(files: Files) -> ssl.SSLContext:
    """For connections to us: only who has a certificate that we trust comes in.

    A stranger who says nothing holds up nobody: hands are shaken when the first byte is read, in a thread of its own.

    Raises:
        ConfigError: a file cannot be used.
    """
    if files.certificate is None:
        raise ConfigError(f"{files.table}.certificate: expected the unit's own, since {files.table}.listen is over TLS")
    context = _Late(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    if files.ca is None:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    return _modern(context, files)


class _Late(ssl.SSLContext):
    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        return super().wrap_socket(*args, **{**kwargs, "do_handshake_on_connect": False})


def _modern(context: ssl.SSLContext, files: Files) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITES)
    if files.ca is not None:
        try:
            context.load_verify_locations(cafile=str(files.ca))
        except (OSError, ssl.SSLError) as error:
            raise _unusable(files.table, "ca", files.ca, "a PEM file with a certificate", error) from error
        # The peer's own certificate is trusted as it stands, though few are made by the letter.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if files.certificate is not None:
        _refuse_open_key(files)
        try:
            context.load_cert_chain(files.certificate, files.key, lambda: b"")
        except (OSError, ssl.SSLError) as error:
            what = "a PEM file with the unit's certificate, and its key without a passphrase"
            raise _unusable(files.table, "certificate", files.certificate, what, error) from error
    return context


def _refuse_open_key(files: Files) -> None:
    path = files.key or files.certificate
    assert path is not None
    try:
        about = path.stat()
    except OSError as error:
        raise _unusable(files.table, "key" if files.key else "certificate", path, "a PEM file", error) from error
    if about.st_mode & stat.S_IROTH:
        raise ConfigError(f"{files.table}.key = {path}: everybody may read it; chmod 0640 it")


def _unusable(table: str, key: str, path: Path, expected: str, error: Exception) -> ConfigError:
    why = (error.strerror if isinstance(error, OSError) and error.strerror else None) or str(error)
    return ConfigError(f"{table}.{key} = {path}: expected {expected} ({why})")
