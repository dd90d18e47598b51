"""The originals of a run on their way to the nodes: bounded, and known by their hashes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from edge.basics.errors import InputOutputError
from edge.basics.folders import read_plain
from edge.batch.cluster.messages import KeepContent, Line
from edge.batch.kinds.kind import Piece

MAX_CONTENT_BYTES = 1 << 30
"""Of an original that is sent to a node; and of all that are on their way, but for one."""


class Originals:
    """Reads them and has their contents kept where pieces are given out."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._kept: tuple[Path, str] | None = None

    def keep(self, piece: Piece) -> tuple[str, int]:
        """Have the content of the original where the pieces are given out; its sha256 and size."""
        if self._kept is not None and self._kept[0] == piece.path:  # the next page of the same file
            return self._kept[1], 0
        self._kept = None
        try:
            num_bytes = piece.path.stat().st_size
            if num_bytes > MAX_CONTENT_BYTES:
                raise InputOutputError(
                    f"{piece.path}: {num_bytes / 1e9:.1f} GB, more than the {MAX_CONTENT_BYTES / 1e9:.1f} that are "
                    "sent to a node; enhance it without --cluster"
                )
            content = read_plain(piece.path, MAX_CONTENT_BYTES)
        except OSError as error:
            raise InputOutputError(f"{piece.path}: cannot be read: {error.strerror or error}") from error
        self._line.send(KeepContent(content))
        self._kept = piece.path, hashlib.sha256(content).hexdigest()
        return self._kept[1], len(content)
