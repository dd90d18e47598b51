"""The unit and the user's file, as systemd's own tools judge them."""

import configparser
import shutil
import subprocess
import sys

import pytest

from edge.service.files import SYSUSERS_PATH, UNIT_PATH, service_files

MOST_EXPOSURE = 2.0


def tool(name):
    if shutil.which(name) is None:
        pytest.skip(f"needs {name}: apt-get install systemd")
    return name


@pytest.fixture
def unit(tmp_path):
    """The unit as it is installed; its program exists."""
    path = tmp_path / UNIT_PATH.name
    path.write_bytes(content(UNIT_PATH))
    return path


def content(path, program=sys.executable):
    return next(file.content for file in service_files(program) if file.path == path)


def test_systemd_finds_nothing_wrong(unit):
    done = subprocess.run([tool("systemd-analyze"), "verify", "--man=no", unit], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_exposure_is_low(unit):
    limit = f"--threshold={round(MOST_EXPOSURE * 10)}"
    command = [tool("systemd-analyze"), "security", "--offline=true", "--no-pager", limit, unit]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "Overall exposure level" in done.stdout


def test_the_user_can_be_made(tmp_path):
    path = tmp_path / "edge-enhance.conf"
    path.write_bytes(content(SYSUSERS_PATH))
    done = subprocess.run([tool("systemd-sysusers"), "--dry-run", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "ignoring" not in done.stderr


def test_what_the_program_counts_on():
    parsed = configparser.RawConfigParser(strict=False)
    parsed.optionxform = str
    parsed.read_string(content(UNIT_PATH, "/opt/x/bin/edge-enhance").decode())
    service = parsed["Service"]
    assert service["ExecStart"] == "/opt/x/bin/edge-enhance --live --config /etc/edge-enhance/edge.toml"
    assert (service["Type"], service["NotifyAccess"]) == ("notify", "main")
    assert (service["Restart"], service["RestartPreventExitStatus"]) == ("always", "78")
    starts_in_interval = float(parsed["Unit"]["StartLimitIntervalSec"]) / float(service["RestartSec"])
    assert starts_in_interval < float(parsed["Unit"]["StartLimitBurst"]), "restarts would come to an end"
