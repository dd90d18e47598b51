"""What a camera head with a key needs beside the other messages; `firmware_bridge.wire.signing` says what is signed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from firmware_bridge.wire.layout import Message, wired

BODY_BYTES, TAG_BYTES, KEY_WORDS = 5, 8, 4


@dataclass(frozen=True, slots=True)
class GetNonce(Message):
    """Asked once after HELLO of a head with PAIRING. Answered NONCE."""

    TYPE: ClassVar[int] = 0x0B


@dataclass(frozen=True, slots=True)
class Nonce(Message):
    """The answer to GET_NONCE."""

    TYPE: ClassVar[int] = 0x0C
    nonce: int = wired("u64", "of this session; no other session of this head has had it or will")
    is_paired: int = wired("u8", "1: it has a key, and carries out nothing that is not signed; 0: it has none")


@dataclass(frozen=True, slots=True)
class Pair(Message):
    """Take this key, only while the head's button is held. Answered ACK."""

    TYPE: ClassVar[int] = 0x0D
    key: tuple[int, ...] = wired("u64", "the new key, lowest byte first; all zero: none from now on", count=KEY_WORDS)


@dataclass(frozen=True, slots=True)
class Signed(Message):
    """Another request with the proof that it is the paired unit's. Answered as that request is."""

    TYPE: ClassVar[int] = 0x0E
    counter: int = wired("u32", "higher than in any earlier SIGNED of the session")
    command: int = wired("u8", "type of the request")
    body: tuple[int, ...] = wired("u8", "its payload, filled up with zeros", count=BODY_BYTES)
    tag: tuple[int, ...] = wired("u8", "see Pairing", count=TAG_BYTES)
