"""The keys of paired camera heads: a file each, named by the head's serial number, for the unit's program alone."""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path

from firmware_bridge.errors import PortError
from firmware_bridge.wire.signing import KEY_BYTES

KEYS = Path("/var/lib/edge-enhance/head-keys")
"""Where they are unless the configuration or --keys says otherwise."""


class KeyFileWrong(PortError):
    """The key of a head cannot be used; nothing is sent until somebody mends it."""


def key_path(folder: Path, serial: str) -> Path:
    """Where the key of this head is; a serial number that is no plain name is spelt in hex."""
    is_plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,15}", serial)
    return folder / f"{serial if is_plain else 'hex-' + serial.encode('utf-8').hex()}.key"


def read_key(folder: Path, serial: str) -> bytes | None:
    """The head's key; None where it was never paired with this unit.

    Raises:
        KeyFileWrong: it cannot be read, others can read it, or it is no key.
    """
    path = key_path(folder, serial)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyFileWrong(f"{path}: cannot be read: {error.strerror}") from error
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        raise KeyFileWrong(f"{path}: no plain file; remove it, then pair anew: edge-bridge pair")
    with os.fdopen(descriptor, "rb") as file:
        if about.st_mode & 0o077:
            mode = stat.S_IMODE(about.st_mode)
            raise KeyFileWrong(f"{path}: mode {mode:o}, others can read it; expected 600: pair anew, edge-bridge pair")
        try:
            text = file.read(2 * KEY_BYTES + 2)
            key = bytes.fromhex(text.decode("ascii").strip())
        except (OSError, ValueError) as error:
            raise KeyFileWrong(f"{path}: no key; expected {2 * KEY_BYTES} hex digits: edge-bridge pair") from error
    if len(key) != KEY_BYTES:
        raise KeyFileWrong(f"{path}: {len(key)} bytes; expected {KEY_BYTES}: edge-bridge pair")
    return key


def new_key() -> bytes:
    """From the system's random generator."""
    return secrets.token_bytes(KEY_BYTES)


def write_key(folder: Path, serial: str, key: bytes) -> Path:
    """Keep a key, mode 600; whole or not at all.

    Raises:
        KeyFileWrong: it cannot be written.
    """
    path = key_path(folder, serial)
    fresh = path.with_name(f".{path.name}.new")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise KeyFileWrong(f"{path}: cannot be written: {error.strerror or error}") from error
    return path


def forget_key(folder: Path, serial: str) -> None:
    """Remove a head's key, if there is one."""
    key_path(folder, serial).unlink(missing_ok=True)
