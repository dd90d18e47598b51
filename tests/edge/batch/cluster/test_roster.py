"""Which nodes of a cluster are taken, and which are left out: against a cluster that is played."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge.basics.errors import ConfigError, DeviceMissing
from edge.batch.cluster.link import ClusterLost
from edge.batch.cluster.messages import (
    Done,
    Employ,
    Failed,
    Lost,
    Node,
    Silent,
)
from edge.batch.cluster.roster import MOST_LOSSES
from edge.batch.cluster.versions import versions_here
from edge.batch.cluster.workers import MOST_TRIES, ClusterWorkers
from edge.batch.steps import NoEngine
from tests.doubles.cluster_runs import A, B, employed, numbers, pieces_of, run
from tests.doubles.played_cluster import PlayedCluster


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
