"""axe-core, the checker of accessibility (MPL 2.0): fetched from npm once, kept outside the repository."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

VERSION = "4.14.1"
_KEPT = (
    Path(tempfile.gettempdir()) / f"axe-core-{VERSION}-{hashlib.sha256(str(Path.home()).encode()).hexdigest()[:8]}.js"
)


def axe_source() -> str:
    """The script; skips the test where it cannot be had."""
    if not _KEPT.exists():
        with tempfile.TemporaryDirectory() as folder:
            command = ["npm", "pack", "--silent", f"axe-core@{VERSION}"]
            try:
                subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
            except (OSError, subprocess.SubprocessError) as error:
                pytest.skip(f"axe-core {VERSION} cannot be had from npm: {error}")
            packed = (Path(folder) / f"axe-core-{VERSION}.tgz").read_bytes()
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            script = tar.extractfile("package/axe.min.js")
            assert script is not None, "it is in every version"
            _KEPT.write_bytes(script.read())
    return _KEPT.read_text()
