"""What is watched during a siege: the first viewer's stream, the watchdog, a Save, the log."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from tests.doubles.http_viewer import Viewer

NOT_LIVE = "save: 409"
"""The picture was late: with a machine that is busy with other work it may be."""
CLIENT = "127.0.0.3"
"""A person elsewhere: the first viewer sits at 127.0.0.1, the crowd comes from 127.0.0.2."""


class FirstViewer(threading.Thread):
    """Reads one stream from before the siege to its end."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._viewer = Viewer(f"http://127.0.0.1:{port}/", "view=enhanced")
        self._lock = threading.Lock()
        self._num, self._oldest_ms = 0, 0.0
        self.is_cut, self.newest = False, ("", "")
        self._seq = self._old_seq = 0

    def run(self) -> None:
        with contextlib.suppress(OSError, EOFError, ValueError, http.client.HTTPException, AttributeError):
            while True:
                headers = self._viewer.next().headers
                self._seq = int(headers.get("x-seq", 0))
                if self._seq > self._old_seq:
                    self.newest = headers["x-state"], headers["x-mode"]
                if "x-age-ms" in headers and headers["x-state"] == "live":
                    on_the_way_ms = time.monotonic_ns() / 1e6 - float(headers["x-sent-ms"])
                    with self._lock:
                        self._num += 1
                        self._oldest_ms = max(self._oldest_ms, float(headers["x-age-ms"]) + on_the_way_ms)
        self.is_cut = True

    def counts(self) -> tuple[int, float]:
        """LIVE pictures since the last call, and the age of the oldest when it was read, in ms."""
        with self._lock:
            found = self._num, self._oldest_ms
            self._num, self._oldest_ms = 0, 0.0
        return found

    def forget_newest(self) -> None:
        """Until a picture comes that the camera took later than those that were seen."""
        self._old_seq, self.newest = self._seq + 8, ("", "")  # some are on their way

    def close(self) -> None:
        self._viewer.close()


class Watchdog(threading.Thread):
    """The service manager's end of sd_notify: when the watchdog was fed."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._lock = threading.Lock()
        self._fed_s, self._longest_s = time.monotonic(), 0.0

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                if b"WATCHDOG=1" in self._socket.recv(4096):
                    with self._lock:
                        now_s = time.monotonic()
                        self._longest_s, self._fed_s = max(self._longest_s, now_s - self._fed_s), now_s

    def longest_s(self) -> float:
        """The longest time without food since the last call."""
        with self._lock:
            found, self._longest_s = max(self._longest_s, time.monotonic() - self._fed_s), 0.0
        return found


def asked(port: int, method: str, path: str, timeout_s: float = 10.0) -> tuple[int, bytes]:
    """The answer to somebody who comes from elsewhere; status 0 where none came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s, source_address=(CLIENT, 0))
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def saves(port: int) -> str:
    """Save as the page does, and fetch both pictures; empty where that works, else what did not."""
    status, body = asked(port, "POST", "/api/save")
    if status != 202:
        return f"save: {status} {body[:80]!r}"
    told = json.loads(body)
    for view in told["views"]:
        status, body = asked(port, "GET", f"/snapshot.png?view={view}&seq={told['seq']}", 30.0)
        if status != 200 or not body.startswith(b"\x89PNG"):
            return f"saved {view}: {status} {body[:80]!r}"
    return ""


_VARYING = re.compile(r"[0-9]+([.,:][0-9]+)*")
_ALLOWED = re.compile(r"saved throat-|^\s*$")
"""What somebody asked for and got is no trouble."""


def too_often(lines: Iterable[tuple[float, str]], gap_s: float = 9.5) -> list[str]:
    """Kinds of log lines that came twice within ten seconds; lines differ in kind by more than numbers."""
    times: dict[str, list[float]] = defaultdict(list)
    for at_s, line in lines:
        if not _ALLOWED.search(line):
            times[_VARYING.sub("N", line)].append(at_s)
    return [
        f"{kind[:100]} ({len(at)} times)"
        for kind, at in times.items()
        if any(later - earlier < gap_s for earlier, later in pairwise(at))
    ]
