"""The unit that runs on this machine, as another command meets it: its health record, and the order to reload."""

from __future__ import annotations

import http.client
import ipaddress
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.access.control import control_paths
from edge.access.listening import addresses_of, socket_addresses
from edge.basics.errors import InputOutputError
from edge.basics.texts import json_from_text

ANSWER_WITHIN_S, POLL_S = 5.0, 0.2
RELOAD_WITHIN_S = 150.0
"""A new engine may take 120 s to open, a large one on a GPU."""
TAKEN_WITHIN_S = 10.0
MAX_HEALTH_BYTES = 1 << 20


@dataclass(frozen=True)
class Reloaded:
    """How a reload ended."""

    ok: bool
    reason: str


class RunningUnit:
    """A unit that answers on its page's addresses, or by its control socket where it asks others for a login.

    Args:
        listen: `web.listen`.

    Raises:
        ConfigError: it cannot be understood.
    """

    def __init__(self, listen: str) -> None:
        self._listen = listen
        self._addresses = addresses_of(listen)

    def health(self) -> dict[str, Any] | None:
        """Its health record; None where nothing answers that has one."""
        return next((record for record in map(_health_by, self._connections()) if record is not None), None)

    def _connections(self) -> Iterator[http.client.HTTPConnection]:
        for path in control_paths(self._listen):
            yield _UnixConnection(path)
        for address in self._addresses:
            if address.path is not None:
                yield _UnixConnection(address.path)
                continue
            for _, where in socket_addresses(address)[:1]:
                yield http.client.HTTPConnection(_here(str(where[0])), address.port, timeout=ANSWER_WITHIN_S)

    def reload(self, record: dict[str, Any], stop: threading.Event) -> Reloaded:
        """Have it read its files again, and wait for the outcome.

        Args:
            record: its health before.

        Raises:
            InputOutputError: this user may not signal it.
        """
        pid, count_before = record["pid"], _count(record)
        try:
            os.kill(pid, signal.SIGHUP)
        except PermissionError as error:
            raise InputOutputError(
                f"the unit (process {pid}) is another user's; run this as root, its user owning the folder of models"
            ) from error
        except ProcessLookupError:
            return Reloaded(False, "the unit ended")
        until_s = time.monotonic() + RELOAD_WITHIN_S
        while time.monotonic() < until_s and not stop.wait(POLL_S):
            found = self.health()
            if found is None and not _is_live(pid):
                return Reloaded(False, "the unit ended while it reloaded")
            if found is not None and found["pid"] != pid:
                return Reloaded(False, "the unit was started anew while it reloaded")
            if found is not None and _count(found) > count_before:
                outcome = found["reload"]
                return Reloaded(outcome.get("ok") is True, str(outcome.get("reason") or "it gave no reason"))
        return Reloaded(False, f"the unit did not say within {RELOAD_WITHIN_S:.0f} s how it went")

    def runs(self, sha256: str, stop: threading.Event) -> bool:
        """Whether its frames are of this model, now or within moments."""
        until_s = time.monotonic() + TAKEN_WITHIN_S
        while True:
            found = self.health()
            if found is not None and found.get("model_sha256") == sha256:
                return True
            if time.monotonic() > until_s or stop.wait(POLL_S):
                return False


def _count(record: dict[str, Any]) -> int:
    outcome = record.get("reload")
    count = outcome.get("count") if isinstance(outcome, dict) else 0
    return count if isinstance(count, int) else 0


def _is_live(pid: object) -> bool:
    """Whether a process is a live unit: whoever answers on the port must not choose what gets a signal."""
    if type(pid) is not int or pid <= 1:
        return False
    try:
        return b"--live" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_WITHIN_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(ANSWER_WITHIN_S)
        self.sock.connect(str(self._path))


def _here(host: str) -> str:
    """Where this machine reaches what listens on a host: on every address it does by the loopback."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if address.is_unspecified:
        return "::1" if address.version == 6 else "127.0.0.1"
    return host


def _health_by(connection: http.client.HTTPConnection) -> dict[str, Any] | None:
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        record = json_from_text(answer.read(MAX_HEALTH_BYTES))
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    is_unit = answer.status == http.client.OK and isinstance(record, dict) and _is_live(record.get("pid"))
    return record if is_unit else None
