"""What is dear to make and depends on the sources alone is kept between runs, under pytest's own cache."""

from __future__ import annotations

import hashlib
import platform
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.paths import REPOSITORY


def kept_folder(cache: pytest.Cache, name: str, sources: tuple[str, ...]) -> Path:
    """A folder that is there again in the next run, until a file of the sources, the machine or a library changes.

    Args:
        sources: files and folders of the repository that what is kept depends on.
    """
    kept = cache.mkdir(f"kept-{name}")
    folder = kept / key_of(REPOSITORY, sources)
    folder.mkdir(exist_ok=True)
    for other in kept.iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def key_of(root: Path, sources: tuple[str, ...]) -> str:
    """Of the Python and C files, their names, and of what computes."""
    state = hashlib.sha256(f"{sys.version} {platform.machine()} {np.__version__} {cv2.__version__}".encode())
    for source in sources:
        place = root / source
        for path in sorted(place.rglob("*.*")) if place.is_dir() else [place]:
            if path.suffix in (".py", ".c", ".h", ".so"):
                state.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return state.hexdigest()[:16]
