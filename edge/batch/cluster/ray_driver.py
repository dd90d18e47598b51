"""The process that speaks with Ray, apart from the program: Ray ends a process whose cluster is gone, and prints.

It does what it is ordered to over a socket and reports what happens; it ends when the socket does, and with it Ray ends
what it started on the nodes.
"""

from __future__ import annotations

import logging
import os
import queue
import re
import sys
import threading
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from edge.basics.errors import InputOutputError
from edge.batch.cluster import probe
from edge.batch.cluster.messages import (
    Ask,
    Dismiss,
    Do,
    Done,
    Employ,
    Failed,
    Joined,
    KeepContent,
    KeepModel,
    Lost,
    Node,
    Nodes,
    Order,
    Ready,
    Refused,
    Report,
    Silent,
    Versions,
)
from edge.batch.cluster.node import NodeWorker

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
LOOK_S = 1.0
"""How often it is asked which nodes there are."""


class Driver:
    """Does the orders. Reports are sent by a thread of their own, so that an order is taken whatever waits there."""

    def __init__(self, ray: Any, line: Connection) -> None:
        self._ray, self._line = ray, line
        self._reports: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self._workers: dict[int, Any] = {}
        self._model: Any = None
        self._content: Any = None
        self._why_none = ""
        self._nodes: tuple[Node, ...] = ()
        self._probe = ray.remote(num_cpus=0, max_retries=0)(probe.versions_here)
        self._worker_class = ray.remote(max_restarts=0, max_task_retries=0)(NodeWorker)
        threading.Thread(target=self._send, name="reports", daemon=True).start()

    def report(self, report: Report) -> None:
        self._reports.put(report)

    def _send(self) -> None:
        try:
            while True:
                self._line.send(self._reports.get())
        except OSError:  # nobody listens any more
            os._exit(0)

    def run(self) -> None:
        """Until the line ends."""
        with suppress(EOFError, OSError):
            while True:
                self._look()
                if self._line.poll(LOOK_S):
                    self._do(self._line.recv())

    def _look(self) -> None:
        nodes = tuple(sorted(_node(about) for about in self._ray.nodes() if about["Alive"]))
        if nodes != self._nodes:
            self._nodes = nodes
            self.report(Nodes(nodes))

    def _do(self, order: Order) -> None:
        if isinstance(order, Do) and self._why_none:
            why = f"{order.piece.path}: the cluster takes it not: {self._why_none}; free memory there, and --resume"
            self.report(Done(order.worker, order.number, Failed(why, InputOutputError.exit_code)))
        elif isinstance(order, Do):
            done = self._workers[order.worker].do.remote(order.piece, self._content)
            self._when(done, partial(Done, order.worker, order.number), partial(Lost, order.worker, order.number))
        elif isinstance(order, KeepContent):
            self._keep(order.content)
        elif isinstance(order, KeepModel):
            self._model = self._ray.put(order.files)
        elif isinstance(order, Employ):
            self._employ(order)
        elif isinstance(order, Dismiss):
            self._ray.kill(self._workers.pop(order.worker))
        elif isinstance(order, Ask):
            told = self._probe.options(scheduling_strategy=self._on(order.node)).remote(order.distributions)
            self._when(told, partial(Versions, order.node), partial(Silent, order.node))

    def _keep(self, content: bytes) -> None:
        """Put an original where the nodes get it; where that fails, its pieces do, and not the whole run."""
        self._content, self._why_none = None, ""
        try:
            self._content = self._ray.put(content)
        except Exception as error:  # noqa: BLE001 - whatever Ray raises is the answer
            self._why_none = _told(error)

    def _employ(self, order: Employ) -> None:
        worker = self._worker_class.options(
            num_cpus=order.num_cpus, num_gpus=order.num_gpus, scheduling_strategy=self._on(order.node)
        ).remote()
        self._workers[order.worker] = worker
        begun = worker.begin.remote(order.task, self._model, order.num_cpus)
        self._when(begun, lambda _: Ready(order.worker), partial(Lost, order.worker, None))

    def _on(self, node: str) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return NodeAffinitySchedulingStrategy(node, soft=False)

    def _when(self, reference: Any, done: Any, lost: Any) -> None:
        def tell(future: Any) -> None:
            try:
                self.report(done(future.result()))
            except Exception as error:  # noqa: BLE001 - whatever happened on another machine
                self.report(lost(_told(error)))

        reference.future().add_done_callback(tell)


def _node(about: Any) -> Node:
    resources = about["Resources"]
    name = f"{about['NodeManagerHostname']} ({about['NodeManagerAddress']})"
    return Node(about["NodeID"], name, int(resources.get("CPU", 0)), int(resources.get("GPU", 0)))


def _told(error: BaseException) -> str:
    """The reason out of what Ray says: the program's own error, the end of a traceback, or the first line."""
    cause = getattr(error, "cause", None) or error
    lines = [line.strip() for line in _COLOURS.sub("", str(cause)).splitlines() if line.strip()]
    if not lines:
        return type(cause).__name__
    return lines[-1 if any(line.startswith("File ") for line in lines) else 0]


def joined(address: str) -> Any:
    """Ray, in the cluster; raises whatever it raises."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray import cloudpickle

    ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL, configure_logging=False)
    cloudpickle.register_pickle_by_value(probe)  # type: ignore[no-untyped-call]
    return ray


def refusal(told: str, address: str) -> str:
    """What Ray says when it lets nobody in, and what to do."""
    told = " ".join(_COLOURS.sub("", told).split())
    if "Version mismatch" in told:
        ray, python = re.findall(r"Ray: (\S+)", told), re.findall(r"Python: (\S+)", told)
        if len(ray) == len(python) == 2:
            return (
                f"runs Ray {ray[0]} with Python {python[0]}, and here is Ray {ray[1]} with Python {python[1]}; "
                "install the same on all machines"
            )
    return (
        f"{told}; Ray must run on this machine too (ray start --address={address} --num-cpus=0), and the token of its "
        "nodes be set here (RAY_AUTH_MODE, RAY_AUTH_TOKEN_PATH)"
    )


def asks_for_token() -> bool:
    from ray._private.authentication.authentication_utils import is_token_auth_enabled

    return bool(is_token_auth_enabled())


def main() -> None:
    _, descriptor, address = sys.argv
    line = Connection(int(descriptor))
    try:
        ray = joined(address)
        line.send(Joined(asks_for_token()))
    except Exception as error:  # noqa: BLE001 - whatever Ray raises is the answer
        line.send(Refused(refusal(str(error) or type(error).__name__, address)))
        return
    Driver(ray, line).run()
    ray.shutdown()


if __name__ == "__main__":
    main()
