"""What is dear to make and depends on the sources alone is kept between runs, under pytest's own cache."""

from __future__ import annotations

import ast
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


def sources_of(*modules: str, root: Path = REPOSITORY) -> tuple[str, ...]:
    """Files of the repository that modules are made of: their own and those of what they import, step by step."""
    found: dict[str, str] = {}
    asked = list(modules)
    while asked:
        name = asked.pop()
        place = root.joinpath(*name.split("."))
        path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if name in found or not path.is_file():
            continue
        found[name] = str(path.relative_to(root))
        for node in ast.walk(ast.parse(path.read_bytes(), path)):
            if isinstance(node, ast.Import):
                asked += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                asked += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(sorted(found.values()))


def key_of(root: Path, sources: tuple[str, ...]) -> str:
    """Of the Python and C files, their names, and of what computes."""
    state = hashlib.sha256(f"{sys.version} {platform.machine()} {np.__version__} {cv2.__version__}".encode())
    for source in sources:
        place = root / source
        for path in sorted(place.rglob("*.*")) if place.is_dir() else [place]:
            if path.suffix in (".py", ".c", ".h", ".so"):
                state.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return state.hexdigest()[:16]
