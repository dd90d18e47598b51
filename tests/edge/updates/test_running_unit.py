"""Who counts as the running unit."""

import json
import os
import signal
import subprocess
import sys

from edge.updates.running_unit import RunningUnit


def test_only_a_live_unit_gets_a_signal(tmp_path):
    """A web server that names somebody else's process as the unit is not believed."""
    other = subprocess.Popen(["sleep", "60"])
    server = subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "0"], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        (tmp_path / "health").write_text(json.dumps({"pid": other.pid}))
        port = server.stdout.readline().split(b"port ")[1].split()[0].decode()
        assert RunningUnit(f"127.0.0.1:{port}").health() is None
        assert other.poll() is None
    finally:
        for process in (other, server):
            process.send_signal(signal.SIGKILL)
            process.wait()
