"""What the process of a proof has loaded before it becomes somebody whom the interpreter may be closed to."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["edge.engines.cpu", "edge.engines.gpu.open", "statistics"])
def test_what_opens_an_engine_is_loaded_first(module):
    script = f"import sys; from edge.updates.prove_process import load; load(); sys.exit({module!r} not in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
