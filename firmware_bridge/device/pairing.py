"""Pairing on the device's side in Python, step for step what c/edge_pairing.c does."""

from __future__ import annotations

from firmware_bridge.device.interface import Flash, Identity
from firmware_bridge.wire.layout import Message
from firmware_bridge.wire.messages import Capability
from firmware_bridge.wire.pairing_messages import GetNonce, Nonce, Pair, Signed
from firmware_bridge.wire.signing import SIGNED, is_right, key_of, session_key

REQUESTS = (GetNonce, Pair, Signed)
"""What older firmware does not know."""


class Pairing:
    """The head's key, and the present session's.

    Attributes:
        flash: what is kept without power; None for firmware that cannot be paired.
    """

    def __init__(self, identity: Identity) -> None:
        self.flash = Flash() if identity.capabilities & Capability.PAIRING else None
        self._serial = identity.serial
        self._session = self._nonce = self._counter = 0
        self._of_session: bytes | None = None

    def start(self) -> None:
        """The power is on: what was in RAM is gone."""
        self._nonce = 0 if self.flash is None else self.flash.next_boot_nonce()
        self._of_session, self._counter = None, 0

    @property
    def has_key(self) -> bool:
        return self.flash is not None and self.flash.key is not None

    def begin_session(self, session: int) -> None:
        self._session = session
        self._nonce += 1
        self._make_session_key()

    def take_key(self, pair: Pair) -> None:
        assert self.flash is not None, "the request is not known otherwise"
        self.flash.key = key_of(pair)
        self._make_session_key()

    def nonce(self) -> Nonce:
        return Nonce(self._nonce, int(self.has_key))

    def unwrapped(self, signed: Signed) -> tuple[Message | None, int] | None:
        """The request in it and its type, no request for a type that is never signed; None for a wrong signature."""
        if self._of_session is None or signed.counter <= self._counter or not is_right(signed, self._of_session):
            return None
        self._counter = signed.counter
        kind = next((kind for kind in SIGNED if signed.command == kind.TYPE), None)
        return (None if kind is None else kind.from_payload(bytes(signed.body)[: kind.num_bytes()])), signed.command

    def _make_session_key(self) -> None:
        key = None if self.flash is None else self.flash.key
        self._of_session = None if key is None else session_key(key, self._session, self._nonce, self._serial)
        self._counter = 0
