"""The format of encrypted files: known answers of its primitives, and what is done to such files by who may write."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from edge.saving.sealing import sealed as module
from edge.saving.sealing.keys import Key
from edge.saving.sealing.sealed import (
    CHUNK_BYTES,
    END_BYTES,
    MAGIC,
    KeyMissing,
    Sealer,
    Unreadable,
    opened,
    read_head,
    sealed_bytes,
)

KEY, OTHER = Key(bytes(range(32))), Key(bytes(32))
NAME = "throat-20260504T030201.678Z-recording-raw.mp4"
CONTENT = random.Random(1).randbytes(2 * CHUNK_BYTES + 1000)
HEAD_BYTES = len(MAGIC) + 8 + 32 + 2 + len(NAME)
FULL_CHUNK = 4 + CHUNK_BYTES + 16


def read(content: bytes, name: str = NAME, key: Key = KEY, *, is_whole: bool = True) -> bytes:
    file = opened(io.BytesIO(content), name, name, {key.id: key}.get, is_whole=is_whole)
    assert file is not None
    return io.BufferedReader(file).read()


def test_gcm_gives_the_standards_answer() -> None:
    """Test case 16 of "The Galois/Counter Mode of Operation", McGrew and Viega, appendix B."""
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")
    content = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
        "b16aedf5aa0de657ba637b39"
    )
    answer = bytes.fromhex(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"
        "c5f61e6393ba7a0abcc9f662" + "76fc6ece0f4e1768cddf8853bb2d551b"
    )
    associated = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    assert AESGCM(key).encrypt(bytes.fromhex("cafebabefacedbaddecaf888"), content, associated) == answer


def test_hkdf_gives_the_standards_answer() -> None:
    """RFC 5869 appendix A.1."""
    made = HKDF(SHA256(), 42, bytes(range(13)), bytes(range(0xF0, 0xFA))).derive(b"\x0b" * 22)
    assert made.hex() == ("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")


def test_a_file_is_what_the_page_of_the_format_says() -> None:
    """Made here of the primitives alone, as somebody would who has the description and not the program."""
    made = sealed_bytes(KEY, NAME, CONTENT)
    at = len(MAGIC) + 8
    salt, head = made[at : at + 32], made[:HEAD_BYTES]
    keys = HKDF(SHA256(), 64, salt, b"edge-enhance file 1").derive(KEY.material)
    first = made[HEAD_BYTES + 4 : HEAD_BYTES + FULL_CHUNK]
    second = made[HEAD_BYTES + FULL_CHUNK + 4 : HEAD_BYTES + 2 * FULL_CHUNK]
    assert AESGCM(keys[:32]).decrypt(bytes(12), first, head) == CONTENT[:CHUNK_BYTES]
    assert AESGCM(keys[:32]).decrypt(bytes(11) + b"\1", second, head) == CONTENT[CHUNK_BYTES : 2 * CHUNK_BYTES]
    assert head.endswith(b"\0" + bytes([len(NAME)]) + NAME.encode())


@pytest.mark.parametrize("num_bytes", [0, 1, 1000, CHUNK_BYTES, CHUNK_BYTES + 1])
def test_what_was_written_is_read(num_bytes: int) -> None:
    assert read(sealed_bytes(KEY, NAME, CONTENT[:num_bytes])) == CONTENT[:num_bytes]


def test_any_part_can_be_read() -> None:
    sealer = Sealer(KEY, NAME)
    pieces = [CONTENT[:1000], CONTENT[1000 : CHUNK_BYTES + 2000], CONTENT[CHUNK_BYTES + 2000 :]]
    made = sealer.head + b"".join(sealer.chunks(piece) for piece in pieces)
    made += sealer.end(sealer.num_chunks, len(CONTENT))
    raw = opened(io.BytesIO(made), NAME, NAME, {KEY.id: KEY}.get)
    assert raw is not None
    file = io.BufferedReader(raw)
    places = random.Random(2)
    assert file.seek(0, 2) == len(CONTENT)
    for _ in range(50):
        begin, end = sorted(places.randrange(len(CONTENT) + 10) for _ in "12")
        file.seek(begin)
        assert file.read(end - begin) == CONTENT[begin:end]


def test_nothing_that_was_changed_is_read() -> None:
    """A bit in each of the file's parts, and bits anywhere."""
    made = sealed_bytes(KEY, NAME, CONTENT)
    anywhere = random.Random(3)
    at_parts = [0, len(MAGIC) - 1, len(MAGIC), len(MAGIC) + 8, HEAD_BYTES - len(NAME) - 1, HEAD_BYTES - 1, HEAD_BYTES]
    at_parts += [HEAD_BYTES + 4, len(made) - 1, len(made) - 36]
    for at in [*at_parts, *(anywhere.randrange(len(made)) for _ in range(60))]:
        changed = bytearray(made)
        changed[at] ^= 1 << anywhere.randrange(8)
        try:
            found: bytes | None = read(bytes(changed))
        except (Unreadable, AssertionError):  # in its first words: it counts as a file of another kind
            continue
        pytest.fail(f"byte {at}: {found!r:.40}")


@pytest.mark.parametrize(
    "attack",
    [
        lambda made: made[:HEAD_BYTES] + made[HEAD_BYTES + FULL_CHUNK :],
        lambda made: made[: HEAD_BYTES + FULL_CHUNK] + made[HEAD_BYTES + 2 * FULL_CHUNK :],
        lambda made: (
            made[:HEAD_BYTES]
            + made[HEAD_BYTES + FULL_CHUNK : HEAD_BYTES + 2 * FULL_CHUNK]
            + made[HEAD_BYTES : HEAD_BYTES + FULL_CHUNK]
            + made[HEAD_BYTES + 2 * FULL_CHUNK :]
        ),
        lambda made: made[: HEAD_BYTES + FULL_CHUNK] + made[HEAD_BYTES:],
        lambda made: made[:-END_BYTES],
        lambda made: made[: HEAD_BYTES + FULL_CHUNK] + made[-END_BYTES:],
        lambda made: made + b"\0",
        lambda made: made + made[-END_BYTES:],
        lambda made: made[:-1],
        lambda made: made[: HEAD_BYTES - 1],
        lambda made: made[:HEAD_BYTES],
        lambda made: made[:HEAD_BYTES] + sealed_bytes(KEY, NAME, CONTENT)[HEAD_BYTES:],
    ],
    ids=[
        "first chunk gone", "middle chunk gone", "two chunks swapped", "a chunk twice", "end gone", "cut, old end",
        "more behind", "two ends", "a byte less", "half a head", "only a head", "chunks of another file",
    ],
)  # fmt: skip
def test_nothing_is_left_out_moved_or_put_in(attack: object) -> None:
    with pytest.raises(Unreadable):
        read(attack(sealed_bytes(KEY, NAME, CONTENT)))  # type: ignore[operator]


def test_another_name_is_refused() -> None:
    with pytest.raises(Unreadable, match="another name"):
        read(sealed_bytes(KEY, NAME.replace("raw", "enhanced"), CONTENT))


def test_a_later_version_is_told_and_not_taken_for_a_picture() -> None:
    with pytest.raises(Unreadable, match="another version"):
        read(sealed_bytes(KEY, NAME, CONTENT).replace(b"file 1", b"file 2"))


def test_a_key_that_is_not_here_is_named() -> None:
    with pytest.raises(KeyMissing, match=f"the key {KEY.id.hex()}"):
        read(sealed_bytes(KEY, NAME, CONTENT), key=OTHER)


def test_the_wrong_key_under_the_right_id_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = sealed_bytes(KEY, NAME, CONTENT)
    with pytest.raises(Unreadable, match="end"):
        opened(io.BytesIO(made), NAME, NAME, lambda _: OTHER)


@pytest.mark.parametrize("lost", [1, 36, 37, 52, 1016, 1020, 1021, FULL_CHUNK])
def test_a_file_that_was_cut_while_it_grew_is_read_up_to_its_last_whole_chunk(lost: int) -> None:
    made = sealed_bytes(KEY, NAME, CONTENT)[:-END_BYTES]
    found = read(made[: len(made) - lost], is_whole=False)
    assert found == CONTENT[: (2 if lost <= 1020 else 1) * CHUNK_BYTES]


def test_a_chunk_that_never_came_to_the_disk_whole_is_left_out() -> None:
    """After a power cut the file may have its length, and zeros in it."""
    made = sealed_bytes(KEY, NAME, CONTENT)[:-END_BYTES]
    zeros = made[:-1000] + bytes(1000)
    assert read(zeros, is_whole=False) == CONTENT[: 2 * CHUNK_BYTES]
    assert read(made + bytes(5000), is_whole=False) == CONTENT


def test_no_nonce_is_used_twice_with_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every use of the cipher is seen; the same content under the same name, again and again, in pieces and whole."""
    used: list[tuple[bytes, bytes]] = []

    class Watched:
        def __init__(self, key: bytes) -> None:
            self._key = key

        def encrypt(self, nonce: bytes, content: bytes, associated: bytes) -> bytes:
            used.append((self._key, nonce))
            return AESGCM(self._key).encrypt(nonce, content, associated)

    monkeypatch.setattr(module, "AESGCM", Watched)
    for _ in range(20):
        sealed_bytes(KEY, NAME, CONTENT)
        sealer = Sealer(KEY, NAME)
        for _ in range(5):
            sealer.chunks(CONTENT[: CHUNK_BYTES + 1])
    assert len(used) == 20 * (3 + 10)
    assert len(set(used)) == len(used)


def test_other_files_are_left_to_who_asks(tmp_path: Path) -> None:
    file = io.BytesIO(b"\x89PNG\r\n\x1a\n and so on")
    assert read_head(file, "x") is None
    assert file.tell() == 0
