"""Real frames: found, measured and drawn side by side."""

import cv2
import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from trainer.judging.fogs import real_frames


@pytest.fixture
def folder(tmp_path, tissue):
    names = ("surgclean_1", "window_1", "ead_sharp_3", "pair_smoke_hazy", "pair_smoke_clear")
    for seed, name in enumerate(names):
        cv2.imwrite(str(tmp_path / f"{name}.png"), tissue(300, 500, seed))
    return tmp_path


METHODS = {"input": lambda lq: lq, "darker": lambda lq: lq // 2}


def test_truths_are_no_foggy_frames(folder):
    frames = real_frames.foggy_frames(folder)
    assert list(frames) == ["pair_smoke_hazy", "surgclean_1", "window_1"]
    assert frames["window_1"].shape[0] == 270


def test_brightness_kept_is_beside_the_raw_frame_and_lens_fog_has_its_own_columns(folder):
    rows = real_frames.unreferenced_table(real_frames.foggy_frames(folder), METHODS).splitlines()
    assert "fogged lens (1)" in rows[0] and "all (3)" in rows[0]
    assert rows[2].split("|")[2].strip().startswith("1.00") and rows[3].split("|")[2].strip().startswith("0.5")


def test_pairs_show_the_truths_brightness_and_what_each_method_gains(folder):
    rows = real_frames.pairs_table(folder, METHODS, None).splitlines()
    assert "+0.00, +0.00, 1.00" in rows[3] and rows[4].count("-") >= 1


def test_pages_show_a_frame_a_row(folder, tmp_path):
    paths = real_frames.side_by_side(real_frames.foggy_frames(folder), METHODS, tmp_path / "sheets")
    assert [path.name for path in paths] == ["real-001.png"]
    page = cv2.imread(str(paths[0]))
    raw, dark = page[44 + 60 : 44 + 140, 60:200].mean(), page[44 + 60 : 44 + 140, 264 + 60 : 264 + 200].mean()
    assert dark == pytest.approx(raw / 2, rel=0.1)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputOutputError, match="no picture in it"):
        real_frames.foggy_frames(tmp_path)


def test_small_pictures_have_scores_too():
    assert real_frames._seen(np.zeros((2, 2, 3), np.uint8)).shape == (64, 64, 3)
