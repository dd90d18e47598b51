"""What the installation of the service writes: paths, contents, and the commands that make systemd take notice."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import edge
import firmware_bridge
from edge.basics.errors import UsageError
from edge.service.default_config import default_config

UNIT = "edge-enhance.service"
USER = "edge-enhance"
STATE_FOLDER = Path("/var/lib/edge-enhance")
CONFIG_PATH = Path("/etc/edge-enhance/edge.toml")
KEYS_PATH = Path("/etc/edge-enhance/keys")
RECORD_PATH = Path("/etc/edge-enhance/installed.json")

_PLACEHOLDER = "/opt/edge-enhance/bin/edge-enhance"
_HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # by ProtectHome= and PrivateTmp=


@dataclass(frozen=True)
class ServiceFile:
    """A file of the service.

    Attributes:
        path: absolute, on the machine that runs the service.
        is_kept: one that is there is never replaced, since it is the user's own: the configuration.
    """

    path: Path
    content: bytes
    is_kept: bool = False
    mode: int = 0o644


SYSUSERS_PATH = Path("/etc/sysusers.d/edge-enhance.conf")
TMPFILES_PATH = Path("/etc/tmpfiles.d/edge-enhance.conf")
UNIT_PATH = Path("/etc/systemd/system") / UNIT
RULE_PATH = Path("/etc/udev/rules.d/70-edge-camera-head.rules")


def service_files(program: str) -> tuple[ServiceFile, ...]:
    """All files, in the order in which they are written.

    Args:
        program: what the unit starts: an absolute path, with arguments if need be.
    """
    systemd = Path(__file__).parent / "systemd"
    unit = (systemd / UNIT).read_text(encoding="utf-8").replace(_PLACEHOLDER, program)
    rule = _folder_of(firmware_bridge) / "udev" / RULE_PATH.name
    return (
        ServiceFile(SYSUSERS_PATH, (systemd / "edge-enhance.sysusers").read_bytes()),
        ServiceFile(RULE_PATH, rule.read_bytes()),
        ServiceFile(TMPFILES_PATH, (systemd / "edge-enhance.tmpfiles").read_bytes()),
        ServiceFile(CONFIG_PATH, default_config().encode(), is_kept=True, mode=0o640),
        ServiceFile(KEYS_PATH / "README", (systemd / "keys.txt").read_bytes()),
        ServiceFile(UNIT_PATH, unit.encode()),
    )


def install_commands(*, now: bool) -> tuple[tuple[str, ...], ...]:
    """Commands to run once the files are there.

    Args:
        now: start the service too, or start it again.
    """
    start = (("systemctl", "restart", UNIT),) if now else ()
    return (
        ("systemd-sysusers", str(SYSUSERS_PATH)),
        ("systemd-tmpfiles", "--create", str(TMPFILES_PATH)),
        ("udevadm", "control", "--reload"),
        ("udevadm", "trigger", "--subsystem-match=tty"),
        ("systemctl", "daemon-reload"),
        ("systemctl", "enable", UNIT),
        *start,
    )


STOP_COMMANDS: tuple[tuple[str, ...], ...] = (
    ("systemctl", "disable", "--now", UNIT),
    ("systemctl", "reset-failed", UNIT),  # while it is known: afterwards there is nothing to reset
)
"""Before the files are removed."""

FORGET_COMMANDS: tuple[tuple[str, ...], ...] = (
    ("systemctl", "daemon-reload"),
    ("udevadm", "control", "--reload"),
)
"""After they are removed."""


def this_program() -> tuple[Path, ...]:
    """The edge-enhance script of the Python that runs now, and what else the service must reach to start it.

    Raises:
        UsageError: there is none.
    """
    script = Path(sys.executable).parent / "edge-enhance"
    if not script.is_file():
        raise UsageError(f"{script} is missing; install the package first: {sys.executable} -m pip install .")
    return script, Path(sys.executable).resolve(), _folder_of(edge)


class OutOfReach(UsageError):
    """A program that the service, which sees no home and no /tmp of others, could not start."""


def check_reachable(paths: Sequence[Path]) -> None:
    """Refuse a program that the service could not start.

    Raises:
        UsageError: names the path and what to do; `OutOfReach` where only the place is wrong.
    """
    for path in paths:
        if not path.is_absolute():
            raise UsageError(f"{path}: expected an absolute path, as systemd does")
        if any(character.isspace() or character in "%$\"'\\;" for character in str(path)):
            raise UsageError(f"{path} has a character that a unit file cannot hold; install the program elsewhere")
    for path in paths:
        hidden = next((folder for folder in _HIDDEN if path.is_relative_to(folder)), None)
        if hidden is not None:
            raise OutOfReach(
                f"{path} lies in {hidden}, which the service cannot see; install the program elsewhere, with a Python "
                "of the system: in the checkout, sudo make install PYTHON=/usr/bin/python3"
            )


def _folder_of(package: object) -> Path:
    return Path(str(package.__file__)).resolve().parent  # type: ignore[attr-defined]
