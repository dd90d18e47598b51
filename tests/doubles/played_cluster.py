"""A cluster that is played: it takes the orders of `edge.batch.cluster.workers` and reports what a test says."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Mapping

from edge.batch.cluster.link import ClusterLost
from edge.batch.cluster.messages import (
    Ask,
    Dismiss,
    Do,
    Done,
    Employ,
    Failed,
    KeepContent,
    KeepModel,
    Lost,
    Node,
    Nodes,
    Order,
    Ready,
    Report,
    Versions,
)
from edge.batch.cluster.versions import versions_here
from edge.batch.kinds.kind import Made, made_content


def made_of(name: str, content: bytes, result: bytes = b"result") -> Made:
    record = {"source": {"sha256": hashlib.sha256(content).hexdigest()}}
    return Made((made_content(f"{name}-enhanced.png", "enhanced", result),), record)


class PlayedCluster:
    """Implements `edge.batch.cluster.messages.Line`.

    Attributes:
        orders: all that came.
        versions: node -> what it has that is not as here.
        fails: name of a piece -> what comes of it each time.
        holds: whether pieces wait for `finish`.
        never_ready: nodes whose workers are never heard of.
        doing: number -> the order, while it waits.
    """

    address = "127.0.0.1:6379"

    def __init__(self, *nodes: Node, versions: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self.orders: list[Order] = []
        self.versions = dict(versions or {})
        self.fails: dict[str, Failed | Lost | Made] = {}
        self.holds = False
        self.never_ready: set[str] = set()
        self.doing: dict[int, Do] = {}
        self.node_of: dict[int, str] = {}
        self._nodes = list(nodes)
        self._content = b""
        self._contents: dict[int, bytes] = {}
        self.reports: deque[Report] = deque([Nodes(tuple(nodes))])
        self.is_gone = self.is_closed = False

    def send(self, order: Order) -> None:
        self.orders.append(order)
        if isinstance(order, Ask):
            self.reports.append(Versions(order.node, {**versions_here(), **self.versions.get(order.node, {})}))
        elif isinstance(order, Employ):
            self.node_of[order.worker] = order.node
            if order.node not in self.never_ready:
                self.reports.append(Ready(order.worker))
        elif isinstance(order, KeepContent):
            self._content = order.content
        elif isinstance(order, Do):
            self._contents[order.number] = self._content
            self.doing[order.number] = order
            if not self.holds:
                self.finish(order.number)

    def finish(self, number: int) -> None:
        order = self.doing.pop(number)
        made = self.fails.get(order.piece.name) or made_of(order.piece.name, self._contents[number])
        if isinstance(made, Lost):
            self.reports.append(Lost(order.worker, number, made.told))
        else:
            self.reports.append(Done(order.worker, number, made))

    def receive(self, timeout_s: float) -> Report | None:
        if self.reports:
            return self.reports.popleft()
        if self.is_gone:
            raise ClusterLost("the cluster is gone")
        return None

    def close(self) -> None:
        self.is_closed = True

    def comes(self, node: Node) -> None:
        self._nodes.append(node)
        self.reports.append(Nodes(tuple(self._nodes)))

    def goes(self, node: str) -> None:
        """A node is killed: nothing that it does is heard of any more."""
        self._nodes = [one for one in self._nodes if one.node != node]
        for number, order in list(self.doing.items()):
            if self.node_of[order.worker] == node:
                del self.doing[number]
        self.reports.append(Nodes(tuple(self._nodes)))

    def count(self, kind: type) -> int:
        return sum(isinstance(order, kind) for order in self.orders)

    @property
    def dismissed(self) -> list[int]:
        return [order.worker for order in self.orders if isinstance(order, Dismiss)]

    @property
    def num_models(self) -> int:
        return self.count(KeepModel)
