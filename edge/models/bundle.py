"""The one file by which a profile travels to a unit: a plain tar, its first member saying what the others must be.

`bundle.json` names every other member with its size and hash. Only plain files with names that a profile can have are
taken, each once, and nothing is read that was not announced; so a damaged or hostile file costs no more than its own
size on the disk. A second member, `bundle.sig`, may sign the first (`edge.models.signature`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from edge.basics.errors import ModelError
from edge.basics.folders import Folder
from edge.basics.texts import json_from_text
from edge.models.profile import DEHAZER_NAME, GRAPH_NAME, MANIFEST_NAME, typed_graph_name
from edge.models.shared_weights import NAME as SHARED_NAME

BUNDLE_NAME, SIGNATURE_NAME, FORMAT = "bundle.json", "bundle.sig", 1
ENGINES_NAME = "engines"
"""Folder of plans in a bundle and in an installed version."""
PROFILE_FILES = frozenset({GRAPH_NAME, DEHAZER_NAME, MANIFEST_NAME, *map(typed_graph_name, ("fp16", "int8"))})
MAX_CONTENTS_BYTES, MAX_JSON_BYTES, MAX_FILE_BYTES, MAX_FILES = 1 << 18, 32 << 20, 1 << 30, 64
"""Of bundle.json, of another JSON file and of a graph or plan; the shipped profile's largest file has 1.3 MB."""
MAX_SIGNATURE_BYTES = 1 << 12
REBUILD = "make it again with edge-export bundle, or copy it again"

_PROFILE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_ENGINE = re.compile(ENGINES_NAME + r"/[a-z0-9][a-z0-9-]{0,63}-[0-9a-f]{16}\.(plan|json)")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20


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
        return f"{self.profile}-{self.sha256[:16]}"

    @property
    def sha256(self) -> str:
        """Of `bundle.json`, and so of all that it names."""
        return hashlib.sha256(self.content).hexdigest()


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
    if name not in PROFILE_FILES and not _ENGINE.fullmatch(name) and not SHARED_NAME.fullmatch(name):
        raise ModelError(f"{origin}: announces {name[:80]!r}, which is no file of a profile; {REBUILD}")
    num_bytes, digest = (about.get(key) for key in ("bytes", "sha256")) if isinstance(about, dict) else (None, None)
    most = MAX_JSON_BYTES if name.endswith(".json") else MAX_FILE_BYTES
    if type(num_bytes) is not int or not 0 < num_bytes <= most:
        raise ModelError(f"{origin}: {name} is announced with {num_bytes!r} bytes, expected 1 to {most}; {REBUILD}")
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise ModelError(f"{origin}: {name} is announced without a sha256; {REBUILD}")
    return BundledFile(num_bytes, digest)


def check_unpacked(folder: Folder) -> Contents:
    """Check every file of an unpacked bundle; raises ModelError where one is not as announced."""
    try:
        contents = read_contents(folder.read(BUNDLE_NAME, MAX_CONTENTS_BYTES), folder.path)
        for name, announced in contents.files.items():
            if sha256_in(folder, name, announced.num_bytes) != announced.sha256:
                raise ModelError(f"{folder.path / name}: not what was installed; install it again")
        if folder.about(ENGINES_NAME) is not None:
            with folder.folder(ENGINES_NAME) as engines:
                more = {f"{ENGINES_NAME}/{name}" for name in engines.names()} - set(contents.files)
            if more:
                raise ModelError(f"{folder.path / min(more)}: did not come with its bundle; install it again")
    except OSError as error:
        raise ModelError(f"{error.filename or folder.path}: {error.strerror}; install it again") from error
    return contents


def sha256_in(folder: Folder, name: str, num_bytes: int) -> str:
    """SHA-256 of a file of a profile, `name` or `engines/name`; empty where it has another size.

    Raises:
        OSError: it is no plain file or cannot be read.
    """
    *inner, last = name.split("/")
    with ExitStack() as stack:
        for one in inner:
            folder = stack.enter_context(folder.folder(one))
        file = stack.enter_context(folder.open(last))
        if os.fstat(file.fileno()).st_size != num_bytes:
            return ""
        digest = hashlib.sha256()
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
        return digest.hexdigest()
