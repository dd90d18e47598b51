"""Passwords: argon2id (RFC 9106), one at a time, in a thread that gives way to the picture."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import secrets
import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import error_to_str

from edge.basics.errors import UsageError

LEAST_CHARACTERS, MOST_CHARACTERS = 12, 256
MAX_WAITING = 8
"""Logins that may wait for their turn; more are sent away, so that a crowd costs neither memory nor time."""
_MIB = 1024
_NICENESS = 10
_HASHER = PasswordHasher(time_cost=3, memory_cost=32 * _MIB, parallelism=1)
"""RFC 9106 with less memory than it recommends (OWASP's least is 19 MiB): a unit has little to spare."""
_NO_MEMORY = error_to_str(-22)
"""ARGON2_MEMORY_ALLOCATION_ERROR of argon2.h."""
_MOST_MEMORY_KIB, _MOST_PASSES, _MOST_LANES = 256 * _MIB, 16, 8


class Busy(Exception):
    """It cannot be checked now: too many wait already, or there is no memory for it."""


def hash_of(password: str) -> str:
    """What is stored in place of a password; takes some 100 ms.

    Raises:
        UsageError: it is too short, too long or holds control characters.
    """
    if not LEAST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        span = f"{LEAST_CHARACTERS} to {MOST_CHARACTERS} characters"
        raise UsageError(f"a password of {len(password)} characters: expected {span}; a few words in a row will do")
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in password):
        raise UsageError("the password holds control characters: expected letters, digits, spaces and signs")
    return _HASHER.hash(_normal(password))


def is_hash(stored: str) -> bool:
    """Whether it is argon2id that a login can be held to: not more memory or time than a unit has."""
    try:
        asked = extract_parameters(stored)
    except InvalidHashError:
        return False
    return (
        asked.type is Type.ID
        and asked.memory_cost <= _MOST_MEMORY_KIB
        and asked.time_cost <= _MOST_PASSES
        and asked.parallelism <= _MOST_LANES
    )


def matches(stored: str, password: str) -> bool:
    """Whether a password is the one that was stored; takes as long whether it is or not.

    Raises:
        Busy: there was no memory for it; a right password must not count as a wrong one.
    """
    try:
        return _HASHER.verify(stored, _normal(password))
    except (InvalidHashError, UnicodeError):
        return False
    except VerificationError as error:
        if str(error) == _NO_MEMORY:
            raise Busy from error
        return False


def _normal(password: str) -> str:
    """One spelling for what keyboards spell in several ways (NIST SP 800-63B, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


class PasswordDesk:
    """Checks passwords for an event loop."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, "passwords", initializer=_give_way)
        self._num_waiting = 0
        self._nobody = _hash_of_nothing()

    async def check(self, stored: str | None, password: str) -> bool:
        """Whether the password is right; never for a user that is not there, after the same time.

        Raises:
            Busy: too many others wait, or there is no memory for it.
        """
        if self._num_waiting >= MAX_WAITING:
            raise Busy
        self._num_waiting += 1
        try:
            loop = asyncio.get_running_loop()
            held_to = self._nobody if stored is None else stored
            is_right = await loop.run_in_executor(self._executor, matches, held_to, password)
            return is_right and stored is not None
        finally:
            self._num_waiting -= 1

    def close(self) -> None:
        """Check no more."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _hash_of_nothing() -> str:
    """What a name is held to that nobody has, so that it takes as long as one that somebody has; nothing matches it.

    It is not made by hashing, which would take 100 ms at each start of a unit.
    """
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (_HASHER.salt_len, _HASHER.hash_len)
    )
    costs = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"


def _give_way() -> None:
    with contextlib.suppress(OSError):  # a service may be forbidden to: then it takes its turn like others
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
