"""Which files the inputs stand for, and that no two results share a name."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.batch.names import output_names
from edge.batch.plan import plan


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["a/x.png"], ["x"]),
        (["a/x.png", "a/y.png"], ["x", "y"]),
        (["a/x.png", "a/x.jpg"], ["x_png", "x_jpg"]),
        (["a/x.png", "b/x.png"], ["a_x", "b_x"]),
        (["a/x.png", "b/x.png", "a/x.jpg"], ["a_x", "b_x", "x_jpg"]),
        (["a/x.png", "b/x.png", "a/x.jpg", "b/x.jpg"], ["a_x_png", "b_x_png", "a_x_jpg", "b_x_jpg"]),
        (["p/a/x.png", "q/a/x.png"], ["x_2", "x_3"]),
        (["a/x.png", "a/x.jpg", "a/x_png.png"], ["a_x", "x_jpg", "x_png"]),
        (["a/X.png", "b/x.png"], ["a_X", "b_x"]),
        (["a/x.png", "a/x.mp4"], ["x", "x"]),  # x-enhanced.png and x-enhanced.mp4
        (["a/x.avi", "a/x.mp4"], ["x_avi", "x_mp4"]),
    ],
)
def test_names_are_short_and_differ(sources: list[str], names: list[str]) -> None:
    kinds = [(Path(source), "clip" if source.endswith(("mp4", "avi")) else "picture") for source in sources]
    assert output_names(kinds) == names
    assert output_names(kinds[::-1]) == names[::-1] or "x_2" in names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("10.png", "2.png", ".hidden.png", "deeper/3.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), np.zeros((9, 16, 3), np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    writer = cv2.VideoWriter(str(tmp_path / "5.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 25, (32, 18))
    for _ in range(4):
        writer.write(np.zeros((18, 32, 3), np.uint8))
    writer.release()
    return tmp_path


def test_a_folder_stands_for_its_pictures_and_clips_in_natural_order(folder: Path) -> None:
    planned = plan([folder], folder / "out")
    jobs, failures = planned.jobs, planned.failures
    assert planned.left_out == {".txt": 1, "subfolder": 1}
    assert [(job.piece.path.name, job.num_frames) for job in jobs] == [("2.png", 1), ("5.avi", 1), ("10.png", 1)]
    assert failures == []
    assert jobs[0].files == ("2-raw.png", "2-enhanced.png", "2-enhanced.png.json")
    assert jobs[1].files == ("5-enhanced.mp4", "5-enhanced.mp4.json")


def test_a_file_given_twice_is_taken_once(folder: Path) -> None:
    jobs = plan([folder / "2.png", folder, str(folder / "deeper" / ".." / "2.png")], folder / "out").jobs
    assert [job.piece.path.name for job in jobs] == ["2.png", "5.avi", "10.png"]


@pytest.mark.parametrize(("name", "kind"), [("2.png", "picture"), ("5.avi", "clip")])
def test_an_unknown_ending_is_tried(folder: Path, name: str, kind: str) -> None:
    path = (folder / name).rename(folder / "export.dat")
    planned = plan([path], folder / "out")
    (job,) = planned.jobs
    assert not planned.failures
    assert job.piece.kind == kind
