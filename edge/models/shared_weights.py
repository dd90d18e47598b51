"""Weights that several profiles share, kept once beside them.

A file of shared weights is an ONNX model that holds initializers and nothing else. Messages of protocol buffers that
are written one behind the other are one message with the parts of both, so a graph and its weights are put together by
joining bytes, without a library that knows ONNX. The manifest names each file with its hash, and so do the graphs
(metadata `shared_weights`): a graph's own sha256 stands for the weights too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from edge.basics.errors import ModelError
from edge.basics.texts import shown

KEY = "shared"
FOLDER = "shared"
"""Beside the profiles that use it; an installed profile has its weights in its own folder."""
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}-[0-9a-f]{16}\.weights")
_SHA256 = re.compile(r"[0-9a-f]{64}")
MAX_FILES = 8


class SharedWeights(NamedTuple):
    """What a manifest says of one file."""

    name: str
    sha256: str


def shared_in(manifest: Mapping[str, Any], origin: object) -> tuple[SharedWeights, ...]:
    """The files that a manifest names; raises ModelError where it names them in another way than an export does."""
    listed = manifest.get(KEY, [])
    if not isinstance(listed, list) or len(listed) > MAX_FILES:
        raise ModelError(f"{origin}: {KEY} = {shown(listed)[:80]}: expected a list of at most {MAX_FILES} files")
    return tuple(_one(entry, f"{KEY}[{number}]", origin) for number, entry in enumerate(listed))


def _one(entry: object, key: str, origin: object) -> SharedWeights:
    name, digest = (entry.get(part) for part in ("name", "sha256")) if isinstance(entry, Mapping) else (None, None)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ModelError(
            f"{origin}: {key}.name = {shown(name)[:80]}: expected one such as rrdb-0123456789abcdef.weights"
        )
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise ModelError(f"{origin}: {key}.sha256 = {shown(digest)[:80]}: expected 64 hexadecimal digits")
    return SharedWeights(name, digest)


def place_of(name: str, folder: Path) -> Path:
    """Where a profile's shared file is: in its folder, else beside the profiles."""
    inside = folder / name
    return inside if inside.is_file() else folder.parent / FOLDER / name
