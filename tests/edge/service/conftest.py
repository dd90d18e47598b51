"""A container with systemd as PID 1 over this machine's own files; what it writes is thrown away."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.waiting import GUARD_S
from tests.once import MadeOnce
from tests.paths import REPOSITORY

PLACE = "/opt/edge-test"
PYTHON = f"{PLACE}/python/bin/{Path(sys.executable).resolve().name}"

# The interpreter may lie in a home and the checkout in /tmp, which the service must not see: both are bound elsewhere.
PROGRAM = f"""#!/bin/sh
export PYTHONPATH={PLACE}/source:{PLACE}/site LD_LIBRARY_PATH={PLACE}/python/lib PYTHONDONTWRITEBYTECODE=1
exec {PYTHON} -m edge.cli "$@"
"""

TARGET = """[Unit]
Requires=basic.target
Wants=edge-test.service
After=basic.target
"""

SERVICE = f"""[Unit]
After=basic.target
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
TimeoutStartSec={3 * GUARD_S}
Environment=LD_LIBRARY_PATH={PLACE}/python/lib
ExecStart={PYTHON} {PLACE}/inside.py {PLACE}/bin/edge-enhance {PLACE}/out/seen.json
"""


@pytest.fixture(scope="module")
def seen_inside(made_once: MadeOnce) -> Callable[[Path], dict[str, Any]]:
    """Runs a script inside such a container, once for all workers, and gives what it wrote down."""
    if why := why_not():
        pytest.skip(why)

    def seen(script: Path, program: str = PROGRAM) -> dict[str, Any]:
        folder = made_once(script.stem, lambda folder: run_in_container(folder, script, program))
        return dict(json.loads((folder / "out" / "seen.json").read_text()))

    return seen


def why_not() -> str:
    """Why no container can be run here; empty where one can."""
    if os.geteuid() != 0:
        return "needs root, for systemd-nspawn"
    for tool in ("systemd-nspawn", "systemctl", "journalctl", "systemd-sysusers"):
        if shutil.which(tool) is None:
            return f"needs {tool}: apt-get install systemd systemd-container"
    return ""


def run_in_container(folder: Path, script: Path, program: str) -> None:
    """Boot and run `script` with the path of the installed program; it writes down what it saw in out/seen.json.

    Args:
        folder: scratch; "out" in it is the only thing that the container may change.
        program: text of the script that stands for the installed `edge-enhance`.
    """
    root, out = folder / "root", folder / "out"
    for path in (root, out, folder / "bin"):
        path.mkdir()
    _write(folder / "bin" / "edge-enhance", program).chmod(0o755)
    bound = {
        folder / "bin": f"{PLACE}/bin",
        Path(sys.base_prefix): f"{PLACE}/python",
        Path(sysconfig.get_path("purelib")): f"{PLACE}/site",
        REPOSITORY: f"{PLACE}/source",
        script: f"{PLACE}/inside.py",
        _write(folder / "edge-test.target", TARGET): "/etc/systemd/system/edge-test.target",
        _write(folder / "edge-test.service", SERVICE): "/etc/systemd/system/edge-test.service",
    }
    command = [
        "systemd-nspawn", f"--directory={root}", f"--machine=edge-{os.getpid()}",
        "--volatile=overlay", "--register=no", "--keep-unit",
        # nspawn's own filter does not know them; the unit's is what is tried
        "--system-call-filter=seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self",
        "--private-network", "--console=pipe", "--quiet", f"--bind={out}:{PLACE}/out",
        *(f"--bind-ro={here}:{there}" for here, there in bound.items()),
        "--boot", "systemd.unit=edge-test.target", "systemd.log_level=notice",
    ]  # fmt: skip
    subprocess.run(["mount", "--bind", "/", root], check=True)
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=4 * GUARD_S)
    finally:
        subprocess.run(["umount", "--lazy", root], check=True)
        root.rmdir()  # before anything removes the folder and all that is in it
    if not (out / "seen.json").exists():
        raise AssertionError(
            f"nothing was written down; the container said:\n{done.stdout[-4000:]}{done.stderr[-2000:]}"
        )


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
