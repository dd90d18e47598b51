"""What the process of a proof has loaded before it becomes somebody whom the interpreter may be closed to."""

import subprocess
import sys

OPENS_AN_ENGINE = ("edge.engines.cpu", "edge.engines.gpu.open", "statistics")


def test_what_opens_an_engine_is_loaded_first():
    script = "import sys; from edge.updates.prove_process import load; load(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(OPENS_AN_ENGINE) <= set(done.stdout.split())
