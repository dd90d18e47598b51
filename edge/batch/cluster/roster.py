"""The nodes of a run: who is there, who is fit for it, and who has failed too often."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from edge.basics.errors import ConfigError, DeviceMissing
from edge.batch.cluster.messages import Ask, Line, Node, Nodes, Report, Silent, Versions
from edge.batch.cluster.versions import DISTRIBUTIONS, difference, versions_here, what_to_do

log = logging.getLogger(__name__)

MOST_LOSSES = 3
"""Workers that a node may lose in a row, and pieces to blame for that, one after the other, after which it is the
node."""
ANSWER_S, POLL_S = 120.0, 0.2


class Change(NamedTuple):
    """Who is there no more, and who is there for the first time and fit."""

    gone: Sequence[Node] = ()
    come: Node | None = None


class Roster:
    """All calls come from one thread.

    Attributes:
        why: what was found wrong last, for a person; empty where nothing was.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._ours = versions_here()
        self._nodes: dict[str, Node] = {}
        self._unasked: set[str] = set()
        self._refused: set[str] = set()
        self._failures: Counter[str] = Counter()
        self._blamed: Counter[str] = Counter()
        self._is_admitted = False
        self.why = ""

    def admit(self, stop: threading.Event) -> None:
        """Hear who is there; every node must be fit before anything begins.

        Raises:
            ConfigError: a node has another version of something that decides pixels.
            DeviceMissing: there is no node.
        """
        end = time.monotonic() + ANSWER_S
        self._hear_until(end, stop, lambda: bool(self._nodes))
        self._hear_until(end, stop, lambda: not self._unasked)
        for node in self._unasked & self._nodes.keys():
            self.refuse(node, f"did not answer within {ANSWER_S:.0f} s")
        self._unasked.clear()
        if not self.fit:
            why = self.why or "no node of it offers a CPU or GPU"
            raise DeviceMissing(
                f"--cluster {self._line.address}: {why}; start one with ray start --address={self._line.address}"
            )
        self._is_admitted = True

    def _hear_until(self, end: float, stop: threading.Event, is_enough: Callable[[], bool]) -> None:
        while not is_enough() and (left := end - time.monotonic()) > 0 and not stop.is_set():
            report = self._line.receive(min(left, POLL_S))
            if report is not None:
                self.hear(report)
                if isinstance(report, Nodes) and not self._nodes:
                    return

    @property
    def fit(self) -> list[Node]:
        return [node for node in self._nodes.values() if node.node not in {*self._refused, *self._unasked}]

    @property
    def is_asking(self) -> bool:
        """Whether a node may still turn out to be fit."""
        return bool(self._unasked)

    def hear(self, report: Report) -> Change:
        """What the cluster tells of its nodes; raises as `admit`, before it has admitted them."""
        if isinstance(report, Nodes):
            return self._see(report)
        if isinstance(report, Versions):
            return Change(come=self._judge(report))
        if isinstance(report, Silent):
            self._unasked.discard(report.node)
            if report.node in self._nodes:
                self.refuse(report.node, f"cannot be asked for its versions: {report.told}")
        return Change()

    def _see(self, report: Nodes) -> Change:
        there = {node.node: node for node in report.nodes if node.num_cpus or node.num_gpus}
        gone = [node for number, node in self._nodes.items() if number not in there]
        for node in gone:
            del self._nodes[node.node]
            self._unasked.discard(node.node)
            self._refused.discard(node.node)
            self.why = f"{node.name} is gone"
            log.warning("cluster: node %s", self.why)
        for new in [node for node in there if node not in self._nodes]:
            self._nodes[new] = there[new]
            self._unasked.add(new)
            self._line.send(Ask(new, DISTRIBUTIONS))
        return Change(gone)

    def _judge(self, report: Versions) -> Node | None:
        self._unasked.discard(report.node)
        node = self._nodes.get(report.node)
        if node is None or report.node in self._refused:
            return None
        if told := difference(self._ours, report.versions):
            told = f"has {told}; {what_to_do(self._ours, report.versions)}"
            if not self._is_admitted:
                raise ConfigError(f"node {node.name} {told}")
            self.refuse(report.node, told)
            return None
        return node

    def refuse(self, number: str, told: str) -> None:
        """Leave a node out that is there."""
        self.why = f"node {self._nodes[number].name} {told}"
        self._refused.add(number)
        log.warning("cluster: %s; the others go on without it", self.why)

    # ---- how its workers fare

    def lost_a_worker(self, number: str, told: str) -> Node | None:
        """The node, where it gets another one: it is there, and has not lost too many."""
        node = self._nodes.get(number)
        if node is None or number in self._refused:
            return None
        self._failures[number] += 1
        if self._failures[number] < MOST_LOSSES:
            return node
        self.refuse(number, f"lost {MOST_LOSSES} workers: {told}")
        return None

    def excuse(self, number: str) -> None:
        """It was the piece: what nodes lost with it says nothing of them, unless this one loses with every piece."""
        self._blamed[number] += 1
        if self._blamed[number] < MOST_LOSSES:
            self._failures.clear()
            self._failures[number] = -1  # the loss that is counted next is the piece's as well

    def did_a_piece(self, number: str) -> None:
        self._failures[number] = self._blamed[number] = 0
