"""Instance normalisation: its values, its gradient in every memory layout, and its export."""

import pytest
import torch

from trainer.networks.instance_norm import EPSILON, InstanceNorm2d, instance_norm

LAYOUTS = {"nchw": torch.contiguous_format, "channels_last": torch.channels_last}


def by_definition(x):
    mean = x.mean((2, 3), keepdim=True)
    variance = ((x - mean) ** 2).mean((2, 3), keepdim=True)
    return (x - mean) / (variance + EPSILON).sqrt()


def random_input(batch=2, dtype=torch.float64):
    torch.manual_seed(0)
    return torch.randn(batch, 3, 5, 6, dtype=dtype) * 2 + 3


def test_values_by_hand():
    # Mean 3, variance (4 + 0 + 0 + 4) / 4 = 2.
    out = instance_norm(torch.tensor([[[[1.0, 3.0], [3.0, 5.0]]]]))
    expected = 2 / (2 + 1e-5) ** 0.5
    torch.testing.assert_close(out, torch.tensor([[[[-expected, 0.0], [0.0, expected]]]]))


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("of_grad", LAYOUTS.values(), ids=[f"gradient {name}" for name in LAYOUTS])
@pytest.mark.parametrize("of_input", LAYOUTS.values(), ids=[f"input {name}" for name in LAYOUTS])
def test_value_and_gradient_in_every_layout(batch, of_input, of_grad):
    """torch's own, on the CPU at batch 1, is wrong where the gradient is channels_last."""
    plain = random_input(batch).requires_grad_()
    weight = torch.randn_like(plain)
    x = plain.detach().clone(memory_format=of_input).requires_grad_()
    out, expected = instance_norm(x), by_definition(plain)
    torch.testing.assert_close(out, expected)
    assert out.is_contiguous(memory_format=of_input)
    (grad,) = torch.autograd.grad(out, x, weight.contiguous(memory_format=of_grad))
    torch.testing.assert_close(grad, torch.autograd.grad(expected, plain, weight)[0])


def test_gradient_by_finite_differences():
    assert torch.autograd.gradcheck(instance_norm, random_input().requires_grad_())


def test_half_precision_has_precise_statistics():
    """Far from zero bfloat16 has steps of 0.5; a mean rounded to one of them would tilt the result."""
    x = random_input(dtype=torch.float32) * 0.5 + 100
    out = instance_norm(x.bfloat16())
    assert out.dtype == torch.bfloat16
    assert out.float().mean((2, 3)).abs().max() < 0.01
    torch.testing.assert_close(out.float(), by_definition(x.bfloat16().double()).float(), rtol=0.01, atol=0.01)


def test_layer_has_nothing_to_learn_or_remember():
    layer = InstanceNorm2d()
    assert not layer.state_dict()
    x = random_input()
    assert torch.equal(layer.train()(x), layer.eval()(x))
