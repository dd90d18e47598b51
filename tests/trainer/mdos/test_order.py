"""The order of a rater."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from tests.trainer.mdos.conftest import METHODS, NUM_SUBJECTS
from trainer.mdos.order import order_of


@pytest.fixture
def orders(study):
    return {rater: order_of(study, rater) for rater in study.raters}


def test_every_item_comes_once_and_a_tenth_twice(study, orders):
    for order in orders.values():
        counts = Counter(order)
        assert set(counts) == set(study.items)
        assert sum(count == 2 for count in counts.values()) == round(0.1 * len(study.items))
        assert max(counts.values()) == 2


def test_it_is_the_same_again_and_another_for_each_rater(study, orders):
    assert {rater: order_of(study, rater) for rater in study.raters} == orders
    assert len(set(orders.values())) == len(study.raters)


def test_methods_are_balanced_from_the_first_picture_to_the_last(study, orders):
    for order in orders.values():
        firsts = list(dict.fromkeys(order))
        for begin in range(0, len(firsts), len(METHODS)):
            assert {study.method_of[name] for name in firsts[begin : begin + len(METHODS)]} == set(METHODS)


def test_versions_of_one_subject_do_not_follow_each_other(study, orders):
    for order in orders.values():
        firsts = list(dict.fromkeys(order))[: 2 * NUM_SUBJECTS]  # near the end there may be nothing else left
        assert not [one for one, other in pairwise(firsts) if study.subject_of[one] == study.subject_of[other]]


def test_a_repeat_is_far_from_the_first_showing(orders):
    for order in orders.values():
        for name, count in Counter(order).items():
            if count == 2:
                first, second = (place for place, one in enumerate(order) if one == name)
                assert second - first >= 20
