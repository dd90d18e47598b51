"""The SurgClean set's folders."""

import cv2
import pytest

from edge.basics.errors import InputOutputError
from trainer.judging.fogs.surgclean import surgclean, surgclean_table


@pytest.fixture
def folder(tmp_path, tissue):
    for side, seed, size in (("input", 1, (54, 96)), ("gt", 2, (108, 192))):
        (tmp_path / side).mkdir()
        for number in range(2):
            name = f"{number:03}.{'jpg' if side == 'input' else 'png'}"
            cv2.imwrite(str(tmp_path / side / name), tissue(*size, seed + 10 * number))
    return tmp_path


def test_pairs_go_by_name_and_a_truth_takes_its_pictures_size(folder):
    pairs = list(surgclean(folder).pairs())
    assert len(pairs) == 2
    assert all(pair.foggy.shape == pair.truth.shape == (54, 96, 3) for pair in pairs)


def test_a_picture_without_a_mate_is_named(folder):
    (folder / "gt" / "001.png").unlink()
    with pytest.raises(InputOutputError, match="001 is in only one"):
        surgclean(folder)


def test_a_folder_without_the_sets_folders_is_refused(tmp_path):
    with pytest.raises(InputOutputError, match="input/ and gt/"):
        surgclean(tmp_path)


def test_the_published_figure_stands_beside(folder):
    rows = surgclean_table(surgclean(folder), {"input": lambda lq: lq}, None).splitlines()
    assert rows[2].startswith("| input |") and "19.07" in rows[-1]
