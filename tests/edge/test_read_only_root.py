"""The real program where nothing can be written but a small data partition."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.doubles.ports import free_port
from tests.doubles.waiting import GUARD_S

SCRIPT = """
mount -t tmpfs -o size=64m tmpfs "$STATE_DIRECTORY" && mount -o remount,bind,ro / || exit 99
touch /edge-enhance-was-here 2>/dev/null && exit 98
"$PYTHON" -m edge.cli --live --source 'demo:?fps=5' --listen "127.0.0.1:$PORT" >"$STATE_DIRECTORY/log" 2>&1 &
program=$!
trap 'kill $program' TERM
wait $program
wait $program; code=$?
rm "$STATE_DIRECTORY/log"
echo "left: $(cd "$STATE_DIRECTORY" && find . -mindepth 1 | sort | tr '\\n' ' '), exit $code"
"""


def health(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GUARD_S)
    try:
        connection.request("GET", "/health")
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


@pytest.mark.slow
def test_live_on_a_read_only_root_writes_nothing(tmp_path):
    can = shutil.which("unshare") and not subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode
    if not can:
        pytest.skip("a mount namespace needs root (unshare -m)")
    port = free_port()
    environment = {**os.environ, "STATE_DIRECTORY": str(tmp_path), "PORT": str(port), "PYTHON": sys.executable}
    with subprocess.Popen(
        ["unshare", "-m", "sh", "-c", SCRIPT],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        state = {}
        try:
            end = time.monotonic() + GUARD_S
            while state.get("state") != "live" and program.poll() is None and time.monotonic() < end:
                try:
                    state = health(port)
                except OSError:
                    time.sleep(0.2)
        finally:
            program.send_signal(signal.SIGTERM)
        printed = program.communicate(timeout=GUARD_S)[0]
    if program.returncode == 99:
        pytest.skip(f"mounting is not permitted here: {printed.strip()}")
    assert state.get("state") == "live", printed
    assert printed == "left: ./audit ./audit/audit.jsonl , exit 0\n"
