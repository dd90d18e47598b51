"""How pictures are degraded for training and for the held-out test."""

import numpy as np
import pytest

from trainer.data.recipes import HELD_OUT_STRENGTHS, held_out_fog, training_pair, vary_tone
from trainer.judging.metrics import psnr


@pytest.fixture
def clean():
    y, x = np.mgrid[0:270, 0:480]
    return np.dstack([150 + 60 * np.sin(x / 9), 70 + 40 * np.cos(y / 7), 60 + 0 * x]).astype(np.uint8)


def test_a_seed_gives_one_pair(clean):
    first, again = (training_pair(clean, np.random.default_rng(9)) for _ in range(2))
    assert np.array_equal(first[0], again[0])
    assert not np.array_equal(first[0], training_pair(clean, np.random.default_rng(10))[0])


def test_blur_is_in_both_pictures_and_fog_in_one(clean):
    pairs = [training_pair(clean, np.random.default_rng(n)) for n in range(40)]
    untouched = sum(np.array_equal(gt, clean) for _, gt in pairs)
    assert 15 <= untouched <= 34
    blurred = [gt for _, gt in pairs if not np.array_equal(gt, clean)]
    assert all(gt.std() <= clean.std() + 0.5 for gt in blurred)
    assert all(abs(gt.mean() - clean.mean()) < 8 for gt in blurred)


def test_some_pairs_are_clean_and_most_are_not(clean):
    levels = [psnr(training_pair(clean, np.random.default_rng(n))[0], clean) for n in range(80)]
    assert 1 <= sum(level > 40 for level in levels) <= 30
    assert sum(level < 25 for level in levels) > 30


def test_held_out_fog_grows_with_its_name(clean):
    levels = [psnr(held_out_fog(clean, s, np.random.default_rng(1)), clean) for s in HELD_OUT_STRENGTHS.values()]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] - levels[-1] > 4


def test_tone_varies_as_much_as_asked(clean):
    def distance(amount):
        varied = [vary_tone(clean, np.random.default_rng(n), amount) for n in range(8)]
        return np.mean([np.abs(picture - clean.astype(float)).mean() for picture in varied])

    assert distance(0.0) < 2 < distance(0.3) < distance(1.0)
