"""Frames that `edge-calib capture --for int8` took of real scenes with one unit's camera."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edge.basics.errors import InputOutputError
from edge.pictures.files import read_picture
from edge.pictures.geometry import fit_to_frame
from edge.pictures.image import Image

SESSION_NAME = "session.json"
MIN_FRAMES = 64
LOSSLESS = frozenset({".png", ".tif", ".tiff", ".bmp", ".webp"})
AGAIN = "capture it with edge-calib capture --for int8"


class CalibrationSet:
    """A session folder, every file checked when it is opened.

    `session.json` holds `target` = "scenes", `purpose` = "int8" and `frames`, a list of {"file": name, "sha256": hex of
    the file}. Frames are lossless pictures; at least 64 of them differ.

    Raises:
        InputOutputError: the folder is no such session, a file is missing or altered, or there are too few frames.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / SESSION_NAME
        try:
            session = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputOutputError(f"{path}: no readable session ({error}); {AGAIN}") from error
        wanted = {"target": "scenes", "purpose": "int8"}
        for key, value in wanted.items():
            found = session.get(key) if isinstance(session, dict) else None
            if found != value:
                raise InputOutputError(f"{path}: {key} is {found!r}, expected {value!r}; {AGAIN}")
        self._frames = [_checked(folder, path, entry) for entry in session.get("frames") or []]
        hashes = sorted({digest for _, digest in self._frames})
        if len(hashes) < MIN_FRAMES:
            raise InputOutputError(f"{path}: {len(hashes)} different frames, expected at least {MIN_FRAMES}; {AGAIN}")
        joined = hashlib.sha256("".join(hashes).encode()).hexdigest()
        self.about: dict[str, Any] = {"kind": "session of a unit's camera", "frames": len(hashes), "sha256": joined}

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[Image]:
        """RGB uint8 (1080, 1920, 3), one after another."""
        for path, _ in self._frames:
            yield np.ascontiguousarray(fit_to_frame(read_picture(path)))


def _checked(folder: Path, session: Path, entry: object) -> tuple[Path, str]:
    if not isinstance(entry, dict) or not isinstance(entry.get("file"), str):
        raise InputOutputError(f"{session}: frames holds {entry!r}, expected a file's name and its sha256; {AGAIN}")
    path = folder / Path(entry["file"]).name
    if path.suffix.lower() not in LOSSLESS:
        raise InputOutputError(f"{path}: expected a lossless picture ({', '.join(sorted(LOSSLESS))}); {AGAIN}")
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputOutputError(f"{path}: named in {session.name}, not readable ({error.strerror}); {AGAIN}") from error
    if digest != entry.get("sha256"):
        raise InputOutputError(f"{path}: sha256 is not what {session.name} says; the file was altered; {AGAIN}")
    return path, digest
