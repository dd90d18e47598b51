"""A program in Python that stands for another, and what it must be able to read to start."""

from __future__ import annotations

import os
import sys
from pathlib import Path

READABLE = (Path(sys.base_prefix),)


def stand_in(path: Path, code: str) -> Path:
    """Write it there."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!{os.path.realpath(sys.executable)} -IS\n{code}\n")
    path.chmod(0o755)
    return path
