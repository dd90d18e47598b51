"""How a request is signed for a head that has a key: HMAC-SHA-256 (RFC 2104), cut to 64 bits.

Each session has a key of its own, made of both sides' numbers. So nothing that was recorded in an earlier session, or
before either side lost its power, is worth anything in this one; within a session a counter only goes up.
"""

from __future__ import annotations

import hmac
import struct

from firmware_bridge.wire.layout import Message
from firmware_bridge.wire.messages import Heartbeat, Reset, SetHeater, SetLed, SetParam
from firmware_bridge.wire.pairing_messages import BODY_BYTES, KEY_WORDS, TAG_BYTES, Pair, Signed

KEY_BYTES = 32
SIGNED = (Heartbeat, SetLed, SetHeater, SetParam, Reset)
"""What a paired head carries out only signed; a heartbeat without a signature is answered, but keeps no light on."""
_PURPOSE = b"edge-bridge 1"


def session_key(key: bytes, session: int, nonce: int, serial: str) -> bytes:
    """The session's own key, 32 bytes.

    Args:
        session: the number that the host drew for HELLO.
        nonce: the head's NONCE.
        serial: as in the head's HELLO.
    """
    text = serial.encode("ascii", "replace").ljust(16, b"\0")
    return hmac.digest(key, _PURPOSE + struct.pack("<IQ", session, nonce) + text, "sha256")


def tag_of(of_session: bytes, counter: int, command: int, body: bytes) -> bytes:
    """The first 8 bytes of the HMAC over counter, command and body, as they stand in the payload."""
    return hmac.digest(of_session, struct.pack("<IB", counter, command) + body, "sha256")[:TAG_BYTES]


def signed(request: Message, of_session: bytes, counter: int) -> Signed:
    """A request and its signature.

    Raises:
        OutOfRange: the receiver would refuse the request.
    """
    body = request.payload().ljust(BODY_BYTES, b"\0")
    return Signed(counter, request.TYPE, tuple(body), tuple(tag_of(of_session, counter, request.TYPE, body)))


def is_right(message: Signed, of_session: bytes) -> bool:
    """Whether the tag is what the session's key gives; takes as long for every wrong one."""
    tag = tag_of(of_session, message.counter, message.command, bytes(message.body))
    return hmac.compare_digest(tag, bytes(message.tag))


def pair_of(key: bytes) -> Pair:
    """The message that gives a head its key."""
    return Pair(struct.unpack(f"<{KEY_WORDS}Q", key))


def key_of(message: Pair) -> bytes | None:
    """The key in it; None for the one that takes the key away."""
    key = struct.pack(f"<{KEY_WORDS}Q", *message.key)
    return key if any(key) else None
