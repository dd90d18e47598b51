"""Foggy pictures with a truth."""

import cv2
import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from trainer.data.fogs.catalogue import FAMILIES
from trainer.judging.fogs import sets
from trainer.judging.metrics import psnr


@pytest.fixture(scope="module")
def truths(tissue):
    return [tissue(135, 240, seed) for seed in range(4)]


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_gives_the_same_pairs_again_and_heavier_ones_when_stronger(family, truths):
    one, again = (list(sets.family_pairs(family, 0.5, truths)) for _ in range(2))
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a.foggy, b.foggy)
    many = truths * 5  # each picture gets a camera and a fog of its own, and some cameras cost more than a fog does
    db = [np.mean([psnr(p.foggy, p.truth) for p in sets.family_pairs(family, s, many)]) for s in (0.1, 0.9)]
    assert db[0] > db[1] + 1


def test_a_truth_is_the_picture_itself_but_for_rounding(truths):
    for pair, picture in zip(sets.family_pairs("airlight", 0.5, truths), truths, strict=True):
        assert np.abs(pair.truth.astype(int) - picture).max() <= 1


def test_clear_pairs_hold_half_a_level_of_noise(truths):
    pair = next(sets.clear_pairs(truths))
    np.testing.assert_array_equal(pair.truth, truths[0])
    assert (pair.foggy.astype(float) - pair.truth).std() == pytest.approx((0.25 + 1 / 12) ** 0.5, rel=0.1)


def test_a_brighter_veil_is_further_from_its_truth_and_a_held_exposure_is_as_bright_as_it(truths):
    levels = {name: list(sets.plain_pairs(name, truths)) for name in sets.PLAIN}
    mean = {name: np.mean([psnr(p.foggy, p.truth) for p in pairs]) for name, pairs in levels.items()}
    assert mean["veil, level 0.3"] > mean["veil, level 0.6"] > mean["veil, level 0.9"]
    assert mean["breath, uneven light, faint"] > mean["breath, uneven light, heavy"]
    assert mean["forward scatter alone"] > max(of for name, of in mean.items() if "scatter" not in name)
    bright, held = (
        [p.foggy.mean() / p.truth.mean() for p in levels[n]] for n in ("veil, level 0.9", "veil 0.9, exposure held")
    )
    assert np.mean(bright) > np.mean(held) + 0.2


def test_a_breath_is_no_veil_where_the_scene_is_black():
    linear = np.zeros((68, 120, 3), np.float32)
    assert np.abs(sets.Breath(1.0).apply(linear)).max() == 0
    linear[:, :60] = 0.5
    lit = sets.Breath(1.0).apply(linear)
    assert lit[:, 70:80].mean() > 3 * lit[:, 110:].mean()


def test_real_pairs_are_read_whole_and_fit_the_network(tmp_path, tissue):
    for kind in ("hazy", "clear"):
        cv2.imwrite(str(tmp_path / f"pair_smoke_{kind}.png"), tissue(600, 800, 3))
    pairs = sets.real_pairs(tmp_path)
    assert list(pairs) == ["smoke"] and pairs["smoke"].foggy.shape == (270, 360, 3)


def test_a_pair_of_two_sizes_and_an_empty_folder_are_refused(tmp_path, tissue):
    with pytest.raises(InputOutputError, match="no pair_NAME_hazy"):
        sets.real_pairs(tmp_path)
    cv2.imwrite(str(tmp_path / "pair_a_hazy.png"), tissue(60, 80, 3))
    cv2.imwrite(str(tmp_path / "pair_a_clear.png"), tissue(64, 80, 3))
    with pytest.raises(InputOutputError, match="80x60 px beside a truth of another size"):
        sets.real_pairs(tmp_path)
