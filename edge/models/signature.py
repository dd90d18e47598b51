"""Who signed a bundle: Ed25519 over a digest of its `bundle.json`, which names every file with its size and hash.

The keys that a unit takes are files of its own folder, `[engine] keys`, one public key a file. A key that is taken away
from there takes with it every bundle that it signed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge.basics.errors import ModelError
from edge.basics.folders import Folder, open_folder
from edge.basics.texts import json_from_text
from edge.basics.walk import kind_of
from edge.models.bundle import MAX_SIGNATURE_BYTES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FORMAT, KEY_SUFFIX = 1, ".pub"
MAX_KEY_BYTES, MAX_KEYS = 1 << 13, 64
SHORT = 16
"""Digits of a fingerprint that a person compares."""
_DOMAIN = b"edge-enhance bundle 1\n"
_FINGERPRINT, _SIGNATURE = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{128}")


@dataclass(frozen=True)
class Key:
    """A public key. Attributes: name: of its file; fingerprint: SHA-256 of its 32 bytes, in hexadecimal digits."""

    name: str
    fingerprint: str
    public: Ed25519PublicKey


@dataclass(frozen=True)
class Keys:
    """The keys of a unit.

    Attributes:
        by_fingerprint: those that count.
        faults: why a file of the folder does not, a line each.
    """

    folder: Path
    by_fingerprint: Mapping[str, Key]
    faults: tuple[str, ...] = ()


def signed_bytes(contents: bytes) -> bytes:
    """What is signed of a bundle. `contents` names all other files with their hashes, and is the same for the same."""
    return _DOMAIN + hashlib.sha256(contents).hexdigest().encode()


def fingerprint_of(public: Ed25519PublicKey) -> str:
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()


def signature_bytes(contents: bytes, private: Ed25519PrivateKey) -> bytes:
    """`bundle.sig`, the same bytes for the same contents and key."""
    signature = private.sign(signed_bytes(contents)).hex()
    record = {"format": FORMAT, "key": fingerprint_of(private.public_key()), "signature": signature}
    return (json.dumps(record, indent=1) + "\n").encode()


def signer_of(contents: bytes, signature: bytes, keys: Keys, origin: object) -> Key:
    """The key that signed these contents.

    Args:
        contents: `bundle.json`; signature: `bundle.sig`.
        origin: what they were read from, for messages.

    Raises:
        ModelError: the signature is damaged, of another bundle, or of a key that is not among these.
    """
    from cryptography.exceptions import InvalidSignature

    fingerprint, signed = _read_signature(signature, origin)
    key = keys.by_fingerprint.get(fingerprint)
    if key is None:
        others = f" ({'; '.join(keys.faults)})" if keys.faults else ""
        raise ModelError(
            f"{origin}: signed by key {fingerprint[:SHORT]}, which is not in {keys.folder}{others}; put its public key "
            "there if you trust who signed it"
        )
    try:
        key.public.verify(signed, signed_bytes(contents))
    except InvalidSignature as error:
        raise ModelError(
            f"{origin}: the signature by {key.name} is not of this bundle; it was changed, or signed for another: "
            "fetch it again"
        ) from error
    return key


def _read_signature(content: bytes, origin: object) -> tuple[str, bytes]:
    try:
        record = json_from_text(content[: MAX_SIGNATURE_BYTES + 1])
        version, key, signature = record["format"], record["key"], record["signature"]
        fits = version == FORMAT and _FINGERPRINT.fullmatch(key) and _SIGNATURE.fullmatch(signature)
    except (ValueError, LookupError, TypeError):
        fits = None
    if not fits:
        raise ModelError(
            f"{origin}: its signature is cut or of another format; sign it again: edge-export bundle --sign"
        )
    return key, bytes.fromhex(signature)


def read_keys(folder: Path) -> Keys:
    """The keys in a folder, none where there is no such folder.

    Raises:
        ModelError: somebody else may write there, or it cannot be read.
    """
    try:
        with open_folder(folder) as opened:
            refuse_foreign_folder(opened)
            names = [name for name in opened.names() if name.endswith(KEY_SUFFIX) and not name.startswith(".")]
            read = [_read_key(opened, name) for name in names[:MAX_KEYS]]
    except FileNotFoundError:
        return Keys(folder, {})
    except OSError as error:
        raise ModelError(f"{error.filename or folder}: {error.strerror}; root makes it, for all to read") from error
    keys = {one.fingerprint: one for one in read if isinstance(one, Key)}
    return Keys(folder, keys, tuple(one for one in read if isinstance(one, str)))


def refuse_foreign_folder(folder: Folder) -> None:
    """Raises ModelError for a folder into which another user may write."""
    fault = next(_foreign(folder.owner()), "")
    if fault:
        raise ModelError(f"{folder.path}: {fault}, so what is in it proves nothing: chown root and chmod 755 it")


def refuse_foreign_file(folder: Folder, name: str) -> None:
    """Raises ModelError for a file that another user may write."""
    about = folder.about(name)
    fault = next(_foreign(about), "") if about is not None else ""
    if fault:
        raise ModelError(f"{folder.path / name}: {fault}, so it proves nothing: chown root and chmod 644 it")


def _foreign(about: os.stat_result) -> Iterator[str]:
    """Why a file or folder may hold what neither root nor this user put there."""
    if about.st_uid not in (0, os.geteuid()):
        yield f"belongs to user {about.st_uid}"
    if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield f"may be written by others (mode {stat.S_IMODE(about.st_mode):o})"


def _read_key(folder: Folder, name: str) -> Key | str:
    """A key, or why the file counts for none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    about = folder.about(name)
    if about is None or not stat.S_ISREG(about.st_mode):
        return f"{name}: is {kind_of(about.st_mode) if about else 'gone'}, expected a plain file"
    fault = next(_foreign(about), "")
    if fault:
        return f"{name}: {fault}"
    try:
        content = folder.read(name, MAX_KEY_BYTES)
    except OSError as error:
        return f"{name}: {error.strerror}"
    if b"PRIVATE KEY" in content:
        return f"{name}: holds a private key, which belongs to who signs and nowhere else"
    try:
        public = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        return f"{name}: is no public key; expected PEM, as edge-export key new writes it"
    if not isinstance(public, Ed25519PublicKey):
        return f"{name}: is a key of another kind, expected Ed25519"
    return Key(name, fingerprint_of(public), public)
