"""A Ray cluster on this machine, each node of it to be killed alone."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Collection, Iterator
from pathlib import Path

from tests.doubles.waiting import wait_until

NUM_TRIES = 6
QUIET = {"RAY_enable_metrics_collection": "0", "RAY_task_events_report_interval_ms": "0", "RAY_event_stats": "0"}
"""As docs/files.md has a node be started."""
MARK = "EDGE_TEST_RAY_NODE"
PORTS = ("metrics-export-port", "dashboard-agent-listen-port", "dashboard-agent-grpc-port", "runtime-env-agent-port")


class RayNodes:
    """A head without cores, and the nodes that a test starts.

    Every process of a node has the node's name in its environment, by which it is found and killed.
    """

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # a socket's name in it must be short
        self._id = uuid.uuid4().hex
        light = self._folder / "light"
        light.mkdir()
        # Of what checks addresses in jsonschema, the grammar takes two seconds of each of Ray's processes.
        (light / "rfc3987_syntax.py").write_text("raise ImportError('left out')\n")
        self._light = light
        self._environment = environment or {}
        self.address = f"127.0.0.1:{_free_ports(1)[0]}"

    def start_head(self) -> None:
        self._start("head", "--head", f"--port={self.address.split(':')[1]}", "--include-dashboard=false", num_cpus=0)

    def node(self, name: str, *, num_cpus: int = 1, pinned_to: Collection[int] = (), first: Path | None = None) -> None:
        """Start one.

        Args:
            pinned_to: the cores that it may use.
            first: a folder that its Python looks into before all others.
        """
        self._start(name, f"--address={self.address}", num_cpus=num_cpus, pinned_to=pinned_to, first=first)

    def _start(
        self, name: str, *words: str, num_cpus: int, pinned_to: Collection[int] = (), first: Path | None = None
    ) -> None:
        for _ in range(NUM_TRIES):
            told = self._tried(name, words, num_cpus, pinned_to, first)
            if not told:
                return
            self.kill(name)  # Ray gives a node half a minute, which a machine with other work may not give it
        raise AssertionError(told)

    def _tried(
        self, name: str, words: Collection[str], num_cpus: int, pinned_to: Collection[int], first: Path | None
    ) -> str:
        """What was said where it did not start."""
        ports = [f"--{option}={port}" for option, port in zip(PORTS, _free_ports(len(PORTS)), strict=True)]
        path = [str(folder) for folder in (first, self._light) if folder]
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", *words, *ports, f"--num-cpus={num_cpus}"]
        started = subprocess.run(
            [*command, f"--temp-dir={self._folder}", "--include-log-monitor=false", "--disable-usage-stats"],
            env={
                **os.environ,
                **QUIET,
                **self._environment,
                "HOME": str(self._folder),
                "PYTHONPATH": ":".join(path),
                "RAY_USAGE_STATS_ENABLED": "0",
                MARK: f"{self._id}-{name}",
            },
            cwd="/",
            preexec_fn=(lambda: os.sched_setaffinity(0, pinned_to)) if pinned_to else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return started.stdout if started.returncode else ""

    def processes(self, name: str = "") -> list[int]:
        """Of a node, or of all."""
        mark = f"{MARK}={self._id}-{name}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                with contextlib.suppress(OSError):
                    marks = [one for one in (entry / "environ").read_bytes().split(b"\0") if one.startswith(mark)]
                    if marks and (not name or marks == [mark]):
                        found.append(int(entry.name))
        return found

    def workers(self, name: str = "") -> list[int]:
        """Of a node, or of all: the processes of this program that do pieces, and their engines."""
        found = []
        for process in self.processes(name):
            words = words_of(process)
            if b"NodeWorker" in words or b"edge.guard" in words:
                found.append(process)
        return found

    def engines(self, name: str) -> list[int]:
        """Of a node's workers: those that have begun have one."""
        return [one for one in self.workers(name) if b"edge.guard" in words_of(one)]

    def kill(self, name: str) -> None:
        """SIGKILL to all of its processes at once, but for what puts a worker's folder away."""
        self._kill_until_gone(lambda: [one for one in self.processes(name) if b"rm -rf" not in words_of(one)])

    def _kill_until_gone(self, processes: object) -> None:
        def is_gone() -> bool:
            left: list[int] = processes()  # type: ignore[operator]
            for process in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            return not left

        wait_until(is_gone)

    def close(self) -> None:
        self._kill_until_gone(self.processes)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def logs(self) -> str:
        """All that Ray has written on this machine."""
        return "\n".join(path.read_text(errors="replace") for path in self._folder.rglob("logs/**/*") if path.is_file())


@contextlib.contextmanager
def ray_nodes(environment: dict[str, str] | None = None) -> Iterator[RayNodes]:
    nodes = RayNodes(environment)
    try:
        nodes.start_head()
        yield nodes
    finally:
        nodes.close()


def words_of(process: int) -> bytes:
    """Of its command line; empty where it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


def _free_ports(num_ports: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(num_ports)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
