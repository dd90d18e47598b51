"""Adversarial losses against values and gradients worked out by hand, and against finite differences."""

import math

import pytest
import torch

from trainer.losses import adversarial as losses

REAL, FAKE = (2.0, 0.0), (1.0, -1.0)
"""Means 1 and 0. Relative scores: real minus 0 = 2, 0; fake minus 1 = 0, -2."""


def halved_least_squares(real, fake):
    return losses.least_squares_discriminator_loss(real, fake, 0.5)


ON_BOTH = [halved_least_squares, losses.relativistic_discriminator_loss, losses.relativistic_generator_loss]


def column(values, dtype=torch.float64):
    return torch.tensor(values, dtype=dtype).reshape(-1, 1).requires_grad_()


def log1pexp(z):
    """-log sigmoid(-z)."""
    return math.log(1 + math.exp(z))


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def test_least_squares_discriminator_by_hand():
    real, fake = column(REAL), column((3.0, 1.0, -2.0))
    # ((2 - 1)^2 + (0 - 1)^2) / 2 = 1; (9 + 1 + 4) / 3
    loss = losses.least_squares_discriminator_loss(real, fake, 1.0)
    assert loss.item() == pytest.approx(1 + 14 / 3)
    loss.backward()
    # 2 (s - 1) / 2 and 2 s / 3
    torch.testing.assert_close(real.grad, column((1.0, -1.0)).detach())
    torch.testing.assert_close(fake.grad, column((2.0, 2 / 3, -4 / 3)).detach())


def test_least_squares_discriminator_is_halved_as_in_cyclegan():
    loss = losses.least_squares_discriminator_loss(column(REAL), column(FAKE), 0.5)
    assert loss.item() == pytest.approx((1 + 1) / 2)


def test_least_squares_generator_by_hand():
    fake = column((3.0, 1.0, -2.0))
    loss = losses.least_squares_generator_loss(fake)
    assert loss.item() == pytest.approx((4 + 0 + 9) / 3)
    loss.backward()
    torch.testing.assert_close(fake.grad, column((4 / 3, 0.0, -2.0)).detach())


def test_relativistic_discriminator_by_hand():
    real, fake = column(REAL), column(FAKE)
    # -log sigmoid(2), -log sigmoid(0), then -log(1 - sigmoid(0)), -log(1 - sigmoid(-2))
    expected = (log1pexp(-2) + log1pexp(0)) / 2 + (log1pexp(0) + log1pexp(-2)) / 2
    loss = losses.relativistic_discriminator_loss(real, fake)
    assert loss.item() == pytest.approx(expected)
    assert expected == pytest.approx(0.8200753)
    loss.backward()
    # Each real score by itself: -(1 - sigmoid(2)) / 2, -(1 - sigmoid(0)) / 2. Both through their mean, which the
    # fake ones are held against: -(sigmoid(0) + sigmoid(-2)) / 2, half each.
    through_mean = -(0.5 + sigmoid(-2)) / 2 / 2
    expected_grad = column((-sigmoid(-2) / 2 + through_mean, -0.5 / 2 + through_mean)).detach()
    torch.testing.assert_close(real.grad, expected_grad)


def test_relativistic_generator_by_hand():
    real, fake = column(REAL), column((3.0, -1.0, -2.0))
    # Means 1 and 0; real minus 0 = 2, 0; fake minus 1 = 2, -2, -3. The answers are the discriminator's, swapped.
    expected = (log1pexp(2) + log1pexp(0)) / 2 + (log1pexp(-2) + log1pexp(2) + log1pexp(3)) / 3
    loss = losses.relativistic_generator_loss(real, fake)
    assert loss.item() == pytest.approx(expected)
    assert expected == pytest.approx(3.1775187)
    loss.backward()
    # Each fake score by itself: -(1 - sigmoid) / 3. All through their mean, which the real ones are held against.
    through_mean = -(sigmoid(2) + 0.5) / 2 / 3
    expected_grad = column([-sigmoid(-z) / 3 + through_mean for z in (2, -2, -3)]).detach()
    torch.testing.assert_close(fake.grad, expected_grad)


@pytest.mark.parametrize("loss", [losses.relativistic_discriminator_loss, losses.relativistic_generator_loss])
def test_relativistic_loss_of_equal_scores(loss):
    assert loss(column((5.0, 5.0)), column((5.0, 5.0))).item() == pytest.approx(2 * math.log(2))


def test_relativistic_mean_is_the_global_batchs(monkeypatch):
    """Beside a process whose mean scores are 3, this one's means 1 and 0 become 2 and 1.5."""
    monkeypatch.setattr(losses, "mean_over_processes", lambda mean: (mean + 3) / 2)
    # Real minus 1.5: 0.5, -1.5. Fake minus 2: -1, -3.
    expected = (log1pexp(-0.5) + log1pexp(1.5)) / 2 + (log1pexp(-1) + log1pexp(-3)) / 2
    assert losses.relativistic_discriminator_loss(column(REAL), column(FAKE)).item() == pytest.approx(expected)


@pytest.mark.parametrize("loss", [losses.relativistic_discriminator_loss, losses.relativistic_generator_loss])
def test_relativistic_loss_bears_far_scores(loss):
    real, fake = column((400.0, -300.0)), column((-500.0, 100.0))
    value = loss(real, fake)
    value.backward()
    assert all(bool(torch.isfinite(x).all()) for x in (value, real.grad, fake.grad))


@pytest.mark.parametrize("loss", ON_BOTH, ids=lambda loss: loss.__name__)
def test_gradient_by_finite_differences(loss):
    assert torch.autograd.gradcheck(loss, (column((0.3, -1.2, 2.0)), column((0.9, 0.1, -0.4))))


def test_gradient_of_the_generators_least_squares_by_finite_differences():
    assert torch.autograd.gradcheck(losses.least_squares_generator_loss, (column((0.3, -1.2, 2.0)),))


@pytest.mark.parametrize("loss", ON_BOTH, ids=lambda loss: loss.__name__)
def test_half_precision_scores_give_a_precise_loss(loss):
    real, fake = column(REAL, torch.bfloat16), column((3.0, -1.0), torch.bfloat16)
    out = loss(real, fake)
    assert out.dtype == torch.float32
    torch.testing.assert_close(out.double(), loss(real.double(), fake.double()), rtol=1e-6, atol=0)
