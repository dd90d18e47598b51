"""The hash by which a checkpoint says what it was trained on, where no single manifest says it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from edge.basics.errors import InputOutputError


def sha256_of_files(paths: Iterable[Path]) -> str:
    """Hash of a set of files: sha256 over sorted lines "folder/name sha256", in hex.

    The order of `paths` does not matter; a changed, renamed, added or removed file changes the answer.

    Raises:
        InputOutputError: a file cannot be read.
    """
    lines = []
    for path in set(paths):
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise InputOutputError(f"{path}: cannot be read ({error.strerror}); restore the file") from error
        lines.append(f"{path.parent.name}/{path.name} {digest}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
