"""The address of a network camera: checked before anything is sent, and shown without its secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from edge.basics.errors import ConfigError, DeviceMissing, UsageError
from edge.basics.hiding import remember_uri
from edge.basics.secrets import shown_uri

PORTS = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322}
"""Schemes that are read, with their usual ports (RFC 9110, RFC 2326, RFC 7826)."""
_LONGEST = 2048
_LONGEST_PASSWORD = 1024
_ALLOWED = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """Where a camera is, and who asks.

    Attributes:
        target: path and query, as a request names them.
        user, password: empty where the address names none.
    """

    scheme: str
    host: str
    port: int
    target: str
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def is_secure(self) -> bool:
        return self.scheme in ("https", "rtsps")

    @property
    def authority(self) -> str:
        """Host and port as a request names them; the port only where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """As it is sent: without user and password."""
        return f"{self.scheme}://{self.authority}{self.target}"

    def sent_on(self, camera: str, location: str) -> CameraAddress:
        """Where an answer sends us on to.

        User and password go along to the same host, port and scheme only.

        Args:
            camera: the address as it may be shown.

        Raises:
            DeviceMissing: to a file, from a secure address to another, or to what is no address of a camera.
        """
        absolute = urljoin(self.url.replace("rtsp", "http", 1), location) if "://" not in location else location
        scheme = self.scheme if "://" not in location else absolute.partition(":")[0].lower()
        kinds = ("http", "https") if self.scheme.startswith("http") else ("rtsp", "rtsps")
        try:
            if not location or scheme not in kinds or (self.is_secure and scheme == kinds[0]):
                raise UsageError(f"it would be {shown_uri(location)[:80]!r}")
            there = one_address(f"{scheme}:{absolute.partition(':')[2]}")
        except UsageError as error:
            raise DeviceMissing(f"{camera}: sends on to where no camera is read from ({error})") from error
        if (there.host, there.port, there.scheme) != (self.host, self.port, self.scheme):
            return replace(there, user="", password="")
        return replace(there, user=self.user, password=self.password)


def one_address(uri: str, password_file: Path | None = None) -> CameraAddress:
    """Read an address.

    Args:
        password_file: holds the password in its first line, for the user that the address names.

    Raises:
        UsageError: it is too long, names no host or a port that cannot be, or has characters that no address has.
        ConfigError: the file cannot be read, others may read it, or address and file both give a password.
    """
    if len(uri) > _LONGEST:
        raise UsageError(f"the address of the camera has {len(uri)} characters; expected at most {_LONGEST}")
    if not _ALLOWED.fullmatch(uri):
        raise UsageError(f"{shown_uri(uri)}: only ASCII without spaces; write others as %XX")
    try:
        parts: SplitResult = urlsplit(uri)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{shown_uri(uri)}: no address of a camera ({error})") from error
    scheme = parts.scheme.lower()
    if scheme not in PORTS or not parts.hostname or port == 0:
        raise UsageError(f"{shown_uri(uri)}: no address of a camera; expected rtsp://HOST/PATH or http://HOST/PATH")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if password_file is not None:
        password = _password_of(password_file, user, password)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return CameraAddress(scheme, parts.hostname, port or PORTS[scheme], target, user, password)


def _password_of(path: Path, user: str, in_address: str) -> str:
    if in_address or not user:
        fault = "the address has a password too" if in_address else "the address names no user"
        raise ConfigError(f"source.password_file = {path}: {fault}; expected rtsp://USER@HOST/PATH")
    try:
        mode = path.stat().st_mode
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8"
        raise ConfigError(f"source.password_file = {path}: cannot be read ({why})") from error
    if mode & 0o007:
        raise ConfigError(f"source.password_file = {path}: everybody may read it; chmod 0600 it")
    if not lines or not lines[0] or len(lines[0]) > _LONGEST_PASSWORD:
        raise ConfigError(f"source.password_file = {path}: expected a file with the password in its first line")
    remember_uri(f"http://{quote(user, safe='')}:{quote(lines[0], safe='')}@camera/")
    return lines[0]
