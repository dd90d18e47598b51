"""The format of an encrypted file: a head, chunks of up to 256 KiB, and an end.

    head    59 bytes of text that say what it is and its version, 8 key id, 32 salt, 2 length of the name, the name
    chunk   4 bytes n > 0, then n + 16 bytes: AES-256-GCM of n bytes and its tag
    end     4 bytes 0, then 32 bytes: HMAC-SHA-256 of the head, the number of chunks and the number of bytes in them

Numbers are big-endian. HKDF-SHA-256 (RFC 5869) makes of the unit's key and the salt, which is random and new for each
file, two keys of 32 bytes: for the chunks and for the end. The nonce of a chunk (NIST SP 800-38D) is its number in the
file, the associated data is the head.

No nonce is used twice with a key: a `Sealer` alone encrypts, makes its own salt, counts up before each chunk and never
back, and lives in one process; nothing goes on with a file that another `Sealer` began. The end is no encryption: the
same MAC of the same words, whoever writes it.

So a chunk that was changed, moved, left out or taken from another file is refused, as is a file under another's name
or without its end. What a chunk holds is up to who writes: a recording's fragment begins with a chunk of its own, so a
file that was cut while it grew is whole up to its last chunk, and `Sealed(..., is_whole=False)` reads that much.
"""

from __future__ import annotations

import errno
import hmac
import io
import os
import secrets
import struct
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from edge.basics.whole_files import ENCRYPTED
from edge.saving.sealing.keys import ID_BYTES, KEY_BYTES, Key

MAGIC = ENCRYPTED + b"1; edge-enhance privacy decrypt"
CHUNK_BYTES = 256 * 1024
SALT_BYTES, TAG_BYTES, MAC_BYTES, MAX_NAME_BYTES = 32, 16, 32, 255
_LENGTH, _NAME_LENGTH, _COUNTS = struct.Struct(">I"), struct.Struct(">H"), struct.Struct(">QQ")
_FIXED = len(MAGIC) + ID_BYTES + SALT_BYTES + _NAME_LENGTH.size
END_BYTES = _LENGTH.size + MAC_BYTES


class Unreadable(OSError):
    """An encrypted file that cannot be read, and why: `strerror` says it in words."""

    def __init__(self, path: object, why: str, number: int = errno.EBADMSG) -> None:
        super().__init__(number, why, str(path))


class CutShort(Unreadable):
    """Its end is missing."""


class KeyMissing(Unreadable):
    """It was encrypted with a key that is not here."""

    def __init__(self, path: object, key_id: bytes) -> None:
        super().__init__(path, f"is encrypted with the key {key_id.hex()}, which is not here", errno.ENOKEY)


@dataclass(frozen=True, slots=True)
class Head:
    """Attributes: name: of the file that it was written as; raw: its bytes."""

    key_id: bytes
    salt: bytes
    name: str
    raw: bytes


def is_sealed(beginning: bytes) -> bool:
    """Whether the first bytes of a file are those of an encrypted one, of any version."""
    return beginning.startswith(ENCRYPTED)


def read_head(file: BinaryIO, path: object) -> Head | None:
    """The head of an encrypted file, from its begin; None for any other file, which then stands at its begin.

    Raises:
        Unreadable: it is cut short, or of another version.
    """
    raw = file.read(_FIXED)
    if not is_sealed(raw):
        file.seek(0)
        return None
    if not raw.startswith(MAGIC):
        raise Unreadable(path, "is encrypted by another version of this program")
    length = _NAME_LENGTH.unpack(raw[-_NAME_LENGTH.size :])[0] if len(raw) == _FIXED else 0
    name = file.read(length) if length <= MAX_NAME_BYTES else b""
    if not length or len(name) < length:
        raise CutShort(path, "is encrypted and was cut short")
    at = len(MAGIC)
    key_id, salt = raw[at : at + ID_BYTES], raw[at + ID_BYTES : at + ID_BYTES + SALT_BYTES]
    return Head(key_id, salt, name.decode("utf-8", "replace"), raw + name)


class Sealer:
    """Encrypts one new file. For one thread; the bytes that it gives follow each other in the file.

    Attributes:
        head: the first of them.
    """

    def __init__(self, key: Key, name: str) -> None:
        encoded = name.encode()
        if not 0 < len(encoded) <= MAX_NAME_BYTES:
            raise ValueError("expected the name of a file")
        salt = secrets.token_bytes(SALT_BYTES)
        self.head = MAGIC + key.id + salt + _NAME_LENGTH.pack(len(encoded)) + encoded
        self._keys = _FileKeys(key, salt, self.head)
        self._num_chunks = 0

    @property
    def num_chunks(self) -> int:
        """So many were encrypted, whatever became of them."""
        return self._num_chunks

    def chunks(self, content: bytes) -> bytes:
        """Some bytes more of the file, encrypted."""
        parts = []
        for begin in range(0, len(content), CHUNK_BYTES):
            number, self._num_chunks = self._num_chunks, self._num_chunks + 1
            part = content[begin : begin + CHUNK_BYTES]
            parts += [_LENGTH.pack(len(part)), self._keys.encrypted(number, part)]
        return b"".join(parts)

    def end(self, num_chunks: int, num_bytes: int) -> bytes:
        """The end of a file in which its first chunks are, of so many bytes."""
        return self._keys.end(num_chunks, num_bytes)


def sealed_bytes(key: Key, name: str, content: bytes) -> bytes:
    """A whole file."""
    sealer = Sealer(key, name)
    return b"".join([sealer.head, sealer.chunks(content), sealer.end(sealer.num_chunks, len(content))])


class _FileKeys:
    """The two keys of one file."""

    def __init__(self, key: Key, salt: bytes, head: bytes) -> None:
        both = HKDF(SHA256(), 2 * KEY_BYTES, salt, b"edge-enhance file 1").derive(key.material)
        self._cipher, self._mac_key, self._head = AESGCM(both[:KEY_BYTES]), both[KEY_BYTES:], head

    def encrypted(self, number: int, content: bytes) -> bytes:
        return self._cipher.encrypt(number.to_bytes(12, "big"), content, self._head)

    def decrypted(self, number: int, content: bytes) -> bytes:
        """Raises InvalidTag."""
        return self._cipher.decrypt(number.to_bytes(12, "big"), content, self._head)

    def end(self, num_chunks: int, num_bytes: int) -> bytes:
        mac = hmac.digest(self._mac_key, self._head + _COUNTS.pack(num_chunks, num_bytes), "sha256")
        return _LENGTH.pack(0) + mac


class Sealed(io.RawIOBase):
    """An encrypted file, to read and seek in as if it were not. For one thread; the file is its own to close.

    Args:
        file: open, after its head.
        name: what the file is called; another one than it was written as is refused.
        is_whole: refuse a file without its end; otherwise read up to the last whole chunk.

    Raises:
        Unreadable: it was changed, or cut short.
    """

    def __init__(self, file: BinaryIO, head: Head, key: Key, name: str, path: object, *, is_whole: bool = True) -> None:
        super().__init__()
        self._file, self._path = file, path
        if head.name != name:
            raise Unreadable(path, f"was encrypted as {head.name}: it was given another name, or put in its place")
        self._keys = _FileKeys(key, head.salt, head.raw)
        self._at = 0
        self._kept: tuple[int, bytes] = -1, b""
        self._places: list[int] = []
        self._begins: list[int] = [0]
        has_end = self._look(len(head.raw))
        if is_whole and not has_end:
            raise CutShort(path, "was cut short: its end is missing, or not its own")
        if not has_end:
            self._drop_torn()

    @property
    def num_bytes(self) -> int:
        return self._begins[-1]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.num_bytes}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._at >= self.num_bytes:
            return 0
        number = bisect_right(self._begins, self._at) - 1
        content = self._chunk(number)
        begin = self._at - self._begins[number]
        num_bytes = min(len(buffer), len(content) - begin)
        buffer[:num_bytes] = content[begin : begin + num_bytes]
        self._at += num_bytes
        return num_bytes

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def cut(self, num_bytes: int) -> tuple[int, bytes]:
        """Where in the file the chunks of its first bytes end, and what end belongs there.

        Raises:
            Unreadable: no chunk ends there.
        """
        if num_bytes not in self._begins:
            raise Unreadable(self._path, "is cut at a place where none of its chunks ends")
        number = self._begins.index(num_bytes)
        return self._place_of(number), self._keys.end(number, num_bytes)

    def _look(self, at: int) -> bool:
        """Note where chunks are; whether an end of its own follows them, and nothing more."""
        size = self._file.seek(0, os.SEEK_END)
        while at + _LENGTH.size <= size:
            self._file.seek(at)
            length = int(_LENGTH.unpack(self._file.read(_LENGTH.size))[0])
            if length == 0:
                end = self._keys.end(len(self._places), self.num_bytes)
                self._file.seek(at)
                self._places.append(at)
                return hmac.compare_digest(self._file.read(END_BYTES + 1), end)
            after = at + _LENGTH.size + length + TAG_BYTES
            if length > CHUNK_BYTES or after > size:
                break
            self._places.append(at)
            self._begins.append(self.num_bytes + length)
            at = after
        self._places.append(at)
        return False

    def _place_of(self, number: int) -> int:
        return self._places[number]

    def _drop_torn(self) -> None:
        """Leave out chunks at the end whose bytes had not all come to the disk."""
        while len(self._begins) > 1:
            try:
                self._chunk(len(self._begins) - 2)
            except Unreadable:
                self._places.pop()
                self._begins.pop()
            else:
                return

    def _chunk(self, number: int) -> bytes:
        if self._kept[0] != number:
            length = self._begins[number + 1] - self._begins[number]
            self._file.seek(self._places[number] + _LENGTH.size)
            try:
                self._kept = number, self._keys.decrypted(number, self._file.read(length + TAG_BYTES))
            except InvalidTag as error:
                raise Unreadable(self._path, f"was changed, or is damaged: chunk {number} is not as written") from error
        return self._kept[1]


def opened(
    file: BinaryIO, name: str, path: object, key_of: Callable[[bytes], Key | None], *, is_whole: bool = True
) -> Sealed | None:
    """An encrypted file, to read; None for one that is not, which then stands at its begin. Raises Unreadable."""
    head = read_head(file, path)
    if head is None:
        return None
    key = key_of(head.key_id)
    if key is None:
        raise KeyMissing(path, head.key_id)
    return Sealed(file, head, key, name, path, is_whole=is_whole)
