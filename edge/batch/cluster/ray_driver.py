"""The process that speaks with Ray, apart from the program: Ray ends a process whose cluster is gone, and prints.

It does what it is ordered to over a socket and reports what happens; it ends when the socket does, and with it Ray ends
what it started on the nodes.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from edge.basics.errors import InputOutputError
from edge.basics.memory import keep_memory
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
    NoModel,
    Order,
    Ready,
    Refused,
    Report,
    Silent,
    Versions,
    WriteInto,
)
from edge.batch.cluster.node import NodeWorker
from edge.batch.cluster.ray_words import reason_of, refusal
from edge.batch.cluster.results import landed

LOOK_S = 1.0
"""How often it is asked which nodes there are."""
MODEL_TRIES, MODEL_WAIT_S = 3, 2.0
IN_A_MESSAGE_BYTES = 32 << 20
"""An original or a result up to this goes from process to process. What is larger goes by the object stores of both
machines, which copy it and send it in parts: for a picture that takes twice the time."""
RAY_SETTINGS = {
    "RAY_max_direct_call_object_size": str(IN_A_MESSAGE_BYTES),
    "RAY_task_rpc_inlined_bytes_limit": str(IN_A_MESSAGE_BYTES),
    "RAY_task_events_report_interval_ms": "0",
    "RAY_enable_metrics_collection": "0",
}
"""Of this process and of the workers: nobody looks at Ray's record of each call, which costs its head some time."""


class Driver:
    """Does the orders. Reports are sent by a thread of their own, so that an order is taken whatever waits there."""

    def __init__(self, ray: Any, line: Connection) -> None:
        self._ray, self._line = ray, line
        self._reports: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self._workers: dict[int, Any] = {}
        self._model: Any = None
        self._pause = threading.Event()
        self._content = Content(ray)
        self._folder: Path | None = None
        self._nodes: tuple[Node, ...] = ()
        self._probe = ray.remote(num_cpus=0, max_retries=0)(probe.versions_here)
        self._worker_class = ray.remote(max_restarts=0, max_task_retries=0)(NodeWorker)
        threading.Thread(target=self._send, name="reports", daemon=True).start()

    def report(self, report: Report) -> None:
        self._reports.put(report)

    def _send(self) -> None:
        try:
            while True:
                report = self._reports.get()
                if isinstance(report, Done):
                    if report.worker not in self._workers:  # it was dismissed: others do that
                        continue
                    assert self._folder is not None, "it was told before a piece was given"
                    report = landed(report, self._folder)
                self._line.send(report)
        except OSError:  # nobody listens any more
            os._exit(0)

    def run(self) -> None:
        """Until the line ends."""
        with suppress(EOFError, OSError):
            next_s = time.monotonic()
            while True:
                if (now_s := time.monotonic()) >= next_s:
                    next_s = now_s + LOOK_S
                    self._look()
                if self._line.poll(next_s - now_s):
                    self._do(self._line.recv())

    def _look(self) -> None:
        nodes = tuple(sorted(_node(about) for about in self._ray.nodes() if about["Alive"]))
        if nodes != self._nodes:
            self._nodes = nodes
            self.report(Nodes(nodes))

    def _do(self, order: Order) -> None:
        if isinstance(order, Do):
            self._give(order)
        elif isinstance(order, KeepContent):
            self._content.keep(order.content)
        elif isinstance(order, WriteInto):
            self._folder = order.folder
        elif isinstance(order, KeepModel):
            self._keep_model(order)
        elif isinstance(order, Employ):
            self._employ(order)
        elif isinstance(order, Dismiss):
            self._ray.kill(self._workers.pop(order.worker))
        elif isinstance(order, Ask):
            told = self._probe.options(scheduling_strategy=self._on(order.node)).remote(order.distributions)
            self._when(told, partial(Versions, order.node), partial(Silent, order.node))

    def _give(self, order: Do) -> None:
        try:
            content = self._content.next()
        except Exception as error:  # noqa: BLE001 - whatever Ray raises is the answer, and costs its pieces alone
            told = f"{order.piece.path}: the cluster takes it not: {reason_of(error)}; free memory there, and --resume"
            self.report(Done(order.worker, order.number, Failed(told, InputOutputError.exit_code)))
            return
        done = self._workers[order.worker].do.remote(order.piece, content)
        self._when(done, partial(Done, order.worker, order.number), partial(Lost, order.worker, order.number))

    def _keep_model(self, order: KeepModel) -> None:
        """Put the model where the nodes get it, tried again where that fails."""
        for num_left in reversed(range(MODEL_TRIES)):
            try:
                self._model = self._ray.put(order.files)
                return
            except Exception as error:  # noqa: BLE001 - whatever Ray raises is the answer
                told = reason_of(error)
            if num_left:
                self._pause.wait(MODEL_WAIT_S)
        self.report(NoModel(told))

    def _employ(self, order: Employ) -> None:
        if self._model is None:  # which was told
            return
        worker = self._worker_class.options(
            num_cpus=order.num_cpus,
            num_gpus=order.num_gpus,
            scheduling_strategy=self._on(order.node),
            runtime_env={"env_vars": RAY_SETTINGS},
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
                self.report(lost(reason_of(error)))

        reference.future().add_done_callback(tell)


class Content:
    """Of the original whose pieces are given."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._content: Any = b""
        self._is_new = True

    def keep(self, content: bytes) -> None:
        self._content, self._is_new = content, True

    def next(self) -> Any:
        """For one piece more: itself, in a message, or where the nodes get it, for a large one or the pages after the
        first; raises whatever Ray raises."""
        if isinstance(self._content, bytes) and not (self._is_new and len(self._content) < IN_A_MESSAGE_BYTES):
            self._content = self._ray.put(self._content)
        self._is_new = False
        return self._content


def _node(about: Any) -> Node:
    resources = about["Resources"]
    name = f"{about['NodeManagerHostname']} ({about['NodeManagerAddress']})"
    return Node(about["NodeID"], name, int(resources.get("CPU", 0)), int(resources.get("GPU", 0)))


def joined(address: str) -> Any:
    """Ray, in the cluster; raises whatever it raises."""
    os.environ.update(RAY_SETTINGS, RAY_USAGE_STATS_ENABLED="0")
    import ray
    from ray import cloudpickle

    ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL, configure_logging=False)
    cloudpickle.register_pickle_by_value(probe)  # type: ignore[no-untyped-call]
    return ray


def asks_for_token() -> bool:
    from ray._private.authentication.authentication_utils import is_token_auth_enabled

    return bool(is_token_auth_enabled())


def main() -> None:
    _, descriptor, address = sys.argv
    keep_memory()
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
