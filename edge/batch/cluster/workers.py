"""Who of a cluster does which piece, and what becomes of the pieces of a worker that is gone."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path

from edge.basics.errors import EdgeError, InputOutputError
from edge.batch.cluster import originals
from edge.batch.cluster.link import ClusterLost
from edge.batch.cluster.messages import (
    Dismiss,
    Do,
    Done,
    Employ,
    Failed,
    Full,
    KeepModel,
    Line,
    Lost,
    Node,
    NoModel,
    Ready,
    Report,
    Task,
    WriteInto,
)
from edge.batch.cluster.model_files import files_of
from edge.batch.cluster.originals import Originals
from edge.batch.cluster.roster import POLL_S, Roster
from edge.batch.cluster.staff import num_workers, one_each_first, share_of
from edge.batch.kinds.kind import Piece
from edge.batch.steps import OutputFolderError, Stopped
from edge.batch.workers.workers import Outcome, Watch
from edge.models.profile import Profile

log = logging.getLogger(__name__)

AT_ONCE = 2
"""Pieces that a worker has: one that it does, one that has travelled meanwhile."""
MOST_TRIES = 3
"""Workers that a piece may take with it before it is the piece that is to blame."""
READY_S = 300.0
"""In which a worker has started and has its model; one that has not will not, or others have the node's cores."""


@dataclass
class _Hand:
    """A worker on a node.

    Attributes:
        late_s: when it should be ready, on the monotonic clock.
        is_ready: it has the model.
        busy: number -> the piece and the sha256 of its original, in the order in which they are done.
    """

    node: str
    late_s: float
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
        self._roster = Roster(line)
        self._hands: dict[int, _Hand] = {}
        self._num_employed = 0
        self._most_hands = 0
        self._waiting: deque[tuple[int, Piece]] = deque()
        self._outcomes: deque[Outcome] = deque()
        self._losses: Counter[int] = Counter()
        self._originals = Originals(line)
        self._sizes: dict[int, int] = {}
        self._watch = Watch(lambda number, num_frames: None, lambda number: None)
        self._roster.admit(stop)

    # ---- what a run asks

    def begin(self, scratch: Path, num_pieces: int, watch: Watch) -> None:
        self._watch, self._most_hands = watch, num_pieces
        files = files_of(self._profile)
        self._line.send(WriteInto(scratch.absolute()))
        self._line.send(KeepModel(files))
        for node in one_each_first(self._roster.fit):
            self._employ(node)
        num_bytes = sum(map(len, files.values()))
        log.info(
            "cluster: %d worker%s on %s; the model (%.1f MB) goes to each node once",
            len(self._hands),
            "s" if len(self._hands) != 1 else "",
            ", ".join(node.name for node in self._roster.fit),
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
            self._leave_late()
            if not self._hands and not self._roster.is_asking:
                why = self._roster.why
                raise self._lost(f"no node is left{why and f': {why}'}")
            report = self._line.receive(max(0.0, min(POLL_S, end - time.monotonic())))
            if report is not None:
                self._hear(report)
                self._hand_out()
                return
            if time.monotonic() >= end:
                return

    def _lost(self, told: str) -> ClusterLost:
        return ClusterLost(f"--cluster {self._line.address}: {told}")

    def close(self) -> None:
        self._line.close()

    # ---- what the cluster tells

    def _hear(self, report: Report) -> None:
        if isinstance(report, Full):
            raise OutputFolderError(report.told)
        if isinstance(report, NoModel):
            raise self._lost(f"does not take the model: {report.told}; free memory on this machine's node")
        if not isinstance(report, Ready | Done | Lost):
            self._see(report)
        elif report.worker not in self._hands:
            return
        elif isinstance(report, Ready):
            self._hands[report.worker].is_ready = True
        elif isinstance(report, Done):
            self._done(report)
        else:
            self._lose(report.worker, report.told)

    def _see(self, report: Report) -> None:
        change = self._roster.hear(report)
        for gone in change.gone:
            for worker in [worker for worker, hand in self._hands.items() if hand.node == gone.node]:
                self._lose(worker, f"{gone.name} is gone")
        if change.come is not None:
            log.info("cluster: node %s has come", change.come.name)
            for _ in range(num_workers(change.come)):
                self._employ(change.come)

    def _employ(self, node: Node) -> None:
        if len(self._hands) >= self._most_hands:
            return
        self._num_employed += 1
        self._hands[self._num_employed] = _Hand(node.node, time.monotonic() + READY_S)
        self._line.send(Employ(self._num_employed, node.node, *share_of(node), self._task))

    def _leave_late(self) -> None:
        """Give up workers that are not ready in time, and a node that has no other."""
        now_s = time.monotonic()
        for worker, hand in list(self._hands.items()):
            if hand.is_ready or now_s < hand.late_s:
                continue
            del self._hands[worker]
            self._line.send(Dismiss(worker))
            told = f"gave no worker within {READY_S:.0f} s: other work has its cores, or it hangs"
            if any(other.node == hand.node for other in self._hands.values()):
                log.warning("cluster: a node %s; its other workers go on", told)
            else:
                self._roster.refuse(hand.node, told)

    def _lose(self, worker: int, told: str, *, is_of_piece: bool = True) -> None:
        """A worker is gone: others do its pieces, and the node gets another one, if it is there."""
        hand = self._hands.pop(worker)
        self._line.send(Dismiss(worker))
        if hand.busy:
            log.warning("cluster: a worker was lost (%s); %d pieces that it had are done again", told, len(hand.busy))
        for place, (number, (piece, _)) in reversed([*enumerate(hand.busy.items())]):  # what was first stays so
            self._sizes.pop(number, None)
            self._losses[number] += place == 0 and is_of_piece
            if self._losses[number] < MOST_TRIES:
                self._waiting.appendleft((number, piece))
            else:
                ended = EdgeError(f"{piece.path}: {MOST_TRIES} workers of the cluster ended with it: {told}")
                self._outcomes.append(Outcome(number, ended))
                self._roster.excuse(hand.node)
        node = self._roster.lost_a_worker(hand.node, told)
        if node is not None:
            self._employ(node)

    def _done(self, report: Done) -> None:
        hand, made = self._hands[report.worker], report.made
        if report.number not in hand.busy:
            return
        if isinstance(made, Failed) and made.is_of_node:
            self._lose(report.worker, made.told, is_of_piece=made.is_full)
            return
        _, sha256 = hand.busy[report.number]
        if not isinstance(made, Failed) and made.record["source"]["sha256"] != sha256:
            self._lose(report.worker, "what it was sent arrived damaged")
            return
        del hand.busy[report.number]
        self._sizes.pop(report.number, None)
        self._roster.did_a_piece(hand.node)
        if isinstance(made, Failed):
            self._outcomes.append(Outcome(report.number, _error(made)))
            return
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
