"""The unit's keys: 32 bytes each, 64 hex digits in a file that only its owner and its group may read."""

from __future__ import annotations

import grp
import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from edge.basics.errors import ConfigError, InputOutputError
from edge.basics.folders import open_plain
from edge.basics.whole_files import whole_file

KEY_BYTES, ID_BYTES = 32, 8
OWN_FILE, GROUP_FILE = 0o600, 0o640
GROUP = "edge-enhance"
"""Of the service."""
_DIGITS = re.compile(r"[0-9a-fA-F]{64}")
_MAX_BYTES = 4096


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """Attributes: material: 32 bytes, secret."""

    material: bytes

    @property
    def id(self) -> bytes:
        """Eight bytes that tell keys apart, and nothing of the key."""
        return hmac.digest(self.material, b"edge-enhance key id 1", "sha256")[:ID_BYTES]


def key_of(setting: str, text: str) -> Key:
    """The key in the file that a setting names; systemd's $CREDENTIALS_DIRECTORY is filled in.

    Args:
        setting: `privacy.key`, for messages.

    Raises:
        ConfigError: it cannot be read, too many may read it, or it holds no key.
    """
    path = Path(os.path.expandvars(text)).expanduser()
    told = f"{setting} = {text}"
    try:
        with open_plain(path) as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MAX_BYTES)
    except OSError as error:
        unset = "; $CREDENTIALS_DIRECTORY is set in the service alone" if "$" in str(path) else ""
        raise ConfigError(f"{told}: cannot be read: {error.strerror or error}{unset}") from error
    if mode & (stat.S_IWGRP | stat.S_IRWXO):
        raise ConfigError(f"{told}: others may read it, or its group write it; chmod 0640 it")
    digits = content.decode("ascii", "replace").strip()
    if not _DIGITS.fullmatch(digits):
        raise ConfigError(f"{told}: expected 64 hex digits in a line, as edge-enhance privacy make-key writes them")
    return Key(bytes.fromhex(digits))


def make_key(path: Path) -> Key:
    """A new key in a new file, which the service may read where root makes it.

    Raises:
        InputOutputError: the file is there, or cannot be written.
    """
    if os.path.lexists(path):
        raise InputOutputError(f"{path}: is there already; no key is written over: what it encrypted would be lost")
    key = Key(secrets.token_bytes(KEY_BYTES))
    groups = [one.gr_gid for one in grp.getgrall() if one.gr_name == GROUP] if os.geteuid() == 0 else []
    try:
        with whole_file(path, GROUP_FILE if groups else OWN_FILE) as file:
            if groups:
                os.fchown(file.fileno(), os.geteuid(), groups[0])
            file.write(key.material.hex().encode() + b"\n")
    except OSError as error:
        raise InputOutputError(f"{path}: {error.strerror or error}") from error
    return key
