"""Losses of the networks that compete: least squares (CycleGAN, MIINet) and relativistic average (ESRGAN).

Scores are raw: no sigmoid before. Means over lower precision than float32 are taken in float32.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.training.parallel import mean_over_processes


def least_squares_discriminator_loss(score_real: Tensor, score_fake: Tensor, weight: float) -> Tensor:
    """E[(D(y) - 1)^2] + E[D(x')^2]: what a discriminator minimises, MIINet eq. (1), and (2) with the domains swapped.

    Args:
        score_real: D of real pictures, any shape.
        score_fake: D of generated pictures that carry no gradient to the generator; the shape may differ.
        weight: factor on the sum; 1 as the equation says. CycleGAN takes 0.5, so that the discriminator learns more
            slowly than the generators (appendix 7.1).

    Returns:
        Scalar, at least 0; 0.5 weight for a discriminator that says one half to everything.
    """
    real, fake = _precise(score_real), _precise(score_fake)
    return weight * ((real - 1).square().mean() + fake.square().mean())


def least_squares_generator_loss(score_fake: Tensor) -> Tensor:
    """E[(D(G(x)) - 1)^2]: what a generator minimises where its discriminator minimises eq. (1) or (2).

    The equations are written as one objective for both sides. To raise E[D(x')^2] would push the score away from 0 in
    either direction and without end; least-squares GANs (Mao et al., ICCV 2017, eq. 9 with a = 0, b = c = 1), and
    CycleGAN after them (section 4), have the generator draw its score to that of real pictures instead.

    Args:
        score_fake: D of what the generator made, any shape.

    Returns:
        Scalar, at least 0.
    """
    return (_precise(score_fake) - 1).square().mean()


def relativistic_discriminator_loss(score_real: Tensor, score_fake: Tensor) -> Tensor:
    """-E[log D_Ra(x_r, x_f)] - E[log(1 - D_Ra(x_f, x_r))]: what the discriminator minimises, ESRGAN eq. (1).

    D_Ra(a, b) = sigmoid(C(a) - E[C(b)]) says whether a looks more real than the average b (Jolicoeur-Martineau, ICLR
    2019). E[C(b)] is over the global batch, and the gradient goes through it. ESRGAN's released code halves eqs. (1)
    and (2), which changes what lambda in eq. (3) means; here they are as the paper writes them.

    Args:
        score_real: C of real pictures (B, 1), raw.
        score_fake: C of generated pictures that carry no gradient to the generator (B, 1), raw.

    Returns:
        Scalar, at least 0; 2 log 2 where the two look alike.
    """
    real, fake = _relative(score_real, score_fake)
    return _cross_entropy(real, 1.0) + _cross_entropy(fake, 0.0)


def relativistic_generator_loss(score_real: Tensor, score_fake: Tensor) -> Tensor:
    """-E[log(1 - D_Ra(x_r, x_f))] - E[log D_Ra(x_f, x_r)]: what the generator minimises, ESRGAN eq. (2).

    As `relativistic_discriminator_loss` with the answers swapped: real pictures, too, take part in its gradient.

    Args:
        score_real: C of real pictures (B, 1), raw; carries no gradient to the generator.
        score_fake: C of what the generator made (B, 1), raw.

    Returns:
        Scalar, at least 0.
    """
    real, fake = _relative(score_real, score_fake)
    return _cross_entropy(real, 0.0) + _cross_entropy(fake, 1.0)


def _relative(score_real: Tensor, score_fake: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of D_Ra: each score minus the mean score of the other kind over all processes."""
    real, fake = _precise(score_real), _precise(score_fake)
    return real - mean_over_processes(fake.mean()), fake - mean_over_processes(real.mean())


def _cross_entropy(logits: Tensor, answer: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, answer))


def _precise(score: Tensor) -> Tensor:
    return score.to(torch.promote_types(score.dtype, torch.float32))
