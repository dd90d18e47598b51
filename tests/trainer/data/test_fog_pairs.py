"""The live student's pairs."""

import copy

import numpy as np
import pytest

from edge.basics.errors import ConfigError
from trainer.data.any_veil import AnyVeil
from trainer.data.fog_pairs import FogPairs, taught_without
from trainer.data.fogs import catalogue
from trainer.data.fogs.catalogue import FAMILIES, TAUGHT, TEST_ONLY
from trainer.data.not_tissue import not_tissue


def pairs(tissue, num, **options):
    draw = FogPairs(**options)
    return [draw(tissue(68, 120, n % 5), np.random.default_rng(n)) for n in range(num)]


def test_no_picture_is_ever_drawn_with_a_test_only_family(tissue, monkeypatch):
    drawn = set()
    spies = {}
    for name, family in FAMILIES.items():

        class Spy:
            @staticmethod
            def draw(rng, strength=None, name=name, family=family):
                drawn.add(name)
                return family.draw(rng, strength)

        spies[name] = Spy
    monkeypatch.setattr("trainer.data.fog_pairs.FAMILIES", spies)
    pairs(tissue, 80)
    assert drawn == set(TAUGHT)


@pytest.mark.parametrize("name", sorted(TEST_ONLY))
def test_a_test_only_family_is_refused(name):
    with pytest.raises(ConfigError, match=f"{name} is for tests only"):
        FogPairs((name, "airlight"))


def test_families_can_be_left_out_but_not_all_and_not_unknown_ones():
    assert taught_without(["airlight"]) == tuple(n for n in TAUGHT if n != "airlight")
    assert taught_without([]) == TAUGHT
    with pytest.raises(ConfigError, match="'mist' is no family"):
        taught_without(["mist"])
    with pytest.raises(ConfigError, match="no family is left"):
        taught_without(list(catalogue.FAMILIES))


def test_most_pictures_are_fogged_and_some_come_back_clear(tissue):
    far = np.array([np.abs(lq.astype(int) - gt).mean() for lq, gt in pairs(tissue, 120)])
    assert 0.06 < (far < 1.5).mean() < 0.4
    assert np.median(far) > 5


def test_the_same_state_draws_the_same_pair_and_a_thinner_one_of_it(tissue):
    clean, rng = tissue(68, 120, 1), np.random.default_rng(12)
    again, thinner = copy.deepcopy(rng), copy.deepcopy(rng)
    draw = FogPairs()
    first, second = draw(clean, rng), draw(clean, again)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    lq, gt = draw(clean, thinner, thinning=0.3, noise=np.random.default_rng(1))
    np.testing.assert_array_equal(gt, first[1])
    assert 0 < np.abs(lq.astype(int) - gt).mean() < np.abs(first[0].astype(int) - gt).mean()


def test_what_is_no_tissue_is_its_own_truth(monkeypatch, tissue):
    monkeypatch.setattr("trainer.data.fog_pairs.NOT_TISSUE_SHARE", 1.0)
    for lq, gt in pairs(tissue, 10):
        np.testing.assert_array_equal(lq, gt)


def test_pictures_of_no_tissue_hold_black_white_and_written_ones():
    cards = [not_tissue(np.random.default_rng(n), (120, 68)) for n in range(200)]
    assert all(card.shape == (68, 120, 3) and card.dtype == np.uint8 for card in cards)
    means = np.array([card.mean() for card in cards])
    assert means.min() < 1 and means.max() > 250
    detail = np.array([np.abs(np.diff(card.astype(int), axis=1)).mean() for card in cards])
    assert (detail > 5).mean() > 0.1 and (detail == 0).mean() > 0.05


def test_most_cameras_expose_a_clear_scene_alike(tissue, monkeypatch):
    """What a veil has added can only be told from a pale scene where scenes are exposed alike."""
    monkeypatch.setattr("trainer.data.fog_pairs.NOT_TISSUE_SHARE", 0.0)
    spreads = []
    for share in (0.0, 1.0):
        monkeypatch.setattr("trainer.data.fog_pairs.SETTLED_SHARE", share)
        scenes = [(tissue(68, 120, n % 5) * (0.5 + n % 4 / 6)).astype(np.uint8) for n in range(80)]
        truths = [FogPairs()(scene, np.random.default_rng(n))[1] for n, scene in enumerate(scenes)]
        spreads.append(np.std([gt.mean() for gt in truths]))
    assert spreads[1] < 0.8 * spreads[0]


def test_some_fogs_follow_no_law_whatever_families_are_left(tissue, monkeypatch):
    drawn = []
    real = AnyVeil.draw
    monkeypatch.setattr(AnyVeil, "draw", classmethod(lambda cls, rng: drawn.append(1) or real(rng)))
    pairs(tissue, 80, names=("airlight",))
    assert 8 < len(drawn) < 40
