"""Who of a cluster does which piece, and what becomes of the pieces of a node that is gone."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edge.basics.errors import ConfigError, DeviceMissing, EdgeError, InputOutputError
from edge.batch.cluster import originals
from edge.batch.cluster.link import ClusterLost
from edge.batch.cluster.messages import (
    Ask,
    Dismiss,
    Do,
    Done,
    Employ,
    Failed,
    KeepModel,
    Line,
    Lost,
    Node,
    Nodes,
    Ready,
    Report,
    Silent,
    Task,
    Versions,
)
from edge.batch.cluster.model_files import files_of
from edge.batch.cluster.originals import Originals, is_whole
from edge.batch.cluster.staff import num_workers, one_each_first, share_of
from edge.batch.cluster.versions import DISTRIBUTIONS, difference, versions_here, what_to_do
from edge.batch.kinds.kind import Made, Piece
from edge.batch.steps import Stopped
from edge.batch.workers.workers import Outcome, Watch
from edge.models.profile import Profile

log = logging.getLogger(__name__)

AT_ONCE = 2
"""Pieces that a worker has: one that it does, one that has travelled meanwhile."""
MOST_LOSSES = 3
"""Workers that a piece may take with it before it is the piece that is to blame; and that a node may lose in a row.
Also the pieces to blame, one after the other, after which it is the node."""
ANSWER_S, POLL_S = 120.0, 0.2


@dataclass
class _Hand:
    """A worker on a node.

    Attributes:
        is_ready: it has the model.
        busy: number -> the piece and the sha256 of its original, in the order in which they are done.
    """

    node: str
    is_ready: bool = False
    busy: dict[int, tuple[Piece, str]] = field(default_factory=dict)


class ClusterWorkers:
    """Implements `edge.batch.workers.workers.Workers` on the nodes of a cluster.

    Nodes may come and go: one that comes is asked for its versions and gets workers, the pieces of one that goes are
    done again by others. What comes of a piece counts once, by whoever was last given it.

    Args:
        line: to the cluster; closed with this.
        stop: ends the run.

    Raises:
        ConfigError: a node has another version of something that decides pixels.
        DeviceMissing: there is no node.
    """

    def __init__(self, line: Line, profile: Profile, task: Task, stop: threading.Event) -> None:
        self.model_sha256 = task.sha256
        self._line, self._profile, self._task, self._stop = line, profile, task, stop
        self._ours = versions_here()
        self._nodes: dict[str, Node] = {}
        self._unasked: set[str] = set()
        self._refused: set[str] = set()
        self._failures: Counter[str] = Counter()
        self._blamed: Counter[str] = Counter()
        self._hands: dict[int, _Hand] = {}
        self._num_employed = 0
        self._most_hands = 0
        self._waiting: deque[tuple[int, Piece]] = deque()
        self._outcomes: deque[Outcome] = deque()
        self._losses: Counter[int] = Counter()
        self._originals = Originals(line)
        self._sizes: dict[int, int] = {}
        self._watch: Watch | None = None
        self._why = ""
        self._admit()

    def _admit(self) -> None:
        """Hear who is there; every node must be fit before anything begins."""
        end = time.monotonic() + ANSWER_S
        self._hear_until(end, lambda: bool(self._nodes))
        self._hear_until(end, lambda: not self._unasked)
        for node in self._unasked & self._nodes.keys():
            self._refuse(node, f"did not answer within {ANSWER_S:.0f} s")
        self._unasked.clear()
        if not self._fit:
            why = self._why or "no node of it offers a CPU or GPU"
            raise DeviceMissing(
                f"--cluster {self._line.address}: {why}; start one with ray start --address={self._line.address}"
            )

    @property
    def _fit(self) -> list[Node]:
        return [node for node in self._nodes.values() if node.node not in {*self._refused, *self._unasked}]

    def _hear_until(self, end: float, is_enough: Callable[[], bool]) -> None:
        while not is_enough() and (left := end - time.monotonic()) > 0 and not self._stop.is_set():
            report = self._line.receive(min(left, POLL_S))
            if report is not None:
                self._hear(report)
                if isinstance(report, Nodes) and not self._nodes:
                    return

    # ---- what a run asks

    def begin(self, scratch: Path, num_pieces: int, watch: Watch) -> None:
        self._watch, self._most_hands = watch, num_pieces
        files = files_of(self._profile)
        self._line.send(KeepModel(files))
        for node in one_each_first(self._fit):
            self._employ(node)
        num_bytes = sum(map(len, files.values()))
        log.info(
            "cluster: %d worker%s on %s; the model (%.1f MB) goes to each node once",
            len(self._hands),
            "s" if len(self._hands) != 1 else "",
            ", ".join(node.name for node in self._fit),
            num_bytes / 1e6,
        )

    @property
    def room(self) -> int:
        if sum(self._sizes.values()) >= originals.MAX_CONTENT_BYTES:
            return 0
        num_given = len(self._waiting) + sum(len(hand.busy) for hand in self._hands.values())
        return max(AT_ONCE * len(self._hands), 1) - num_given  # at least one: `take` tells where nobody is left

    def give(self, number: int, piece: Piece) -> None:
        self._waiting.append((number, piece))
        self._hand_out()

    def take(self, timeout_s: float) -> Outcome | None:
        if not self._outcomes:
            self._hear_once(timeout_s)
        return self._outcomes.popleft() if self._outcomes else None

    def _hear_once(self, timeout_s: float) -> None:
        """Wait for a report; raises Stopped, or ClusterLost where nobody can do anything any more."""
        end = time.monotonic() + timeout_s
        while True:
            if self._stop.is_set():
                raise Stopped
            if not self._hands and not self._unasked:
                raise ClusterLost(f"--cluster {self._line.address}: no node is left{self._why and f': {self._why}'}")
            report = self._line.receive(max(0.0, min(POLL_S, end - time.monotonic())))
            if report is not None:
                self._hear(report)
                self._hand_out()
                return
            if time.monotonic() >= end:
                return

    def close(self) -> None:
        self._line.close()

    # ---- what the cluster tells

    def _hear(self, report: Report) -> None:
        if isinstance(report, Nodes):
            self._see(report)
        elif isinstance(report, Versions):
            self._judge(report)
        elif isinstance(report, Silent):
            self._unasked.discard(report.node)
            if report.node in self._nodes:
                self._refuse(report.node, f"cannot be asked for its versions: {report.told}")
        elif isinstance(report, Ready) and report.worker in self._hands:
            self._hands[report.worker].is_ready = True
        elif isinstance(report, Done) and report.worker in self._hands:
            self._done(report)
        elif isinstance(report, Lost) and report.worker in self._hands:
            self._lose(report.worker, report.told)

    def _see(self, report: Nodes) -> None:
        there = {node.node: node for node in report.nodes if node.num_cpus or node.num_gpus}
        for gone in [node for node in self._nodes if node not in there]:
            name = self._nodes.pop(gone).name
            self._unasked.discard(gone)
            self._refused.discard(gone)
            hands = [worker for worker, hand in self._hands.items() if hand.node == gone]
            self._why = f"{name} is gone"
            log.warning("cluster: node %s is gone", name)
            for worker in hands:
                self._lose(worker, self._why)
        for new in [node for node in there if node not in self._nodes]:
            self._nodes[new] = there[new]
            self._unasked.add(new)
            self._line.send(Ask(new, DISTRIBUTIONS))

    def _judge(self, report: Versions) -> None:
        self._unasked.discard(report.node)
        node = self._nodes.get(report.node)
        if node is None or report.node in self._refused:
            return
        if told := difference(self._ours, report.versions):
            told = f"has {told}; {what_to_do(self._ours, report.versions)}"
            if self._watch is None:
                raise ConfigError(f"node {node.name} {told}")
            self._refuse(report.node, told)
        elif self._watch is not None:
            log.info("cluster: node %s has come", node.name)
            for _ in range(num_workers(node)):
                self._employ(node)

    def _refuse(self, number: str, told: str) -> None:
        self._why = f"node {self._nodes[number].name} {told}"
        self._refused.add(number)
        log.warning("cluster: %s; the others go on without it", self._why)

    def _employ(self, node: Node) -> None:
        if len(self._hands) >= self._most_hands:
            return
        self._num_employed += 1
        self._hands[self._num_employed] = _Hand(node.node)
        self._line.send(Employ(self._num_employed, node.node, *share_of(node), self._task))

    def _lose(self, worker: int, told: str, *, is_of_piece: bool = True) -> None:
        """A worker is gone: others do its pieces, and the node gets another one, if it is there."""
        hand = self._hands.pop(worker)
        self._line.send(Dismiss(worker))
        if hand.busy:
            log.warning("cluster: a worker was lost (%s); %d pieces that it had are done again", told, len(hand.busy))
        for place, (number, (piece, _)) in reversed([*enumerate(hand.busy.items())]):  # what was first stays so
            self._sizes.pop(number, None)
            self._losses[number] += place == 0 and is_of_piece
            if self._losses[number] < MOST_LOSSES:
                self._waiting.appendleft((number, piece))
            else:
                ended = EdgeError(f"{piece.path}: {MOST_LOSSES} workers of the cluster ended with it: {told}")
                self._outcomes.append(Outcome(number, ended))
                self._excuse(hand.node)
        node = self._nodes.get(hand.node)
        if node is None or hand.node in self._refused:
            return
        self._failures[hand.node] += 1
        if self._failures[hand.node] < MOST_LOSSES:
            self._employ(node)
        else:
            self._refuse(hand.node, f"lost {MOST_LOSSES} workers: {told}")

    def _excuse(self, node: str) -> None:
        """It was the piece: what nodes lost with it says nothing of them, unless this one loses with every piece."""
        self._blamed[node] += 1
        if self._blamed[node] < MOST_LOSSES:
            self._failures.clear()
            self._failures[node] = -1  # the loss that is counted next is the piece's as well

    def _done(self, report: Done) -> None:
        hand, made = self._hands[report.worker], report.made
        if report.number not in hand.busy:
            return
        if isinstance(made, Failed) and made.is_of_node:
            self._lose(report.worker, made.told, is_of_piece=made.is_full)
            return
        _, sha256 = hand.busy[report.number]
        if isinstance(made, Made) and not is_whole(made, sha256):
            self._lose(report.worker, "what it sent arrived damaged")
            return
        del hand.busy[report.number]
        self._sizes.pop(report.number, None)
        self._failures[hand.node] = self._blamed[hand.node] = 0
        if isinstance(made, Failed):
            self._outcomes.append(Outcome(report.number, _error(made)))
            return
        assert self._watch is not None, "it has begun"
        self._watch.on_expected(report.number, made.num_frames)
        for _ in range(made.num_frames):
            self._watch.on_frame(report.number)
        self._outcomes.append(Outcome(report.number, made))

    # ---- who gets what

    def _hand_out(self) -> None:
        while self._waiting and (free := self._free()) is not None:
            number, piece = self._waiting.popleft()
            try:
                sha256, num_bytes = self._originals.keep(piece)
            except InputOutputError as error:
                self._outcomes.append(Outcome(number, error))
                continue
            self._hands[free].busy[number] = piece, sha256
            self._sizes[number] = num_bytes
            self._line.send(Do(free, number, piece))

    def _free(self) -> int | None:
        """The worker that has least to do, unless all have enough."""
        ready = {worker: len(hand.busy) for worker, hand in self._hands.items() if hand.is_ready}
        least = min(ready, key=lambda worker: ready[worker], default=None)
        return None if least is None or ready[least] >= AT_ONCE else least


def _error(failed: Failed) -> EdgeError:
    error = EdgeError(failed.told)
    error.exit_code = failed.exit_code
    return error
