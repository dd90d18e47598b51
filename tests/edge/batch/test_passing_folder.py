"""A folder that goes with its process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from edge.batch.passing_folder import PassingFolder
from tests.doubles.waiting import wait_until


def test_it_goes_with_its_process_however_that_ends(tmp_path: Path) -> None:
    script = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from edge.batch.passing_folder import PassingFolder\n"
        f"folder = PassingFolder('edge-', Path({str(tmp_path)!r})).path\n"
        "(folder / 'clip').write_bytes(b'a patient')\n"
        "print(folder, oct(folder.stat().st_mode & 0o777), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == -9, ended.stderr
    folder, mode = ended.stdout.split()
    assert (Path(folder).parent, mode) == (tmp_path, "0o700")
    wait_until(lambda: not list(tmp_path.iterdir()))


def test_it_is_gone_when_it_is_closed(tmp_path: Path) -> None:
    folder = PassingFolder("edge-", tmp_path)
    (folder.path / "clip").write_bytes(b"a patient")
    folder.close()
    assert not list(tmp_path.iterdir())
