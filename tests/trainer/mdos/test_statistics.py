"""Against what others published."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trainer.mdos.statistics import (
    corrected,
    densities,
    icc_absolute,
    krippendorff_alpha,
    mixed_effects,
    num_subjects_for,
    paired_difference,
    weighted_kappa,
)

NAN = math.nan


def test_alpha_is_that_of_krippendorffs_own_example():
    """Computing Krippendorff's Alpha-Reliability (2011), section C: four observers, twelve units, ordinal 0.815."""
    observers = np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
            [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
        ]
    )
    assert krippendorff_alpha(observers.T) == pytest.approx(0.815, abs=5e-4)


def test_alpha_is_one_for_full_agreement_and_unknown_without_any_pair():
    assert krippendorff_alpha(np.array([[1.0, 1.0], [4.0, 4.0], [2.0, 2.0]])) == 1
    assert math.isnan(krippendorff_alpha(np.array([[1.0, NAN], [NAN, 4.0]])))
    assert math.isnan(krippendorff_alpha(np.array([[3.0, 3.0], [3.0, 3.0]])))


SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
"""Psychological Bulletin 86 (1979), table 2: ICC(2,1) is 0.29, ICC(2,4) 0.62."""


def test_icc_is_that_of_shrout_and_fleiss():
    assert icc_absolute(np.array(SHROUT_FLEISS, float)) == pytest.approx((0.29, 0.62), abs=5e-3)


def test_icc_leaves_out_what_a_rater_has_not_rated():
    with_gap = np.array([*SHROUT_FLEISS, [5, NAN, 5, 5]], float)
    assert icc_absolute(with_gap) == icc_absolute(np.array(SHROUT_FLEISS, float))
    assert all(math.isnan(value) for value in icc_absolute(with_gap[:, :1]))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [([1, 2, 3, 4], [1, 2, 3, 4], 1.0), ([1, 5], [5, 1], -1.0), ([3, 3], [3, 3], NAN), ([], [], NAN)],
)
def test_weighted_kappa(first, second, expected):
    assert weighted_kappa(first, second) == pytest.approx(expected, nan_ok=True)


def test_a_paired_difference_has_its_interval_around_it():
    found = paired_difference("a", "b", "quality", np.array([0.2, 0.5, 0.1, 0.6, 0.4, 0.3, 0.4, 0.2]))
    assert found.mean == pytest.approx(0.3375)
    assert found.low < found.mean < found.high
    assert found.p == pytest.approx(2 / 2**8)  # all eight are positive: the smallest p that there is
    assert paired_difference("a", "b", "quality", np.zeros(5)).p == 1


def test_holm_multiplies_the_smallest_by_how_many_there_are():
    values = np.array([0.2, 0.5, 0.1, 0.6, 0.4, 0.3, 0.4, 0.2])
    one, other = paired_difference("a", "b", "quality", values), paired_difference("a", "c", "quality", values * -1)
    none = paired_difference("b", "c", "quality", np.zeros(5))
    assert [round(value.p_corrected / value.p, 6) for value in corrected([one, none, other])] == [3, 1, 3]
    assert corrected([]) == []


def test_the_number_of_pictures_is_cohens():
    """Statistical Power Analysis (1988): 34 pairs see half a standard deviation with 80% at 5%, 15 four fifths."""
    assert num_subjects_for(0.5, 1.0) == 34
    assert num_subjects_for(0.8, 1.0) == 15
    assert num_subjects_for(0.5, 0.0) is None
    assert num_subjects_for(0.5, NAN) is None


def test_a_density_has_the_area_of_one_even_where_all_are_the_same():
    grid = np.linspace(-5, 11, 3201)
    for values in ([1, 2, 2, 3, 5], [3, 3, 3], [4]):
        assert densities(values, grid).sum() * (grid[1] - grid[0]) == pytest.approx(1, abs=1e-3)
    assert not densities([], grid).any()


def test_mixed_effects_find_what_was_put_in():
    draw = np.random.default_rng(5)
    scores, methods, raters, subjects = [], [], [], []
    for subject in range(30):
        own = draw.normal(0, 0.3)
        for rater, habit in (("R1", -0.3), ("R2", 0.0), ("R3", 0.3)):
            for method, mean in (("original", 2.4), ("cyclegan", 3.8), ("miinet", 4.1)):
                scores.append(mean + own + habit + draw.normal(0, 0.4))
                methods.append(method)
                raters.append(rater)
                subjects.append(f"s{subject}")
    found = mixed_effects(scores, methods, raters, subjects, "original")
    for method, effect in (("cyclegan", 1.4), ("miinet", 1.7)):
        mean, low, high, p = found[method]
        assert low < effect < high
        assert mean == pytest.approx(effect, abs=0.15)
        assert p < 0.001
    assert mixed_effects([1, 2], ["original", "miinet"], ["R1", "R1"], ["a", "b"], "original") == {}
