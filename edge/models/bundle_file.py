"""A bundle as a file: read from end to end once, unpacked by what its first member announces."""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from edge.basics.errors import InputOutputError, ModelError
from edge.basics.folders import Folder, open_plain
from edge.basics.whole_files import file_sha256, write_whole
from edge.models.bundle import (
    BUNDLE_NAME,
    MAX_CONTENTS_BYTES,
    MAX_SIGNATURE_BYTES,
    REBUILD,
    SIGNATURE_NAME,
    BundledFile,
    read_contents,
)

_SHA256 = re.compile(r"[0-9a-f]{64}")
_BLOCK, _CHUNK = tarfile.BLOCKSIZE, 1 << 20
MAX_PADDING_BYTES = 4 * tarfile.RECORDSIZE
"""Zeros at the end of a tar."""


class _HashedFile:
    """A file that is read once from end to end, and the hash of all that was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._digest = file, hashlib.sha256()
        self.num_bytes = os.fstat(file.fileno()).st_size

    def read(self, num_bytes: int) -> bytes:
        content = self._file.read(num_bytes)
        self._digest.update(content)
        return content

    def sha256(self) -> str:
        """Of the whole file."""
        while self.read(_CHUNK):
            pass
        return self._digest.hexdigest()


@contextmanager
def opened_bundle(path: Path) -> Iterator[Bundle]:
    """A bundle, open at its first file.

    Raises:
        InputOutputError: it is no file or cannot be read.
        ModelError: it is no bundle.
    """
    _refuse_no_file(path)
    try:
        with open_plain(path) as file:
            yield Bundle(path, _HashedFile(file))
    except OSError as error:
        raise InputOutputError(f"{error.filename or path}: {error.strerror or error}; copy or install it again") from (
            error
        )


def _refuse_no_file(path: Path) -> None:
    if not path.is_file():  # a named pipe would be waited for
        raise InputOutputError(f"{path}: no such file; name a bundle made by edge-export bundle")


class Bundle:
    """An open bundle. Raises ModelError where it is no such file.

    Attributes:
        contents: what it holds.
        signature: `bundle.sig`; None where nobody signed it.
    """

    def __init__(self, path: Path, file: _HashedFile) -> None:
        self.path, self._file = path, file
        self._next: tarfile.TarInfo | None = None
        member = self._next_member()
        if member is None or member.name != BUNDLE_NAME or member.size > MAX_CONTENTS_BYTES:
            raise ModelError(f"{path}: does not begin with {BUNDLE_NAME}; name a file made by edge-export bundle")
        self.contents = read_contents(b"".join(self._content(member)), path)
        self._next = self._next_member()
        self.signature = self._signature()

    def _signature(self) -> bytes | None:
        member = self._next
        if member is None or member.name != SIGNATURE_NAME:
            return None
        if member.size > MAX_SIGNATURE_BYTES:
            raise ModelError(f"{self.path}: {SIGNATURE_NAME} has {member.size} bytes; {REBUILD}")
        content = b"".join(self._content(member))
        self._next = self._next_member()
        return content

    def unpack(self, folder: Folder, sha256: str | None) -> None:
        """Write all files into an empty folder, on the disk when this returns.

        Args:
            sha256: what the whole bundle must hash to; None for one that is signed and has nobody who says.

        Raises:
            ModelError: the bundle is not what it or `sha256` says.
            OSError: the folder cannot be written.
        """
        self._refuse_more()
        _write(folder, BUNDLE_NAME, iter([self.contents.content]))
        if self.signature is not None:
            _write(folder, SIGNATURE_NAME, iter([self.signature]))
        wanted = dict(self.contents.files)
        with ExitStack() as stack:
            folders = {"": folder}
            while (member := self._next) is not None:
                announced = self._announced(wanted, member)
                place, _, name = member.name.rpartition("/")
                if place not in folders:
                    folder.make_folder(place, 0o755)
                    folders[place] = stack.enter_context(folder.folder(place))
                    os.fchmod(folders[place].descriptor, 0o755)  # whoever installs, the service reads
                self._refuse_another(member, announced, _write(folders[place], name, self._content(member)))
                self._next = self._next_member()
            self._refuse_missing(wanted)
            if sha256 is not None and (found := self._file.sha256()) != sha256:
                raise ModelError(f"{self.path}: sha256 is {found[:12]}…, expected {sha256[:12]}…; copy it again")
            for made in folders.values():
                made.sync()

    def content_of(self, name: str) -> bytes:
        """One of the files, after all of them have been read and checked; nothing is written.

        Raises:
            ModelError: a file is not as the bundle announces it, is missing, or this one has no place in a bundle.
        """
        self._refuse_more()
        wanted, found = dict(self.contents.files), b""
        while (member := self._next) is not None:
            announced = self._announced(wanted, member)
            digest, kept = hashlib.sha256(), []
            for chunk in self._content(member):
                digest.update(chunk)
                if member.name == name:
                    kept.append(chunk)
            self._refuse_another(member, announced, digest.hexdigest())
            found = b"".join(kept) or found
            self._next = self._next_member()
        self._refuse_missing(wanted)
        if name not in self.contents.files:
            raise ModelError(f"{self.path}: has no {name}; {REBUILD}")
        return found

    def _announced(self, wanted: dict[str, BundledFile], member: tarfile.TarInfo) -> BundledFile:
        announced = wanted.pop(member.name, None)
        if announced is None or member.size != announced.num_bytes:
            raise ModelError(f"{self.path}: {member.name[:80]!r} is not as announced; {REBUILD}")
        return announced

    def _refuse_another(self, member: tarfile.TarInfo, announced: BundledFile, sha256: str) -> None:
        if sha256 != announced.sha256:
            raise ModelError(f"{self.path}: {member.name}: its sha256 is not as announced; {REBUILD}")

    def _refuse_missing(self, wanted: Mapping[str, BundledFile]) -> None:
        if wanted:
            raise ModelError(f"{self.path}: lacks {', '.join(sorted(wanted))}; {REBUILD}")

    def _refuse_more(self) -> None:
        """Behind what is announced there are only the blocks of a tar, not a terabyte of holes to be hashed."""
        sizes = [file.num_bytes for file in self.contents.files.values()]
        sizes += [len(self.contents.content), len(self.signature or b"")]
        if self._file.num_bytes > sum(sizes) + 2 * _BLOCK * len(sizes) + MAX_PADDING_BYTES:
            raise ModelError(f"{self.path}: has {self._file.num_bytes} bytes, more than it announces; {REBUILD}")

    def _next_member(self) -> tarfile.TarInfo | None:
        """The next header; None at the end of the archive."""
        block = self._file.read(_BLOCK)
        if block == bytes(_BLOCK):
            return None
        try:
            member = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError) as error:
            raise ModelError(f"{self.path}: cut or no bundle ({error}); {REBUILD}") from error
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.size < 0:
            raise ModelError(f"{self.path}: {member.name[:80]!r} is no plain file; {REBUILD}")
        return member

    def _content(self, member: tarfile.TarInfo) -> Iterator[bytes]:
        left = member.size
        while left:
            chunk = self._file.read(min(left, _CHUNK))
            if not chunk:
                raise ModelError(f"{self.path}: cut within {member.name}; {REBUILD}")
            left -= len(chunk)
            yield chunk
        self._file.read(-member.size % _BLOCK)


def _write(folder: Folder, name: str, chunks: Iterator[bytes]) -> str:
    """Write a file through to the disk; returns its sha256."""
    digest = hashlib.sha256()
    with folder.create(name, 0o644) as file:
        os.fchmod(file.fileno(), 0o644)  # whoever installs, the service reads
        for chunk in chunks:
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def sum_path(bundle: Path) -> Path:
    """Of the file beside a bundle that tells its sha256, as sha256sum writes and checks it."""
    return bundle.with_name(f"{bundle.name}.sha256")


def write_sum(bundle: Path) -> None:
    write_whole(sum_path(bundle), f"{file_sha256(bundle)}  {bundle.name}\n".encode())


def expected_sha256(bundle: Path, given: str | None, *, is_signed: bool) -> str | None:
    """The sha256 that a bundle must have: the one given, else the one in the file beside it.

    Args:
        is_signed: then it may do without.

    Raises:
        ModelError: neither is there, or it is no sha256.
    """
    path = sum_path(bundle)
    if given is not None:
        return _sha256_from(given, f"--sha256 {given[:80]!r}")
    try:
        with open_plain(path) as file:
            text = file.read(65).decode("ascii", "replace")
    except OSError as error:
        if is_signed and isinstance(error, FileNotFoundError):
            return None
        raise ModelError(
            f"{path}: cannot be read ({error.strerror}); put it beside the bundle or give --sha256 HEX"
        ) from error
    return _sha256_from(text.split(" ")[0], str(path))  # what else is in it is not shown: it may be anybody's file


def _sha256_from(text: str, origin: str) -> str:
    wanted = text.strip().lower()
    if not _SHA256.fullmatch(wanted):
        raise ModelError(f"{origin}: no sha256; expected 64 hexadecimal digits")
    return wanted
