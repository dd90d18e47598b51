"""Losses as plain functions of tensors, and the weighted sums that the networks minimise.

Adversarial terms are in `trainer.losses.adversarial`. Pictures have shape (B, 3, H, W). Means over lower precision
than float32 are taken in float32, so that autocast does not round a loss to three digits.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def pixel_loss(out_BCHW: Tensor, gt_BCHW: Tensor) -> Tensor:
    """Mean absolute error."""
    return (out_BCHW - gt_BCHW).abs().mean()


def gradient_loss(out_BCHW: Tensor, gt_BCHW: Tensor) -> Tensor:
    """Mean absolute error of the first differences, x and y added.

    Keeps edges where L1 alone would blur (Mathieu et al., ICLR 2016, eq. 6, alpha 1).
    """
    error_BCHW = out_BCHW - gt_BCHW
    along_x = (error_BCHW[..., 1:] - error_BCHW[..., :-1]).abs().mean()
    along_y = (error_BCHW[..., 1:, :] - error_BCHW[..., :-1, :]).abs().mean()
    return along_x + along_y


def squared_loss(out_BCHW: Tensor, gt_BCHW: Tensor) -> Tensor:
    """Mean squared error: where one picture could be two, it takes the middle instead of the likelier."""
    return (out_BCHW - gt_BCHW).square().mean()


def student_loss(out_BCHW: Tensor, gt_BCHW: Tensor, gradient_weight: float, squared_weight: float) -> Tensor:
    """L1, plus weighted gradient L1 and squared error."""
    shape = gradient_weight * gradient_loss(out_BCHW, gt_BCHW)
    return pixel_loss(out_BCHW, gt_BCHW) + shape + squared_weight * squared_loss(out_BCHW, gt_BCHW)


DECIBEL_FLOOR = 3e-4
"""Mean square below which a picture counts as returned: 35 dB.

With a lower one (47 dB was tried) the clear pictures of a batch hold a new network at the identity for good: what
leaves them by a level costs more than all fog does.
"""


def decibels(out_BCHW: Tensor, gt_BCHW: Tensor) -> Tensor:
    """How far each picture's PSNR is below 35 dB, (B,), and never below 0.

    A decibel counts the same on a picture that is nearly clear and under a heavy veil, where L1 sees only the veil
    (the loss of Chen et al., HINet, CVPRW 2021, eq. 4).
    """
    squared_B = (out_BCHW - gt_BCHW).square().mean((1, 2, 3))
    return 10 * torch.log10(1 + squared_B / DECIBEL_FLOOR)


def decibel_loss(out_BCHW: Tensor, gt_BCHW: Tensor) -> Tensor:
    """Mean of `decibels`."""
    return decibels(out_BCHW, gt_BCHW).mean()


def harm_loss(out_BCHW: Tensor, lq_BCHW: Tensor, gt_BCHW: Tensor) -> Tensor:
    """Mean of the decibels by which pictures come out worse than they went in; better ones count 0."""
    return (decibels(out_BCHW, gt_BCHW) - decibels(lq_BCHW, gt_BCHW)).clamp(min=0).mean()


PAIR_WEIGHTS = (0.5, 5.0)
"""Of the gradient and of the squared error beside L1, where a dehazing module learns pairs."""


def pair_loss(
    out_BCHW: Tensor,
    wanted_BCHW: Tensor,
    gradient_weight: float = PAIR_WEIGHTS[0],
    squared_weight: float = PAIR_WEIGHTS[1],
) -> Tensor:
    """`student_loss` of pictures in [-1, 1], as if they were in [0, 1]. Not a part of MIINet eq. (5)."""
    return student_loss((out_BCHW + 1) / 2, (wanted_BCHW + 1) / 2, gradient_weight, squared_weight)


def cycle_consistency_loss(real_BCHW: Tensor, cycled_BCHW: Tensor) -> Tensor:
    """L1 distance of pictures to their round trip: one of the two terms of MIINet eq. (3).

    Args:
        real_BCHW: x or y, RGB in [-1, 1].
        cycled_BCHW: F(G(x)) or G(F(y)), same shape and range.

    Returns:
        Scalar, mean over elements (CycleGAN's code takes the mean too, so lambda 10 means the same).
    """
    return _mean_distance(cycled_BCHW, real_BCHW)


def perceptual_loss(features_of_output: Tensor, features_of_input: Tensor) -> Tensor:
    """L1 distance of what VGG16 sees in a generator's output and in its input: one of the two terms of MIINet eq. (4).

    Args:
        features_of_output: phi(G(x)) or phi(F(y)) (B, C, h, w); phi is VGG16 up to its second pool.
        features_of_input: phi(x) or phi(y), same shape.

    Returns:
        Scalar, mean over elements.
    """
    return _mean_distance(features_of_output, features_of_input)


def identity_loss(real_BCHW: Tensor, kept_BCHW: Tensor) -> Tensor:
    """L1 distance of a picture to what the generator into its own domain makes of it (CycleGAN, section 5.2).

    Not a part of MIINet eq. (5). CycleGAN's own weight, where it is used, is 0.5 lambda.

    Args:
        real_BCHW: y or x, RGB in [-1, 1].
        kept_BCHW: G(y) or F(x), same shape and range.

    Returns:
        Scalar, mean over elements.
    """
    return _mean_distance(kept_BCHW, real_BCHW)


def idm_objective(
    adversarial: Sequence[Tensor],
    cycle: Sequence[Tensor],
    perceptual: Sequence[Tensor],
    lambda_cycle: float = 10.0,
    beta: float = 1.5,
) -> Tensor:
    """What both generators minimise: MIINet eq. (5).

    Args:
        adversarial: the terms of G and F (`least_squares_generator_loss`).
        cycle: both terms of eq. (3).
        perceptual: both terms of eq. (4); none where beta is 0, which is CycleGAN and needs no VGG16.
        lambda_cycle, beta: MIINet section 3.2.

    Raises:
        ValueError: beta is above 0 and there are no perceptual terms.
    """
    if beta and not perceptual:
        raise ValueError(f"idm_objective: beta {beta} without a perceptual term")
    total = _sum(adversarial) + lambda_cycle * _sum(cycle)
    return total + beta * _sum(perceptual) if beta else total


def feature_loss(features_of_output: Tensor, features_of_truth: Tensor) -> Tensor:
    """L1 distance of what VGG sees in the enlarged picture and in the true one: ESRGAN's L_percep (section 3.3).

    Args:
        features_of_output: (B, C, h, w), taken before the activation.
        features_of_truth: same shape.

    Returns:
        Scalar, mean over elements.
    """
    return _mean_distance(features_of_output, features_of_truth)


def isr_generator_objective(
    perceptual: Tensor,
    adversarial: Tensor,
    pixel: Tensor,
    adversarial_weight: float = 5e-3,
    pixel_weight: float = 1e-2,
) -> Tensor:
    """What ESRGAN's generator minimises in its second stage: ESRGAN eq. (3).

    Args:
        perceptual: `feature_loss`.
        adversarial: `relativistic_generator_loss`.
        pixel: `pixel_loss` between the enlarged picture and the true one, RGB in [0, 1].
        adversarial_weight, pixel_weight: lambda and eta, ESRGAN section 4.1.
    """
    return perceptual + adversarial_weight * adversarial + pixel_weight * pixel


def _mean_distance(a: Tensor, b: Tensor) -> Tensor:
    precise = torch.promote_types(a.dtype, torch.float32)
    return (a.to(precise) - b.to(precise)).abs().mean()


def _sum(terms: Sequence[Tensor]) -> Tensor:
    return torch.stack(tuple(terms)).sum()
