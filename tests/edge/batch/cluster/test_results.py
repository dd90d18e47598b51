"""Results as they come from the nodes, and how they get into files."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.batch.cluster import results
from edge.batch.cluster.messages import Done, Failed, Full, Lost
from edge.batch.cluster.results import landed
from edge.batch.kinds.kind import Made
from edge.batch.steps import OutputFolderError
from tests.doubles.played_cluster import made_of


def test_a_result_lies_in_a_folder_of_its_worker(tmp_path: Path) -> None:
    for worker, content in ((3, b"result"), (4, b"as another made it")):
        report = landed(Done(worker, 0, made_of("a", b"", content)), tmp_path)
        assert isinstance(report, Done) and isinstance(report.made, Made)
        (file,) = report.made.files
        assert (file.content, file.path) == (None, tmp_path / f"worker-{worker}" / "a-enhanced.png")
    assert (tmp_path / "worker-3" / "a-enhanced.png").read_bytes() == b"result"


def test_what_arrives_damaged_is_a_worker_that_is_lost(tmp_path: Path) -> None:
    made = made_of("a", b"")
    object.__setattr__(made.files[0], "content", b"resulu")
    assert landed(Done(3, 0, made), tmp_path) == Lost(3, 0, "what it sent arrived damaged")
    assert list(tmp_path.iterdir()) == []


def test_why_there_is_no_result_goes_on_as_it_is(tmp_path: Path) -> None:
    done = Done(3, 0, Failed("no picture", 74))
    assert landed(done, tmp_path) is done


def test_a_folder_that_takes_nothing_more_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OutputFolderError("out: cannot be written: No space left on device")

    monkeypatch.setattr(results, "spooled", full)
    assert landed(Done(3, 0, made_of("a", b"")), tmp_path) == Full("out: cannot be written: No space left on device")


def test_a_name_that_the_folder_does_not_take_fails_alone(tmp_path: Path) -> None:
    report = landed(Done(3, 0, made_of("a" * 300, b"")), tmp_path)
    assert isinstance(report, Done) and isinstance(report.made, Failed)
    assert "File name too long" in report.made.told and report.made.exit_code == 74
