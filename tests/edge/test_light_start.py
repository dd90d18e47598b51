"""What reads, prints or explains the configuration loads no web server, no OpenCV, no runtime and no serial driver."""

import json
import subprocess
import sys

import pytest

from tests.doubles.waiting import GUARD_S
from tests.paths import REPOSITORY

COMMAND = """
import contextlib, sys
from edge.cli import main
with contextlib.suppress(SystemExit):
    main({})
"""
TOLD = """
import json
print(json.dumps(sorted(sys.modules)))
"""
OF_CONFIG = {
    "edge",
    "edge.basics",
    "edge.basics.errors",
    "edge.basics.hiding",
    "edge.basics.secrets",
    "edge.basics.settings",
    "edge.basics.texts",
    "edge.config",
    "firmware_bridge",
    "firmware_bridge.command_alike",
    "firmware_bridge.command_line",
    "firmware_bridge.wire",
    "firmware_bridge.wire.limits",
}
OF_COMMAND = OF_CONFIG | {
    "edge.basics.command",
    "edge.basics.guarded_output",
    "edge.basics.folders",
    "edge.basics.logs",
    "edge.basics.options",
    "edge.basics.walk",
    "edge.basics.whole_files",
    "edge.cli",
    "edge.config_file",
    "edge.models",
    "edge.models.manifest",
    "edge.models.profile",
    "edge.models.shared_weights",
    "firmware_bridge.command_line",
}


@pytest.mark.parametrize(
    ("code", "own", "most"),
    [
        pytest.param("import edge.config", OF_CONFIG, 122, id="import edge.config"),  # 105 to 119
        pytest.param(COMMAND.format(["--help"]), OF_COMMAND, 200, id="--help"),  # 176 to 187
        pytest.param(COMMAND.format(["--print-config", "--profile", "x"]), OF_COMMAND, 200, id="--print-config"),
        pytest.param(COMMAND.format(["--live", "--force"]), OF_COMMAND, 200, id="refused"),
    ],
)
def test_only_what_is_needed_is_loaded(code, own, most):
    path = [str(REPOSITORY), *sys.path]  # -S: what an environment loads at each start is not counted
    code = f"import sys\nsys.path[:] = {path!r}\n{code}\n{TOLD}"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, timeout=GUARD_S)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert {name for name in loaded if name.split(".")[0] in ("edge", "firmware_bridge")} == own
    foreign = {name.split(".")[0] for name in loaded - own} - sys.stdlib_module_names - {"__main__"}
    assert foreign <= {"tomli"}, "a package that reading a configuration does not need"
    assert len(loaded) <= most


def test_what_reads_dicom_is_not_loaded_before_it_is_asked_for():
    """It takes half as long as everything else of a start."""
    code = "import sys, edge.program, edge.check, edge.batch.run; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"pydicom", "pynetdicom", "gdcm"} & set(done.stdout.split()) == set()
