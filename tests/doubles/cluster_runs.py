"""A run on a cluster that is played, as `edge.batch.run` does it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from edge.batch.cluster.messages import (
    Node,
    Task,
)
from edge.batch.cluster.workers import ClusterWorkers
from edge.batch.kinds.kind import Made, Piece
from edge.batch.workers.workers import Outcome, Watch
from edge.config import EngineConfig
from edge.models.profile import load_profile
from tests.doubles.played_cluster import PlayedCluster

A, B = Node("a", "alpha (10.0.0.1)", 1, 0), Node("b", "beta (10.0.0.2)", 1, 0)
UNHEARD = Watch(lambda number, num_frames: None, lambda number: None)


def no_engine(*_: object) -> object:
    raise AssertionError("engines open on nodes")


def employed(cluster: PlayedCluster, *, num_pieces: int = 99, stop: threading.Event | None = None) -> ClusterWorkers:
    profile = load_profile("live-fast")
    task = Task(profile.name, profile.sha256, EngineConfig(), no_engine)  # type: ignore[arg-type]
    workers = ClusterWorkers(cluster, profile, task, stop or threading.Event())
    workers.begin(Path("scratch"), num_pieces, UNHEARD)
    while cluster.reports:
        workers.take(0)
    return workers


def pieces_of(folder: Path, num_pieces: int) -> list[Piece]:
    made = []
    for number in range(num_pieces):
        path = folder / f"p{number}.png"
        path.write_bytes(b"content %d" % number)
        made.append(Piece("picture", path, path.resolve(), path.stem))
    return made


def run(workers: ClusterWorkers, pieces: list[Piece], on_round: Callable[[], None] = lambda: None) -> list[Outcome]:
    """As a run does it: give while there is room, take."""
    left, outcomes = list(enumerate(pieces)), []
    for _ in range(20 * len(pieces) + 20):
        while left and workers.room:
            workers.give(*left.pop(0))
        on_round()
        if (outcome := workers.take(0)) is not None:
            outcomes.append(outcome)
        if len(outcomes) == len(pieces):
            break
    return outcomes


def numbers(outcomes: list[Outcome]) -> list[int]:
    return sorted(outcome.number for outcome in outcomes if isinstance(outcome.made, Made))
