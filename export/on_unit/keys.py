"""The key pair by which models are signed: the private half stays with who signs, the public one goes to the units."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from edge.basics.errors import InputOutputError, UsageError
from edge.basics.folders import Folder, open_folder, open_plain
from edge.models.signature import KEY_SUFFIX, MAX_KEY_BYTES, fingerprint_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PRIVATE_SUFFIX = ".key"


def new_key(stem: Path) -> tuple[Path, Path, str]:
    """Make a pair: `stem.key`, for its owner alone, and `stem.pub`. PEM, as OpenSSL reads and writes.

    Returns:
        Both files and the public key's fingerprint.

    Raises:
        InputOutputError: a file is there already, which is never written over, or cannot be written.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    none = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    secret = private.private_bytes(pem, serialization.PrivateFormat.PKCS8, none)
    public = private.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    names = stem.name + PRIVATE_SUFFIX, stem.name + KEY_SUFFIX
    try:
        with open_folder(stem.parent) as folder:
            for name in names:
                if folder.about(name) is not None:
                    raise InputOutputError(f"{folder.path / name}: is there already; a key is never written over")
            _create(folder, names[0], secret, 0o600)
            _create(folder, names[1], public, 0o644)
            folder.sync()
    except OSError as error:
        raise InputOutputError(f"{error.filename or stem}: {error.strerror}; name another place") from error
    return stem.with_name(names[0]), stem.with_name(names[1]), fingerprint_of(private.public_key())


def _create(folder: Folder, name: str, content: bytes, mode: int) -> None:
    with folder.create(name, mode) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """A private key, to sign with.

    Raises:
        UsageError: others may read it, it is locked with a password, or it is no Ed25519 key.
        InputOutputError: it cannot be read.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        with open_plain(path) as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(MAX_KEY_BYTES)
    except OSError as error:
        raise InputOutputError(
            f"{path}: cannot be read ({error.strerror}); name a key of edge-export key new"
        ) from error
    if mode & 0o077:
        raise UsageError(f"{path}: others may read it (mode {mode:o}), so it proves nothing: make a new one")
    if b"PUBLIC KEY" in content:
        raise UsageError(f"{path}: is a public key; sign with the private one, NAME{PRIVATE_SUFFIX}")
    try:
        private = load_pem_private_key(content, None)
    except TypeError as error:
        raise UsageError(f"{path}: is locked with a password; unlock it: openssl pkey -in FILE") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{path}: is no private key in PEM; make one: edge-export key new NAME") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise UsageError(f"{path}: is a key of another kind, expected Ed25519; make one: edge-export key new NAME")
    return private
