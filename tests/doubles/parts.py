"""Where `make tensorrt-parts` put what the tests of the TensorRT path need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.paths import REPOSITORY

ROOT = Path(os.environ.get("TENSORRT_PARTS", REPOSITORY / "build" / "tensorrt-parts"))


def part(name: str) -> Path:
    """The folder of a part; skips the test where it could not be had, with the reason."""
    folder = ROOT / name
    if (folder / "complete").exists():
        return folder
    missing = folder / "missing"
    reason = missing.read_text() if missing.exists() else "not made yet: run make tensorrt-parts"
    pytest.skip(f"{name}: {reason}")
