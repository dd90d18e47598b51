"""What the campaign orders the program's source, engine and clock to do: a small file each, read where it is obeyed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

FOLDER_VARIABLE = "EDGE_FAULTS_FOLDER"


class Switch:
    """One file. Its reader asks before each frame; an unchanged file costs one `stat`."""

    def __init__(self, name: str, folder: Path | None = None) -> None:
        self._path = (folder or Path(os.environ[FOLDER_VARIABLE])) / f"{name}.json"
        self._seen: tuple[int, int] | None = None
        self._value: dict[str, Any] = {}

    def set(self, **value: Any) -> None:
        """Order something; nothing ends the order."""
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(value))
        fresh.replace(self._path)

    def get(self) -> dict[str, Any]:
        try:
            found = self._path.stat()
            seen = (found.st_mtime_ns, found.st_ino)
            if seen != self._seen:
                self._value = json.loads(self._path.read_text())
                self._seen = seen
        except FileNotFoundError:
            self._value, self._seen = {}, None
        except (OSError, MemoryError):  # no memory or no descriptors, as a fault orders: the last order holds
            pass
        return self._value
