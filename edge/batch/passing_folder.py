"""A folder for what must not stay: it goes with its process, however that ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 2 << 30
_REMOVE_WHEN_ALONE = 'trap "" HUP INT TERM; exec 3<&0; (read -r _; rm -rf -- "$1") <&3 >/dev/null 2>&1 &'


def has_room(folder: Path, num_bytes: int = 0) -> bool:
    """Whether files may be made there, and 2 GiB stay free beside so many bytes."""
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= num_bytes + ENOUGH_BYTES


class PassingFolder:
    """A private folder; what is in it is gone with `close`, or when this process ends, by a shell that waits for that.

    Args:
        parent: None for where temporary files go.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, prefix: str, parent: Path | None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        ours, self._held = os.pipe()
        try:
            command = ["sh", "-c", _REMOVE_WHEN_ALONE, "sh", str(self.path)]
            subprocess.run(command, stdin=ours, check=True, start_new_session=True)
        finally:
            os.close(ours)

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._held)
