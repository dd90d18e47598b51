"""This program's end of the line to the process that speaks with Ray."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import socket
import subprocess
from multiprocessing.connection import Connection

from edge.basics.errors import InputOutputError, UsageError
from edge.basics.python_child import child_environment, python_command
from edge.batch.cluster.messages import Joined, Order, Refused, Report
from edge.batch.steps import NoEngine

log = logging.getLogger(__name__)

DRIVER_COMMAND = python_command("edge.batch.cluster.ray_driver")
ANSWERS_S, JOINED_S, ENDS_S = 10.0, 60.0, 5.0
_LINE_BYTES = 1 << 20
INSTALL = "pip install 'edge-enhance[cluster]'"


class ClusterLost(NoEngine):
    """The cluster is gone, or has no node left: what is not done stays so."""

    def __init__(self, told: str) -> None:
        super().__init__(
            f"{told}; the same command with --resume goes on, also without --cluster", InputOutputError.exit_code
        )


class Link:
    """Implements `edge.batch.cluster.messages.Line`. All calls come from one thread.

    Args:
        address: HOST:PORT of the cluster, to which this machine belongs.

    Raises:
        UsageError: Ray is not installed, or this is no address.
        InputOutputError: nothing answers there, or it does not take this program in.
    """

    def __init__(self, address: str) -> None:
        if importlib.util.find_spec("ray") is None:
            raise UsageError(f"--cluster needs Ray, which is not installed: {INSTALL}")
        self.address = address
        refuse_silence(address)
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LINE_BYTES)
        with theirs:
            self._process = subprocess.Popen(
                [*DRIVER_COMMAND, str(theirs.fileno()), address],
                env=child_environment() | {"RAY_USAGE_STATS_ENABLED": "0"},
                cwd="/",  # Ray lets workers load what is in the working folder
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C is for this program, which ends that one
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self._line = Connection(ours.detach())
        try:
            self.asks_for_token = self._joined()
        except BaseException:
            self.close()
            raise

    def _joined(self) -> bool:
        report = self.receive(JOINED_S)
        if isinstance(report, Joined):
            return report.asks_for_token
        if isinstance(report, Refused):
            raise InputOutputError(f"--cluster {self.address}: {report.told[:600]}")
        raise InputOutputError(
            f"--cluster {self.address}: something answers there, but not a Ray cluster within {JOINED_S:.0f} s; give "
            "the address that ray start --head shows, and the token of its nodes (RAY_AUTH_MODE, RAY_AUTH_TOKEN_PATH)"
        )

    def send(self, order: Order) -> None:
        """Raises ClusterLost where the process is gone."""
        try:
            self._line.send(order)
        except OSError as error:
            raise self._lost() from error

    def receive(self, timeout_s: float) -> Report | None:
        """The next report; None where there is none within the time. Raises ClusterLost where the process is gone."""
        try:
            if not self._line.poll(timeout_s):
                return None
            report: Report = self._line.recv()
            return report
        except (EOFError, OSError) as error:
            raise self._lost() from error

    def _lost(self) -> ClusterLost:
        return ClusterLost(f"--cluster {self.address}: the cluster is gone")

    def close(self) -> None:
        """Ends all that was started on the nodes. Safe to call twice."""
        self._line.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDS_S)
            return
        self._process.kill()  # Ray sees that it is gone
        self._process.wait()


def travels_in_plain() -> bool:
    """Whether whoever listens on the network sees what goes to the nodes: Ray's own variable, as Ray reads it."""
    return os.environ.get("RAY_USE_TLS", "0").lower() not in ("1", "true")


def refuse_silence(address: str) -> None:
    """Raises InputOutputError where nothing listens at an address, UsageError where it is none."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError(
            f"--cluster is '{address}'; expected HOST:PORT as ray start --head shows it, such as 10.0.0.5:6379"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWERS_S).close()
    except OSError as error:
        reason = "no answer within 10 s" if isinstance(error, TimeoutError) else error.strerror or str(error)
        raise InputOutputError(
            f"--cluster {address}: {reason}; start Ray there (ray start --head), or correct the address"
        ) from error
