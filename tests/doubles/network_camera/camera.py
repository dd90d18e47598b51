"""The camera as a test uses it: in a process of its own, with its switches in reach."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from tests.doubles.network_camera.faults import Faults
from tests.doubles.waiting import GUARD_S
from tests.paths import REPOSITORY


class NetworkCamera:
    """Starts with the block, ends with it.

    Args:
        tls: "own" or "other": HTTPS and RTSPS too, with a certificate of this kind.
        switches: as in `Faults`, from the start.
    """

    def __init__(self, *, tls: str = "", seed: int = 1, **switches: Any) -> None:
        self.faults = Faults().changed(switches)
        self._switches = switches
        self._command = [sys.executable, "-m", "tests.doubles.network_camera", "--control", "--http", "0"]
        self._command += ["--rtsp", "0", "--seed", str(seed)] + (["--tls", tls] if tls else [])
        self._process: subprocess.Popen[str] | None = None
        self._told: dict[str, Any] = {}

    def __enter__(self) -> NetworkCamera:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(self._command, cwd=REPOSITORY, text=True, **pipes)  # type: ignore[call-overload]
        self._told = self._heard()
        self.set(**self._switches)
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        assert process is not None, "entered"
        assert process.stdin is not None and process.stdout is not None, "pipes were asked for"
        process.stdin.close()
        try:
            process.wait(GUARD_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def url(self, scheme: str = "http", *, login: str = "", path: str | None = None) -> str:
        """An address: http, https (`/video.mjpg`), rtsp or rtsps (`/video`).

        Args:
            login: "right" or "wrong": name and password go into the address.
        """
        who = ""
        if login:
            password = self.faults.password if login == "right" else "wrong"
            who = f"{quote(self.faults.user, safe='')}:{quote(password, safe='')}@"
        path = path or ("/video" if scheme.startswith("rtsp") else "/video.mjpg")
        return f"{scheme}://{who}127.0.0.1:{self._told[scheme]}{path}"

    @property
    def certificate(self) -> str:
        """A file that a client may trust."""
        return str(self._told["certificate"])

    def set(self, **changes: Any) -> None:
        """Throw switches; the others stay as they are."""
        self.faults = self.faults.changed(changes)
        self._asked({"set": changes})

    def reset(self) -> None:
        """All switches as at the start."""
        self.faults = Faults().changed(self._switches)
        self._asked({"set": self._switches, "anew": True})

    @contextmanager
    def having(self, **changes: Any) -> Iterator[None]:
        """Switches for a block; then each is as it was."""
        before = {name: getattr(self.faults, name) for name in changes}
        self.set(**changes)
        try:
            yield
        finally:
            self.set(**before)

    def drop(self) -> None:
        """Close every connection."""
        self._asked({"drop": True})

    def counters(self) -> dict[str, Any]:
        """`open` and `total` connections, `pictures` taken, `requests` (protocol, line, authorization)."""
        return self._asked({"counters": True})

    def _asked(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process is not None and self._process.stdin is not None, "the camera runs"
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._heard()

    def _heard(self) -> dict[str, Any]:
        assert self._process is not None and self._process.stdout is not None, "the camera runs"
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the network camera ended with code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer
