"""The unit and the user's file, as systemd's own tools judge them."""

import configparser
import ipaddress
import shutil
import subprocess
import sys

import pytest

from edge.service.files import SYSUSERS_PATH, UNIT_PATH, service_files

MOST_EXPOSURE = 1.4


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


def values(key):
    """All values of a key of [Service], which may stand there more than once."""
    lines = content(UNIT_PATH).decode().splitlines()
    return [word for line in lines if line.startswith(f"{key}=") for word in line.partition("=")[2].split()]


WORDS = {"localhost": ["127.0.0.0/8", "::1/128"], "link-local": ["169.254.0.0/16", "fe80::/64"]}
"""What systemd.resource-control(5) says of them."""


@pytest.mark.parametrize(
    ("address", "is_reached"),
    [
        pytest.param("127.0.0.1", True, id="the page's proxy"),
        pytest.param("::1", True, id="the page's proxy, IPv6"),
        pytest.param("192.168.1.20", True, id="viewer"),
        pytest.param("10.3.4.5", True, id="archive"),
        pytest.param("172.31.255.254", True, id="camera"),
        pytest.param("169.254.7.7", True, id="camera on a cable"),
        pytest.param("fd12:3456::9", True, id="viewer, IPv6"),
        pytest.param("8.8.8.8", False, id="name server of the Internet"),
        pytest.param("172.32.0.1", False, id="beside the private ones"),
        pytest.param("20.42.65.85", False, id="collector"),
        pytest.param("2603:1030::1", False, id="collector, IPv6"),
    ],
)
def test_the_internet_is_closed(address, is_reached):
    assert values("IPAddressDeny") == ["any"]
    allowed = [network for word in values("IPAddressAllow") for network in WORDS.get(word, [word])]
    address = ipaddress.ip_address(address)
    assert any(address in ipaddress.ip_network(network) for network in allowed) is is_reached


def test_the_engines_process_may_take_from_itself_what_it_does_not_need():
    assert {"seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"} <= {
        *values("SystemCallFilter")
    }


def test_what_is_loaded_and_told_does_not_depend_on_the_machines_environment():
    assert "ORT_DISABLE_TELEMETRY=1" in values("Environment")
    assert {"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP"} <= {*values("UnsetEnvironment")}


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
