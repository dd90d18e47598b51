"""Runs inside a container whose PID 1 is systemd: installs the service, breaks it, and writes down what was seen.

Called with the program to install and the file for what was seen; `test_under_systemd.py` judges that.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

UNIT = "edge-enhance.service"
CONFIG = Path("/etc/edge-enhance/edge.toml")
GOOD = '[source]\nuri = "demo:"\nwait = true\n[web]\nlisten = "127.0.0.1:8080"\njpeg_quality = {}\n'
WRONG = GOOD.format(5)
OPEN = (
    '[source]\nuri = "demo:"\n[web]\nlisten = ["127.0.0.1:8080", "0.0.0.0:8443"]\n'
    'users = "/etc/edge-enhance/users.toml"\ncertificate = "self-made"\n'
)

GUARD_S = 300.0
"""As of `tests.doubles.waiting`, which is not seen from here."""

PROGRAM, OUT = sys.argv[1], Path(sys.argv[2])
seen: dict[str, Any] = {}


def main() -> None:
    sooner = Path(f"/run/systemd/system/{UNIT}.d/sooner.conf")  # the same watchdog, in less of the test's time
    sooner.parent.mkdir(parents=True)
    sooner.write_text("[Service]\nWatchdogSec=6\n")

    seen["install"] = run(PROGRAM, "install-service", "--program", PROGRAM)
    seen["default_config"] = CONFIG.read_text()
    CONFIG.write_text(GOOD.format(80))
    seen["start"] = run("systemctl", "start", UNIT)
    until(lambda: properties()["StatusText"])
    seen["started"] = properties()
    seen["user"] = user_of(int(seen["started"]["MainPID"]))
    seen["health"] = health()
    seen["state_folder"] = owner_and_mode("/var/lib/edge-enhance")

    until(lambda: health()["ladder"]["engine_pid"])
    for number, (name, text) in enumerate((("reload", GOOD.format(70)), ("bad_reload", WRONG)), start=1):
        CONFIG.write_text(text)
        run("systemctl", "reload", UNIT)
        until(lambda wanted=number: (health()["reload"] or {"count": 0})["count"] == wanted)
        seen[name] = {**properties(), "health": health()}
    CONFIG.write_text(GOOD.format(80))

    for name, number in (("stopped", signal.SIGSTOP), ("killed", signal.SIGKILL)):
        before = properties()
        os.kill(int(before["MainPID"]), number)
        until(lambda old=before: properties()["NRestarts"] != old["NRestarts"] and is_active())
        seen[name] = {"before": before, "after": properties()}

    CONFIG.write_text(WRONG)
    before = properties()
    os.kill(int(before["MainPID"]), signal.SIGKILL)
    until(has_refused)
    time.sleep(3)  # RestartSec is 1
    seen["refused"] = {"before": before, "after": properties()}

    seen["journal"] = journal()
    CONFIG.write_text(OPEN)
    seen["token"] = run(PROGRAM, "user", "token", "wall", "--role", "viewer")
    seen["open_start"] = run("systemctl", "start", UNIT)
    seen["open"] = properties()
    run("journalctl", "--sync")
    seen["open_journal"] = run("journalctl", "--unit", UNIT, "--output=cat")["out"]
    run("systemctl", "stop", UNIT)

    CONFIG.write_text(GOOD.format(80))
    with read_only_root():
        seen["read_only_start"] = run("systemctl", "start", UNIT)
        seen["read_only"] = {**properties(), "health": health()}
        run("systemctl", "stop", UNIT)
    seen["uninstall"] = run(PROGRAM, "uninstall-service")
    seen["left"] = [str(path) for path in Path("/etc").rglob("*edge-enhance*")]
    seen["unit_after"] = properties()["LoadState"]


def run(*command: str) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True)
    return {"rc": done.returncode, "out": done.stdout, "err": done.stderr}


def properties() -> dict[str, str]:
    wanted = "ActiveState,SubState,StatusText,MainPID,NRestarts,Result,ExecMainStatus,LoadState"
    done = run("systemctl", "show", UNIT, f"--property={wanted}")
    return dict(line.split("=", 1) for line in done["out"].splitlines())


def is_active() -> bool:
    return properties()["ActiveState"] == "active"


def has_refused() -> bool:
    """Not the moment of failure between the kill and the start after it."""
    now = properties()
    return (now["ActiveState"], now["ExecMainStatus"]) == ("failed", "78")


def journal(*matches: str) -> list[dict[str, Any]]:
    run("journalctl", "--sync")
    done = run("journalctl", "--unit", UNIT, "--output=json", "--all", *matches)
    return [json.loads(line) for line in done["out"].splitlines()]


def user_of(pid: int) -> dict[str, str]:
    status = Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in status.splitlines() if line.startswith(("Uid", "Groups", "CapBnd")))


def owner_and_mode(path: str) -> str:
    return str(run("stat", "--format=%U %a", path)["out"].strip())


def health() -> dict[str, Any]:
    with urllib.request.urlopen("http://127.0.0.1:8080/health", timeout=GUARD_S) as answer:
        return dict(json.load(answer))


def until(happened: Callable[[], bool], limit_s: float = GUARD_S) -> None:
    """Wait; where it does not happen, what was seen until then is written and the test fails on it."""
    end = time.monotonic() + limit_s
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {limit_s:.0f} s")
        time.sleep(0.1)


def is_read_only() -> bool:
    """Refused while anybody has a file open to write, as what has just ended may for a moment."""
    seen["read_only_mount"] = run("mount", "-o", "remount,bind,ro", "/")
    return bool(seen["read_only_mount"]["rc"] == 0)


@contextlib.contextmanager
def read_only_root() -> Iterator[None]:
    """All but /run, /tmp and a data partition cannot be written."""
    run("journalctl", "--relinquish-var")
    run("mount", "-t", "tmpfs", "data", "/var/lib/edge-enhance")
    until(is_read_only)
    try:
        yield
    finally:
        run("mount", "-o", "remount,bind,rw", "/")


@contextlib.contextmanager
def reporting() -> Iterator[None]:
    try:
        yield
    except Exception:
        seen["error"] = traceback.format_exc()
        seen["last"] = properties()
        seen["journal"] = journal()
        raise
    finally:
        OUT.write_text(json.dumps(seen))


with reporting():
    main()
