"""Who of a cluster does what: against a cluster that is played."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge.basics.errors import ConfigError, DeviceMissing, EdgeError, InputOutputError
from edge.batch.cluster import originals
from edge.batch.cluster.link import ClusterLost
from edge.batch.cluster.messages import (
    Do,
    Done,
    Employ,
    Failed,
    Full,
    KeepContent,
    Lost,
    Node,
    NoModel,
    Silent,
    Task,
    WriteInto,
)
from edge.batch.cluster.roster import MOST_LOSSES
from edge.batch.cluster.versions import versions_here
from edge.batch.cluster.workers import AT_ONCE, MOST_TRIES, ClusterWorkers
from edge.batch.kinds.kind import Made, Piece
from edge.batch.steps import NoEngine, OutputFolderError, Stopped
from edge.batch.workers.workers import Outcome, Watch
from edge.config import EngineConfig
from edge.models.profile import load_profile
from tests.doubles.played_cluster import PlayedCluster, made_of

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


def test_all_pieces_are_done_once_by_all_nodes(tmp_path: Path) -> None:
    cluster = PlayedCluster(A, B)
    outcomes = run(employed(cluster), pieces_of(tmp_path, 9))
    assert numbers(outcomes) == list(range(9))
    doers = [cluster.node_of[order.worker] for order in cluster.orders if isinstance(order, Do)]
    assert set(doers) == {"a", "b"}


def test_what_is_on_its_way_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = PlayedCluster(A, B)
    cluster.holds = True
    workers, pieces = employed(cluster), pieces_of(tmp_path, 9)
    left = list(enumerate(pieces))
    while workers.room:
        workers.give(*left.pop(0))
    assert len(cluster.doing) == 2 * AT_ONCE == 9 - len(left)
    monkeypatch.setattr(originals, "MAX_CONTENT_BYTES", 3 * len(b"content 0"))
    cluster.finish(0)
    workers.take(0)
    assert workers.room == 0, "three originals are on their way, and no more bytes may be"
    cluster.finish(1)
    workers.take(0)
    assert workers.room


def test_the_model_goes_once_whatever_happens(tmp_path: Path) -> None:
    cluster = PlayedCluster(A, B)
    workers = employed(cluster)
    cluster.goes("a")
    cluster.comes(Node("c", "gamma (10.0.0.3)", 1, 0))
    assert numbers(run(workers, pieces_of(tmp_path, 5))) == list(range(5))
    assert cluster.num_models == 1
    assert [cluster.node_of[one] for one in sorted(cluster.node_of)] == ["a", "b", "c"]


def test_pages_of_a_file_travel_with_one_content(tmp_path: Path) -> None:
    cluster = PlayedCluster(A)
    (whole,) = pieces_of(tmp_path, 1)
    pages = [Piece("picture", whole.path, whole.origin, f"p0-p{page:03d}", page) for page in range(1, 7)]
    assert len(numbers(run(employed(cluster), pages))) == 6
    assert cluster.count(KeepContent) == 1


def test_files_that_records_call_alike_travel_each_with_its_own_content(tmp_path: Path) -> None:
    cluster = PlayedCluster(A)
    pieces = [replace(piece, origin=Path("the same")) for piece in pieces_of(tmp_path, 2)]  # as --deidentify may
    outcomes = run(employed(cluster), pieces)
    told = {outcome.number: outcome.made.record["source"]["sha256"] for outcome in outcomes}  # type: ignore[union-attr]
    assert told == {number: hashlib.sha256(b"content %d" % number).hexdigest() for number in (0, 1)}


def test_a_killed_nodes_pieces_are_done_by_others_and_none_twice(tmp_path: Path) -> None:
    cluster = PlayedCluster(A, B)
    cluster.holds = True
    workers = employed(cluster)
    rounds = iter(range(1000))

    def play() -> None:
        at = next(rounds)
        if at == 3:
            cluster.goes("a")
        elif at > 3 and cluster.doing:
            cluster.finish(min(cluster.doing))

    outcomes = run(workers, pieces_of(tmp_path, 9), play)
    assert [outcome.number for outcome in outcomes if isinstance(outcome.made, EdgeError)] == []
    assert numbers(outcomes) == list(range(9))
    assert workers.take(0) is None


def test_what_a_lost_worker_still_sends_counts_for_nothing(tmp_path: Path) -> None:
    cluster = PlayedCluster(A, B)
    cluster.holds = True
    workers = employed(cluster)
    (piece,) = pieces_of(tmp_path, 1)
    workers.give(0, piece)
    lost = cluster.doing.pop(0)
    cluster.reports.append(Lost(lost.worker, 0, "socket closed"))
    cluster.reports.append(Done(lost.worker, 0, made_of("p0", b"content 0", b"late")))
    cluster.holds = False
    outcomes = [outcome for _ in range(9) if (outcome := workers.take(0)) is not None]
    assert numbers(outcomes) == [0]
    assert isinstance(outcomes[0].made, Made)
    assert outcomes[0].made.files[0].content == b"result"
    assert cluster.dismissed == [lost.worker], "it may still be there, behind a line that broke"


def test_a_piece_that_ends_workers_fails_alone(tmp_path: Path) -> None:
    cluster = PlayedCluster(A, B)
    cluster.fails["p1"] = Lost(0, 0, "the worker died")
    outcomes = run(employed(cluster), pieces_of(tmp_path, 5))
    assert numbers(outcomes) == [0, 2, 3, 4]
    (failed,) = (outcome.made for outcome in outcomes if outcome.number == 1)
    assert str(failed) == f"{tmp_path / 'p1.png'}: {MOST_TRIES} workers of the cluster ended with it: the worker died"


def test_a_piece_that_fills_each_node_fails_alone(tmp_path: Path) -> None:
    cluster = PlayedCluster(A, B)
    cluster.fails["p1"] = Failed("No space left on device", 74, is_of_node=True, is_full=True)
    outcomes = run(employed(cluster), pieces_of(tmp_path, 5))
    assert numbers(outcomes) == [0, 2, 3, 4]
    (failed,) = (outcome.made for outcome in outcomes if outcome.number == 1)
    assert str(failed).endswith(f"{MOST_TRIES} workers of the cluster ended with it: No space left on device")


def test_pieces_that_end_workers_do_not_end_a_cluster_of_one_worker(tmp_path: Path) -> None:
    cluster = PlayedCluster(A)
    cluster.fails["p1"] = cluster.fails["p2"] = Lost(0, 0, "the worker died")
    assert numbers(run(employed(cluster), pieces_of(tmp_path, 7))) == [0, 3, 4, 5, 6]


def test_a_node_that_ends_with_every_piece_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cluster = PlayedCluster(A)
    for number in range(9):
        cluster.fails[f"p{number}"] = Lost(0, 0, "the worker died")
    with pytest.raises(ClusterLost):
        run(employed(cluster), pieces_of(tmp_path, 9))
    assert "node alpha (10.0.0.1) lost 3 workers: the worker died; the others go on without it" in caplog.text
    assert len(cluster.node_of) == MOST_LOSSES * MOST_TRIES


def test_a_node_that_loses_each_worker_is_left_out_and_the_piece_is_not_to_blame(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = PlayedCluster(A, B)
    finish = cluster.finish

    def without_engine(number: int) -> None:
        if cluster.node_of[cluster.doing[number].worker] == "a":
            cluster.reports.append(Done(cluster.doing.pop(number).worker, number, Failed("no CPU engine", 69, True)))
        else:
            finish(number)

    cluster.finish = without_engine  # type: ignore[method-assign]
    assert numbers(run(employed(cluster), pieces_of(tmp_path, 20))) == list(range(20))
    assert "node alpha (10.0.0.1) lost 3 workers: no CPU engine; the others go on without it" in caplog.text
    assert [node for node in cluster.node_of.values() if node == "a"] == ["a"] * MOST_LOSSES


def test_an_error_of_a_piece_is_the_pieces_with_its_exit_code(tmp_path: Path) -> None:
    cluster = PlayedCluster(A)
    cluster.fails["p0"] = Failed("p0.png: no picture", 74)
    (outcome,) = run(employed(cluster), pieces_of(tmp_path, 1))
    assert (str(outcome.made), outcome.made.exit_code) == ("p0.png: no picture", 74)  # type: ignore[union-attr]


def test_what_arrived_damaged_is_done_again(tmp_path: Path) -> None:
    cluster = PlayedCluster(A, B)
    (piece,) = pieces_of(tmp_path, 1)
    workers = employed(cluster)
    cluster.fails["p0"] = made_of("p0", b"other")
    workers.give(0, piece)
    cluster.fails.clear()
    outcomes = [outcome for _ in range(9) if (outcome := workers.take(0)) is not None]
    assert numbers(outcomes) == [0]
    assert cluster.count(Do) == 2


@pytest.mark.parametrize(
    ("has", "told"),
    [
        (
            {"edge-enhance": "0.9", "numpy": "1.0"},
            "node beta (10.0.0.2) has edge-enhance 0.9 (here {edge-enhance}); "
            "pip install 'edge-enhance[cluster]=={edge-enhance}' there, and start Ray there again",
        ),
        (
            {"edge-enhance": ""},
            "node beta (10.0.0.2) has no edge-enhance (here {edge-enhance}); "
            "pip install 'edge-enhance[cluster]=={edge-enhance}' there, and start Ray there again",
        ),
        (
            {"onnxruntime": "1.18.0"},
            "node beta (10.0.0.2) has onnxruntime 1.18.0 (here {onnxruntime}); "
            "pip install onnxruntime=={onnxruntime} there, and start Ray there again",
        ),
        (
            {"FFmpeg": "4.2"},
            "node beta (10.0.0.2) has FFmpeg 4.2 (here {FFmpeg}); install the same FFmpeg there, and start Ray there "
            "again",
        ),
    ],
    ids=["program", "no program", "library", "FFmpeg"],
)
def test_another_version_is_refused_before_work_begins(has: dict[str, str], told: str) -> None:
    cluster = PlayedCluster(A, B, versions={"b": has})
    with pytest.raises(ConfigError) as refused:
        employed(cluster)
    ours = versions_here()
    for name, version in ours.items():
        told = told.replace(f"{{{name}}}", version)
    assert str(refused.value) == told
    assert cluster.count(Employ) == 0


def test_a_node_that_joins_later_is_asked_as_well(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cluster = PlayedCluster(A, versions={"b": {"numpy": "1.0"}})
    workers = employed(cluster)
    cluster.comes(B)
    assert numbers(run(workers, pieces_of(tmp_path, 5))) == list(range(5))
    assert set(cluster.node_of.values()) == {"a"}
    assert "node beta (10.0.0.2) has numpy 1.0" in caplog.text
    assert "the others go on without it" in caplog.text


def test_a_node_that_cannot_be_asked_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    cluster = PlayedCluster(A, B)
    cluster.reports.append(Silent("a", "the worker died"))
    employed(cluster)
    assert set(cluster.node_of.values()) == {"b"}
    assert "node alpha (10.0.0.1) cannot be asked for its versions: the worker died; the others go on" in caplog.text


def test_when_no_node_can_be_asked_the_run_does_not_begin() -> None:
    cluster = PlayedCluster(A)
    cluster.reports.append(Silent("a", "the worker died"))
    with pytest.raises(DeviceMissing, match="cannot be asked for its versions: the worker died; start one with ray"):
        employed(cluster)


@pytest.mark.parametrize("nodes", [(), (Node("h", "head (10.0.0.9)", 0, 0),)], ids=["none", "head alone"])
def test_a_cluster_without_a_node_is_refused(nodes: tuple[Node, ...]) -> None:
    with pytest.raises(DeviceMissing, match="no node of it offers a CPU or GPU; start one with ray start"):
        employed(PlayedCluster(*nodes))


def test_when_all_nodes_are_gone_the_run_ends_with_a_line(tmp_path: Path) -> None:
    cluster = PlayedCluster(A)
    cluster.holds = True
    workers = employed(cluster)
    workers.give(0, pieces_of(tmp_path, 1)[0])
    cluster.goes("a")
    with pytest.raises(ClusterLost, match=r"no node is left: alpha \(10.0.0.1\) is gone.*--resume goes on") as lost:
        while True:
            workers.take(0)
    assert isinstance(lost.value, NoEngine)
    assert lost.value.exit_code == 74


def test_when_the_whole_cluster_is_gone_the_run_ends_with_a_line(tmp_path: Path) -> None:
    cluster = PlayedCluster(A)
    cluster.holds = True
    workers = employed(cluster)
    workers.give(0, pieces_of(tmp_path, 1)[0])
    cluster.is_gone = True
    with pytest.raises(ClusterLost):
        workers.take(0)


def test_a_node_that_never_gets_ready_is_left_out_after_a_stated_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def late() -> ClusterWorkers:
        cluster.never_ready = {"a"}
        workers = employed(cluster)
        for hand in workers._hands.values():
            hand.late_s = 0.0  # long ago
        return workers

    told = "node alpha (10.0.0.1) gave no worker within 300 s: other work has its cores, or it hangs"
    cluster = PlayedCluster(A._replace(num_cpus=2), B)
    assert numbers(run(late(), pieces_of(tmp_path, 5))) == list(range(5))
    assert f"cluster: {told}; the others go on without it" in caplog.text
    assert [cluster.node_of[one] for one in cluster.dismissed] == ["a", "a"]
    cluster = PlayedCluster(A)
    with pytest.raises(ClusterLost, match=re.escape(f"no node is left: {told}; the same command with --resume")):
        run(late(), pieces_of(tmp_path, 1))


def test_a_worker_that_is_late_costs_the_others_of_its_node_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = PlayedCluster(A._replace(num_cpus=2))
    doing = employed(cluster)
    doing._hands[2].is_ready = False
    for hand in doing._hands.values():
        hand.late_s = 0.0
    assert numbers(run(doing, pieces_of(tmp_path, 5))) == list(range(5))
    assert cluster.dismissed == [2]
    assert "its other workers go on" in caplog.text


def test_a_model_that_is_not_taken_ends_the_run_with_a_line() -> None:
    cluster = PlayedCluster(A)
    workers = employed(cluster)
    cluster.reports.append(NoModel("the object store is full"))
    with pytest.raises(ClusterLost) as lost:
        workers.take(0)
    assert str(lost.value) == (
        f"--cluster {cluster.address}: does not take the model: the object store is full; free memory on this "
        "machine's node; the same command with --resume goes on, also without --cluster"
    )


def test_results_go_into_the_runs_folder_and_a_full_one_ends_the_run() -> None:
    cluster = PlayedCluster(A)
    workers = employed(cluster)
    assert [order.folder for order in cluster.orders if isinstance(order, WriteInto)] == [Path.cwd() / "scratch"]
    cluster.reports.append(Full("out: cannot be written: No space left on device"))
    with pytest.raises(OutputFolderError, match="No space left on device"):
        workers.take(0)


def test_stop_ends_a_wait(tmp_path: Path) -> None:
    stop, cluster = threading.Event(), PlayedCluster(A)
    cluster.holds = True
    workers = employed(cluster, stop=stop)
    workers.give(0, pieces_of(tmp_path, 1)[0])
    stop.set()
    with pytest.raises(Stopped):
        workers.take(600)
    workers.close()
    assert cluster.is_closed


def test_originals_that_cannot_be_sent_fail_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = pieces_of(tmp_path, 3)
    pieces[0].path.unlink()
    pieces[1].path.write_bytes(bytes(100))
    monkeypatch.setattr(originals, "MAX_CONTENT_BYTES", 50)
    outcomes = run(employed(PlayedCluster(A)), pieces)
    assert numbers(outcomes) == [2]
    told = {outcome.number: str(outcome.made) for outcome in outcomes if isinstance(outcome.made, InputOutputError)}
    assert told[0] == f"{tmp_path / 'p0.png'}: cannot be read: No such file or directory"
    assert "enhance it without --cluster" in told[1]


def test_workers_are_no_more_than_pieces_and_spread_over_nodes() -> None:
    cluster = PlayedCluster(A._replace(num_cpus=4), B._replace(num_cpus=4))
    employed(cluster, num_pieces=3)
    assert [cluster.node_of[worker] for worker in sorted(cluster.node_of)] == ["a", "b", "a"]


def test_a_gpu_has_one_worker_and_its_share_of_cores() -> None:
    cluster = PlayedCluster(A._replace(num_cpus=16, num_gpus=2), B._replace(num_cpus=2))
    employed(cluster)
    asked = [(order.node, order.num_cpus, order.num_gpus) for order in cluster.orders if isinstance(order, Employ)]
    assert sorted(asked) == [("a", 8, 1), ("a", 8, 1), ("b", 1, 0), ("b", 1, 0)]


def test_frames_are_told_when_a_piece_is_there(tmp_path: Path) -> None:
    told: list[tuple[int, ...]] = []
    cluster = PlayedCluster(A)
    workers = employed(cluster)
    workers.begin(tmp_path, 0, Watch(lambda *of: told.append(of), lambda number: told.append((number,))))
    (piece,) = pieces_of(tmp_path, 1)
    made = made_of("p0", b"content 0")
    object.__setattr__(made, "num_frames", 3)
    cluster.fails["p0"] = made
    run(workers, [piece])
    assert told == [(0, 3), (0,), (0,), (0,)]
    assert made.record["source"]["sha256"] == hashlib.sha256(b"content 0").hexdigest()
