"""The one file by which a profile travels to a unit: a plain tar, its first member saying what the others must be.

`bundle.json` names every other member with its size and hash. Only plain files with names that a profile can have are
taken, each once, and nothing is read that was not announced; so a damaged or hostile file costs no more than its own
size on the disk.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from edge.basics.errors import InputOutputError, ModelError
from edge.basics.texts import json_from_text
from edge.basics.whole_files import file_sha256, sync_folder, write_whole
from edge.models.profile import DEHAZER_NAME, GRAPH_NAME, MANIFEST_NAME, typed_graph_name

BUNDLE_NAME, FORMAT = "bundle.json", 1
ENGINES_NAME = "engines"
"""Folder of plans in a bundle and in an installed version."""
PROFILE_FILES = frozenset({GRAPH_NAME, DEHAZER_NAME, MANIFEST_NAME, *map(typed_graph_name, ("fp16", "int8"))})
MAX_CONTENTS_BYTES, MAX_JSON_BYTES, MAX_FILE_BYTES, MAX_FILES = 1 << 18, 32 << 20, 1 << 30, 64
"""Of bundle.json, of another JSON file and of a graph or plan; the shipped profile's largest file has 1.3 MB."""
REBUILD = "make it again with edge-export bundle, or copy it again"

_PROFILE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_ENGINE = re.compile(ENGINES_NAME + r"/[a-z0-9][a-z0-9-]{0,63}-[0-9a-f]{16}\.(plan|json)")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BLOCK, _CHUNK = tarfile.BLOCKSIZE, 1 << 20


@dataclass(frozen=True)
class BundledFile:
    """What is announced of a member."""

    num_bytes: int
    sha256: str


@dataclass(frozen=True)
class Contents:
    """A checked `bundle.json`.

    Attributes:
        files: name -> what it must be.
        content: the file itself.
    """

    profile: str
    version: str
    model_sha256: str
    files: Mapping[str, BundledFile]
    content: bytes

    @property
    def name(self) -> str:
        """Of the folder that it is installed in; another content, another name."""
        return f"{self.profile}-{hashlib.sha256(self.content).hexdigest()[:16]}"


def contents_bytes(profile: str, version: str, model_sha256: str, files: Mapping[str, BundledFile]) -> bytes:
    """`bundle.json`, the same bytes for the same files."""
    described = {name: {"bytes": files[name].num_bytes, "sha256": files[name].sha256} for name in sorted(files)}
    record = {
        "format": FORMAT,
        "profile": profile,
        "version": version,
        "model_sha256": model_sha256,
        "files": described,
    }
    return (json.dumps(record, indent=1) + "\n").encode()


def read_contents(content: bytes, origin: object) -> Contents:
    """Check a `bundle.json`.

    Args:
        origin: what it was read from, for messages.

    Raises:
        ModelError: it is damaged, of another format, or announces what a bundle cannot hold.
    """
    try:
        record = json_from_text(content)
    except ValueError as error:
        raise ModelError(f"{origin}: {BUNDLE_NAME} is not JSON; {REBUILD}") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        found = record.get("format") if isinstance(record, dict) else None
        raise ModelError(f"{origin}: {BUNDLE_NAME} has format {found!r}, expected {FORMAT}; update this program")
    profile, version, digest, files = (record.get(key) for key in ("profile", "version", "model_sha256", "files"))
    if not isinstance(profile, str) or not _PROFILE.fullmatch(profile):
        raise ModelError(f"{origin}: profile is {profile!r}, expected small letters, digits and hyphens; {REBUILD}")
    if not isinstance(files, dict) or len(files) > MAX_FILES:
        raise ModelError(f"{origin}: files is no table of at most {MAX_FILES}; {REBUILD}")
    bundled = {name: _bundled_file(name, about, origin) for name, about in files.items()}
    missing = sorted({GRAPH_NAME, MANIFEST_NAME} - set(bundled))
    if missing or not isinstance(digest, str) or bundled[GRAPH_NAME].sha256 != digest:
        raise ModelError(f"{origin}: {', '.join(missing) or 'model_sha256'} is not as announced; {REBUILD}")
    return Contents(profile, str(version), digest, bundled, content)


def _bundled_file(name: str, about: Any, origin: object) -> BundledFile:
    if name not in PROFILE_FILES and not _ENGINE.fullmatch(name):
        raise ModelError(f"{origin}: announces {name[:80]!r}, which is no file of a profile; {REBUILD}")
    num_bytes, digest = (about.get(key) for key in ("bytes", "sha256")) if isinstance(about, dict) else (None, None)
    most = MAX_JSON_BYTES if name.endswith(".json") else MAX_FILE_BYTES
    if type(num_bytes) is not int or not 0 < num_bytes <= most:
        raise ModelError(f"{origin}: {name} is announced with {num_bytes!r} bytes, expected 1 to {most}; {REBUILD}")
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise ModelError(f"{origin}: {name} is announced without a sha256; {REBUILD}")
    return BundledFile(num_bytes, digest)


class _HashedFile:
    """A file that is read once from end to end, and the hash of all that was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._digest = file, hashlib.sha256()

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
        with path.open("rb") as file:
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
    """

    def __init__(self, path: Path, file: _HashedFile) -> None:
        self._path, self._file = path, file
        member = self._next_member()
        if member is None or member.name != BUNDLE_NAME or member.size > MAX_CONTENTS_BYTES:
            raise ModelError(f"{path}: does not begin with {BUNDLE_NAME}; name a file made by edge-export bundle")
        self.contents = read_contents(b"".join(self._content(member)), path)

    def unpack(self, folder: Path, sha256: str) -> None:
        """Write all files into an empty folder, on the disk when this returns.

        Args:
            sha256: what the whole bundle must hash to.

        Raises:
            ModelError: the bundle is not what it or `sha256` says.
            OSError: the folder cannot be written.
        """
        folders = {folder}
        _write(folder / BUNDLE_NAME, iter([self.contents.content]))
        wanted = dict(self.contents.files)
        while (member := self._next_member()) is not None:
            announced = wanted.pop(member.name, None)
            if announced is None or member.size != announced.num_bytes:
                raise ModelError(f"{self._path}: {member.name[:80]!r} is not as announced; {REBUILD}")
            path = folder / member.name
            if path.parent not in folders:
                path.parent.mkdir(mode=0o755)
                folders.add(path.parent)
            if _write(path, self._content(member)) != announced.sha256:
                raise ModelError(f"{self._path}: {member.name}: its sha256 is not as announced; {REBUILD}")
        if wanted:
            raise ModelError(f"{self._path}: lacks {', '.join(sorted(wanted))}; {REBUILD}")
        found = self._file.sha256()
        if found != sha256:
            raise ModelError(f"{self._path}: sha256 is {found[:12]}…, expected {sha256[:12]}…; copy it again")
        for made in folders:
            sync_folder(made)

    def _next_member(self) -> tarfile.TarInfo | None:
        """The next header; None at the end of the archive."""
        block = self._file.read(_BLOCK)
        if block == bytes(_BLOCK):
            return None
        try:
            member = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError) as error:
            raise ModelError(f"{self._path}: cut or no bundle ({error}); {REBUILD}") from error
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.size < 0:
            raise ModelError(f"{self._path}: {member.name[:80]!r} is no plain file; {REBUILD}")
        return member

    def _content(self, member: tarfile.TarInfo) -> Iterator[bytes]:
        left = member.size
        while left:
            chunk = self._file.read(min(left, _CHUNK))
            if not chunk:
                raise ModelError(f"{self._path}: cut within {member.name}; {REBUILD}")
            left -= len(chunk)
            yield chunk
        self._file.read(-member.size % _BLOCK)


def _write(path: Path, chunks: Iterator[bytes]) -> str:
    """Write a file through to the disk; returns its sha256."""
    digest = hashlib.sha256()
    with path.open("xb") as file:
        os.fchmod(file.fileno(), 0o644)  # whoever installs, the service reads
        for chunk in chunks:
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def check_unpacked(folder: Path) -> Contents:
    """Check every file of an unpacked bundle; raises ModelError where one is not as announced."""
    try:
        contents = read_contents((folder / BUNDLE_NAME).read_bytes(), folder)
        for name, announced in contents.files.items():
            if file_sha256(folder / name) != announced.sha256:
                raise ModelError(f"{folder / name}: not what was installed; install it again")
    except OSError as error:
        raise ModelError(f"{error.filename or folder}: {error.strerror}; install it again") from error
    return contents


def sum_path(bundle: Path) -> Path:
    """Of the file beside a bundle that tells its sha256, as sha256sum writes and checks it."""
    return bundle.with_name(f"{bundle.name}.sha256")


def write_sum(bundle: Path) -> None:
    write_whole(sum_path(bundle), f"{file_sha256(bundle)}  {bundle.name}\n".encode())


def expected_sha256(bundle: Path, given: str | None) -> str:
    """The sha256 that a bundle must have: the one given, else the one in the file beside it.

    Raises:
        InputOutputError: there is no such bundle.
        ModelError: neither is there, or it is no sha256.
    """
    _refuse_no_file(bundle)
    path = sum_path(bundle)
    origin = "--sha256"
    if given is None:
        origin = str(path)
        try:
            with path.open("rb") as file:
                given = file.read(65).decode("ascii", "replace").split(" ")[0].strip()
        except OSError as error:
            raise ModelError(
                f"{path}: cannot be read ({error.strerror}); put it beside the bundle or give --sha256 HEX"
            ) from error
    wanted = given.strip().lower()
    if not _SHA256.fullmatch(wanted):
        raise ModelError(f"{origin}: {given[:80]!r} is no sha256; expected 64 hexadecimal digits")
    return wanted
