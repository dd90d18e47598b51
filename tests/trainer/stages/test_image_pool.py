"""The pool of earlier fakes."""

import torch

from trainer.stages.image_pool import ImagePool

ALL = slice(None)


def fakes(*values):
    return torch.tensor(values, dtype=torch.float32).reshape(-1, 1, 1, 1)


def test_a_pool_of_none_shows_what_comes():
    assert ImagePool(0, 1).exchange(fakes(1, 2), 0, ALL).flatten().tolist() == [1, 2]


def test_a_filling_pool_shows_what_comes():
    pool = ImagePool(3, 1)
    shown = [pool.exchange(fakes(value), step, ALL).item() for step, value in enumerate((1, 2, 3))]
    assert shown == [1, 2, 3]
    assert pool.pictures_NCHW.flatten().tolist() == [1, 2, 3]


def test_a_full_pool_shows_old_ones_half_the_time_and_loses_nothing():
    pool = ImagePool(5, 1)
    shown = [pool.exchange(fakes(value), value, ALL).item() for value in range(2005)]
    old = sum(value != number for number, value in enumerate(shown))
    assert 900 < old < 1100
    assert {*shown, *pool.pictures_NCHW.flatten().tolist()} == set(range(2005))


def test_what_is_drawn_depends_on_seed_and_step_alone():
    one, other = ImagePool(2, 7), ImagePool(2, 7)
    rows = [fakes(step, step + 100) for step in range(30)]
    whole = [one.exchange(row, step, ALL) for step, row in enumerate(rows)]
    for step in range(15):
        other.exchange(rows[step], step, ALL)
    again = ImagePool(2, 7)
    again.pictures_NCHW = other.pictures_NCHW
    assert all(torch.equal(again.exchange(rows[step], step, ALL), whole[step]) for step in range(15, 30))


def test_a_process_sees_its_share_of_one_pool():
    whole, share = ImagePool(2, 7), ImagePool(2, 7)
    for step in range(20):
        row = fakes(step, step + 100)
        expected = whole.exchange(row, step, ALL)[1:]
        assert torch.equal(share.exchange(row, step, slice(1, 2)), expected)


def test_the_pool_keeps_values_and_no_gradients():
    pool = ImagePool(1, 1)
    made = fakes(1).requires_grad_()
    pool.exchange(made, 0, ALL)
    with torch.no_grad():
        made.fill_(9)
    assert pool.pictures_NCHW.item() == 1
    assert not pool.pictures_NCHW.requires_grad
