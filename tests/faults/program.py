"""The program under test and the campaign's little service manager: started anew when it ends, counted from outside."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.doubles.waiting import GUARD_S
from tests.faults.injected.launcher import FPS_VARIABLE
from tests.faults.injected.source import FRAMES_VARIABLE
from tests.faults.injected.switches import FOLDER_VARIABLE
from tests.paths import REPOSITORY


@dataclass(frozen=True)
class Counts:
    """What the program holds.

    Attributes:
        num_fds, num_threads: of the main process alone; the engine's comes and goes as the ladder moves.
        num_processes: with its children.
        pss_mib: memory of all, each shared page counted once, without the frames that both see.
        frames_mib: those; they fill up to 200 MB as they are first used.
    """

    num_fds: int
    num_threads: int
    num_processes: int
    pss_mib: float
    frames_mib: float = 0.0


def _pss_mib(pid: int) -> tuple[float, float]:
    """Proportional set size in MiB: of everything but the shared frames, and of those."""
    own_kib = frames_kib = 0
    is_frames = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if line.startswith("Pss:"):
            if is_frames:
                frames_kib += int(line.split()[1])
            else:
                own_kib += int(line.split()[1])
        elif not line.split(" ", 1)[0].endswith(":"):
            is_frames = "memfd:edge-frames" in line
    return own_kib / 1024, frames_kib / 1024


class Program:
    """Starts it, starts it again when it ends, asks it and counts what it holds.

    Args:
        folder: for its log and switches.
        arguments: after `--live`.
        fps: of the breakable camera; None where the program has a real source.
    """

    def __init__(self, folder: Path, port: int, arguments: list[str], *, fps: float | None, frames: Path) -> None:
        self.port = port
        self.log_path = folder / "program.log"
        self._command = [sys.executable, "-m", "tests.faults.injected.launcher", "--live", *arguments]
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            FOLDER_VARIABLE: str(folder),
            **({} if fps is None else {FPS_VARIABLE: str(fps)}),
            FRAMES_VARIABLE: str(frames),
        }
        self._folder = folder
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self.ends: list[tuple[int, int]] = []
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    @classmethod
    def of(cls, process: subprocess.Popen[bytes], port: int, folder: Path) -> Program:
        """To ask and count a program that somebody else started and will stop."""
        program = cls(folder, port, [], fps=0.0, frames=folder)
        program._process = process
        return program

    def start(self) -> None:
        self._start_once()
        self._keeper.start()

    def _start_once(self) -> None:
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, cwd=self._folder, stdout=log, stderr=subprocess.STDOUT
            )

    def _keep(self) -> None:
        """As systemd's Restart=always with RestartSec=100ms."""
        while not self._stopping.is_set():
            assert self._process is not None, "started"
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(0.1)
                self.ends.append((time.monotonic_ns(), code))
                if self._stopping.wait(0.1):
                    return
                self._start_once()

    @property
    def pid(self) -> int:
        assert self._process is not None, "started"
        return self._process.pid

    def children(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            return psutil.Process(self.pid).children(recursive=True)
        return []

    def counts(self) -> Counts | None:
        """None where a process ended meanwhile."""
        try:
            main = psutil.Process(self.pid)
            every = [main, *main.children(recursive=True)]
            memory = [_pss_mib(process.pid) for process in every]
            return Counts(
                main.num_fds(),
                main.num_threads(),
                len(every),
                sum(own for own, _ in memory),
                sum(frames for _, frames in memory),
            )
        except (psutil.Error, OSError):
            return None

    def health(self, timeout_s: float = 2.0) -> dict[str, Any] | None:
        """`/health`, None where it does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            connection.request("GET", "/health")
            return dict(json.loads(connection.getresponse().read()))
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def post(self, path: str, timeout_s: float = 2.0) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            connection.request("POST", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def wait_live(self, timeout_s: float = GUARD_S) -> None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            health = self.health()
            if health and health["frames"] > 5 and health["mode"] == "enhanced" and health["state"] == "live":
                return
            time.sleep(0.1)
        raise RuntimeError(f"the program did not become live; its log: {self.log_path.read_text()[-3000:]}")

    def stop(self) -> int | None:
        """SIGTERM as the service manager does; the exit code, None where it had to be killed."""
        self._stopping.set()
        if self._keeper.is_alive():
            self._keeper.join(2.0)
        process = self._process
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        try:
            return process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
            return None
