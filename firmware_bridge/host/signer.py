"""The host's side of pairing within one session: what the head asks for, and what is signed."""

from __future__ import annotations

from collections.abc import Callable

from firmware_bridge.wire.layout import Message
from firmware_bridge.wire.messages import Capability, Hello
from firmware_bridge.wire.pairing_messages import Nonce
from firmware_bridge.wire.signing import SIGNED, session_key, signed

KeyOf = Callable[[str], "bytes | None"]
"""A head's key by its serial number, None where it has none with us; may raise PortError."""

UNSIGNED, UNPAIRED, PAIRED, FOREIGN = "", "not paired", "paired", "paired with another unit"
LOST = "was paired, and now obeys everybody"
"""What is known of a head: firmware that cannot be paired, the states of one that can, and one that we have a key of
and that asks for none: it has lost its own, has older firmware now, or is another that says so."""


def no_key(serial: str) -> bytes | None:
    """Of a program that knows no keys."""
    return None


class Signer:
    """Signs what a paired head wants signed, once its nonce is known.

    Attributes:
        state: one of those above.
    """

    def __init__(self, key_of: KeyOf = no_key) -> None:
        self.state = UNSIGNED
        self._key_of = key_of
        self._of_session: bytes | None = None
        self._counter = 0

    def needs_nonce(self, hello: Hello) -> bool:
        """Whether the head is to be asked for its nonce before anything else."""
        return bool(hello.capabilities & Capability.PAIRING)

    def begin(self, hello: Hello, nonce: Nonce | None) -> None:
        """Take what the head answered; no nonce from firmware that cannot be paired.

        Raises:
            PortError: the key's file is wrong.
        """
        key = self._key_of(hello.serial)
        if nonce is None or not nonce.is_paired:
            self.state = LOST if key is not None else UNSIGNED if nonce is None else UNPAIRED
        elif key is None:
            self.state = FOREIGN
        else:
            self.state = PAIRED
            self._of_session = session_key(key, hello.session, nonce.nonce, hello.serial)

    def refused(self) -> None:
        """The key is not the head's: it still tells how it is, to whoever asks without one."""
        if self._of_session is not None:
            self.state, self._of_session = FOREIGN, None

    def sent(self, request: Message) -> Message:
        """What goes on the line for a request."""
        if self._of_session is None or not isinstance(request, SIGNED):
            return request
        self._counter += 1
        return signed(request, self._of_session, self._counter)
