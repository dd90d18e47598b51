"""Simulated LQ pictures from a folder of clean ones."""

import cv2
import numpy as np
import pytest

from trainer.cli import main
from trainer.data.degrade import degraded


@pytest.fixture
def clean(tmp_path, tissue):
    folder = tmp_path / "clean"
    for name, seed in (("a.jpg", 1), ("more/b.png", 2)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), tissue(64, 96, seed)[..., ::-1])
    return folder


def test_every_picture_has_its_poor_one(clean, tmp_path, capsys):
    cv2.imwrite(str(clean / "grey.png"), np.zeros((64, 96), np.uint8))
    assert main(["degrade", str(clean), "-o", str(tmp_path / "lq")]) == 0
    printed = capsys.readouterr()
    assert "lq: 2 pictures" in printed.out
    assert "left out" in printed.err and "grey.png: 1 channel" in printed.err
    assert sorted(p.relative_to(tmp_path / "lq").as_posix() for p in (tmp_path / "lq").rglob("*.png")) == [
        "a.png",
        "more/b.png",
    ]
    before, after = (cv2.imread(str(path)) for path in (clean / "more" / "b.png", tmp_path / "lq" / "more" / "b.png"))
    assert before.shape == after.shape
    assert np.abs(before.astype(int) - after).mean() > 3


def test_name_and_seed_decide_the_fog(tissue):
    picture = tissue(64, 96, 1)
    assert np.array_equal(degraded(picture, "a.png", 1), degraded(picture, "a.png", 1))
    assert not np.array_equal(degraded(picture, "a.png", 1), degraded(picture, "b.png", 1))
    assert not np.array_equal(degraded(picture, "a.png", 1), degraded(picture, "a.png", 2))


def test_nothing_is_written_over(clean, tmp_path, capsys):
    (tmp_path / "lq").mkdir()
    (tmp_path / "lq" / "kept.png").write_bytes(b"kept")
    assert main(["degrade", str(clean), "-o", str(tmp_path / "lq")]) == 74
    assert "lq: not empty; give a new folder" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "lq").iterdir()] == ["kept.png"]


def test_pictures_that_would_become_one_file_are_refused_before_anything_is_written(clean, tmp_path, capsys):
    cv2.imwrite(str(clean / "a.png"), np.full((64, 96, 3), 90, np.uint8))
    assert main(["degrade", str(clean), "-o", str(tmp_path / "lq")]) == 74
    assert "a.png: would become the same PNG as a.jpg; rename one of them" in capsys.readouterr().err
    assert not (tmp_path / "lq").exists()
