"""The certificate that the page is served with over TLS: given, or self-made and renewed."""

from __future__ import annotations

import hashlib
import logging
import ssl
import stat
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from edge.access.self_made import CERTIFICATE, KEY, ensure_self_made, machine_names, tls_folder
from edge.basics.errors import ConfigError, InputOutputError
from edge.config import SELF_MADE, WebConfig
from firmware_bridge.command_line import hint

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 3600.0
TELL_DAYS = 30


class Certificate:
    """One certificate, and the TLS context that it is served with: 1.2 and newer.

    `take` has new connections get what the files hold now; those that are open go on with what they have. It makes
    another context, which each handshake is given, since one that serves must not change under its connections.

    Args:
        config: `certificate` and `key`.
        names: more names of this machine, for a self-made one.

    Raises:
        ConfigError: the files are missing, damaged or do not belong together.
    """

    def __init__(self, config: WebConfig, names: Sequence[str] = ()) -> None:
        self._config = config
        self._names = names
        self._seen_s = time.monotonic()
        self.take()
        self.context = self._current
        self.context.sni_callback = self._give_current

    def take(self) -> None:
        """Make or renew a self-made one where it is time, and serve what the files hold now.

        Raises:
            ConfigError: as above; what was served before still is.
        """
        certificate, key = self.files()
        if self._config.certificate == SELF_MADE:
            ensure_self_made(certificate.parent, [*machine_names(), *self._names])
        found = read_certificate(certificate)
        _refuse_open_key(key)
        self._current, self._found = _context(certificate, key), found

    def tick(self) -> None:
        """Look now and then whether a self-made one wants renewing; may write a file."""
        if self._config.certificate != SELF_MADE or time.monotonic() - self._seen_s < LOOK_AGAIN_S:
            return
        self._seen_s = time.monotonic()
        before = self.fingerprint
        try:
            self.take()
        except (ConfigError, InputOutputError) as error:
            log.error("certificate not renewed: %s", error)
        if self.fingerprint != before:
            log.warning("certificate renewed: SHA-256 %s", self.fingerprint)

    def _give_current(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = self._current

    def files(self) -> tuple[Path, Path]:
        """Certificate and key."""
        return certificate_files(self._config)

    @property
    def fingerprint(self) -> str:
        """SHA-256, as browsers show it."""
        return fingerprint_of(self._found)

    def notice(self, now: datetime | None = None) -> str:
        """What people must be told of it; empty where nothing is wrong."""
        return trouble_of(self._found, now)


def certificate_files(config: WebConfig) -> tuple[Path, Path]:
    """Certificate and key of a configuration that has one."""
    if config.certificate == SELF_MADE:
        return tls_folder() / CERTIFICATE, tls_folder() / KEY
    return Path(config.certificate), Path(config.key or config.certificate)


def read_certificate(path: Path) -> x509.Certificate:
    """The first certificate of a file.

    Raises:
        ConfigError: there is none that can be read.
    """
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        told = "" if path.is_absolute() else hint(str(path), (SELF_MADE,))
        raise ConfigError(f"web.certificate {path}: cannot be read ({error.strerror}){told}") from error
    except ValueError as error:
        raise ConfigError(f"web.certificate {path}: no certificate in PEM; convert it with openssl x509") from error


def fingerprint_of(certificate: x509.Certificate) -> str:
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest().hex(":").upper()


def trouble_of(certificate: x509.Certificate, now: datetime | None = None) -> str:
    """What is wrong with its time, or soon will be; empty for nothing."""
    now = now or datetime.now(timezone.utc)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now >= end:
        return f"the certificate ended on {end:%Y-%m-%d}: browsers warn of it; put a new one in place and reload"
    if now < begin:
        return f"the certificate begins on {begin:%Y-%m-%d}, and the unit's clock says {now:%Y-%m-%d}"
    return f"the certificate ends on {end:%Y-%m-%d}" if (end - now).days < TELL_DAYS else ""


def _refuse_open_key(path: Path) -> None:
    """A key that others have read is no key."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ConfigError(f"web.key {path}: cannot be read ({error.strerror})") from error
    if mode & (stat.S_IWGRP | stat.S_IRWXO):
        raise ConfigError(f"web.key {path}: mode {stat.S_IMODE(mode):04o}, so others can read or change it; chmod 0640")


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as error:
        reason = "they do not belong together" if "MISMATCH" in str(error.reason) else "no key in PEM without password"
        raise ConfigError(f"web.certificate {certificate}, web.key {key}: {reason}") from error
    except OSError as error:
        raise ConfigError(f"web.key {key}: cannot be read ({error.strerror})") from error
    return context


def _no_password() -> str:
    """Else OpenSSL asks for one at the terminal, and the start waits for ever."""
    return ""
