"""The whole program on the demo, with a worklist; ended as by a power cut."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.doubles.ports import free_port
from tests.doubles.worklist_files import TITLE

PATIENCE_S = 120.0


@contextmanager
def ward(folder: Path, worklist_port: int, *settings: str) -> Iterator[str]:
    """Its address. It saves to `saved`, and says what it does in `log` and `audit.jsonl`.

    Args:
        settings: more lines of edge.toml.
    """
    config, port = folder / "edge.toml", free_port()
    config.write_text(f"""
        source.uri = "demo:?fps=4"
        engine.backend = "cpu"
        web.listen = "127.0.0.1:{port}"
        audit.file = "{folder / "audit.jsonl"}"
        save.folder = "{folder / "saved"}"
        worklist.host = "127.0.0.1"
        worklist.port = {worklist_port}
        worklist.ae_title = "{TITLE}"
        {chr(10).join(settings)}
    """)
    with (folder / "log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "edge.cli", "--live", "--debug", "--config", str(config)],
            stdout=log,
            stderr=log,
            env={**os.environ, "STATE_DIRECTORY": str(folder / "state")},
        )
    try:
        wait(lambda: requests.get(f"http://127.0.0.1:{port}/api/state", timeout=30).json()["state"] == "live")
        yield f"http://127.0.0.1:{port}/"
    finally:
        child.kill()
        child.wait()


def wait(holds: Callable[[], object]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            if holds():
                return
        except (OSError, ValueError):
            pass
        assert time.monotonic() < end_s, "did not come true"
        time.sleep(0.1)
