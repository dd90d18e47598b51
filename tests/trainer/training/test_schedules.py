"""Learning rates."""

import pytest

from trainer.training.schedules import halved_at, linear_decay, warm_cosine


@pytest.mark.parametrize("step, rate", [(0, 2.0), (50, 2.0), (75, 1.0), (99, 0.04), (100, 0.0)])
def test_linear_decay_over_the_second_half(step, rate):
    assert linear_decay(2.0, 100)(step) == pytest.approx(rate)


@pytest.mark.parametrize("step, rate", [(0, 8.0), (49, 8.0), (50, 4.0), (100, 2.0), (299, 1.0), (300, 0.5), (399, 0.5)])
def test_halving_as_esrgan(step, rate):
    assert halved_at(8.0, 400, (0.125, 0.25, 0.5, 0.75))(step) == rate


@pytest.mark.parametrize(
    "step, rate", [(0, 0.1), (9, 1.0), (10, 1.0), (55, 0.01 + 0.99 * 0.5), (100, 0.01), (200, 0.01)]
)
def test_warm_cosine(step, rate):
    assert warm_cosine(1.0, 100, 10)(step) == pytest.approx(rate)
