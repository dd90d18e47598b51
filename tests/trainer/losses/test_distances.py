"""Distances and objectives against values worked out by hand, and their gradients against finite differences."""

import pytest
import torch

from trainer.losses import distances

MEAN_DISTANCES = [
    distances.cycle_consistency_loss,
    distances.perceptual_loss,
    distances.identity_loss,
    distances.feature_loss,
]
by_name = pytest.mark.parametrize("loss", MEAN_DISTANCES, ids=lambda loss: loss.__name__)


def pair(dtype=torch.float64):
    """Differences 1, -3, 0, 2: no two values nearer than a finite difference reaches, but for the equal ones."""
    a = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=dtype).reshape(1, 1, 2, 2)
    b = torch.tensor([0.0, 1.0, 0.5, 1.0], dtype=dtype).reshape(1, 1, 2, 2)
    return a, b


def uneven(seed, *shape):
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).requires_grad_()


@by_name
def test_distance_is_the_mean_of_absolute_differences(loss):
    a, b = pair()
    assert loss(a, b).item() == loss(b, a).item() == (1 + 3 + 0 + 2) / 4
    assert loss(a, a).item() == 0


@by_name
def test_gradient_of_a_distance_is_the_sign_over_the_count(loss):
    a, b = (x.requires_grad_() for x in pair())
    loss(a, b).backward()
    expected = torch.tensor([1.0, -1.0, 0.0, 1.0]).reshape(1, 1, 2, 2).double() / 4
    assert torch.equal(a.grad, expected)
    assert torch.equal(b.grad, -expected)


@by_name
def test_gradient_of_a_distance_by_finite_differences(loss):
    assert torch.autograd.gradcheck(loss, (uneven(0, 2, 3, 2, 2), uneven(1, 2, 3, 2, 2)))


@by_name
def test_half_precision_is_not_averaged_in_half_precision(loss):
    """1000 times 1 and 24 times 1.5 have the mean 1036 / 1024, which bfloat16 would round to 1.0156."""
    a = torch.cat((torch.ones(1000), torch.full((24,), 1.5))).bfloat16()
    out = loss(a, torch.zeros_like(a))
    assert out.dtype == torch.float32
    assert out.item() == 1036 / 1024


def scalars(*values):
    return [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in values]


def test_idm_objective_is_equation_5():
    adversarial, cycle, perceptual = scalars(0.5, 0.25), scalars(0.1, 0.3), scalars(2.0, 4.0)
    # 0.75 + 10 * 0.4 + 1.5 * 6
    assert distances.idm_objective(adversarial, cycle, perceptual).item() == pytest.approx(13.75)
    # 0.75 + 2 * 0.4 + 0.5 * 6
    out = distances.idm_objective(adversarial, cycle, perceptual, lambda_cycle=2.0, beta=0.5)
    assert out.item() == pytest.approx(4.55)
    out.backward()
    assert [float(x.grad) for x in (*adversarial, *cycle, *perceptual)] == [1, 1, 2, 2, 0.5, 0.5]


def test_idm_objective_without_perceptual_terms_is_cyclegans():
    adversarial, cycle = scalars(0.5, 0.25), scalars(0.1, 0.3)
    assert distances.idm_objective(adversarial, cycle, [], beta=0.0).item() == pytest.approx(4.75)
    with pytest.raises(ValueError, match=r"beta 1\.5 without a perceptual term"):
        distances.idm_objective(adversarial, cycle, [])


def test_isr_objective_is_esrgans_equation_3():
    terms = scalars(2.0, 3.0, 0.5)
    out = distances.isr_generator_objective(*terms)
    assert out.item() == pytest.approx(2 + 0.005 * 3 + 0.01 * 0.5)
    out.backward()
    assert [float(x.grad) for x in terms] == [1, 0.005, 0.01]
    assert distances.isr_generator_objective(*terms, 0.1, 10.0).item() == pytest.approx(2 + 0.3 + 5)


@pytest.mark.parametrize(
    "objective",
    [lambda a, b, c: distances.idm_objective([a, b], [b, c], [c, a]), distances.isr_generator_objective],
    ids=["idm", "isr"],
)
def test_gradient_of_an_objective_by_finite_differences(objective):
    assert torch.autograd.gradcheck(objective, tuple(scalars(0.3, 0.7, 1.1)))


@pytest.mark.parametrize("loss", [distances.pixel_loss, distances.gradient_loss, distances.squared_loss])
def test_gradient_of_the_students_losses_by_finite_differences(loss):
    assert torch.autograd.gradcheck(loss, (uneven(0, 1, 3, 3, 4), uneven(1, 1, 3, 3, 4)))
