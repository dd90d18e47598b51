"""What the networks of the image dehazing module minimise: MIINet eqs. (1) to (5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainer.losses.adversarial import least_squares_discriminator_loss, least_squares_generator_loss
from trainer.losses.distances import (
    cycle_consistency_loss,
    identity_loss,
    idm_objective,
    pair_loss,
    perceptual_loss,
)
from trainer.networks.patch_discriminator import PatchDiscriminator
from trainer.networks.resnet_generator import ResnetGenerator
from trainer.networks.vgg_features import VggFeatures
from trainer.training.learner import Terms


class GeneratorObjective(nn.Module):
    """Eq. (5) as the generators see it."""

    def __init__(
        self,
        generators: tuple[ResnetGenerator, ResnetGenerator],
        discriminators: tuple[PatchDiscriminator, PatchDiscriminator],
        features: VggFeatures | None,
        *,
        lambda_cycle: float,
        beta: float,
        lambda_identity: float,
        lambda_pair: float = 0.0,
    ) -> None:
        super().__init__()
        self.gen_lq_to_hq, self.gen_hq_to_lq = generators
        self._judges = discriminators  # in a tuple: they are another learner's
        self._features = (features,)
        self.lambda_cycle, self.beta = lambda_cycle, beta
        self.lambda_identity, self.lambda_pair = lambda_identity, lambda_pair

    def forward(
        self, lq_BCHW: Tensor, hq_BCHW: Tensor, truth_BCHW: Tensor | None = None
    ) -> tuple[Terms, tuple[Tensor, Tensor]]:
        """Views in [-1, 1]; gives the terms, and the fakes (LQ, HQ) for the discriminators.

        Args:
            truth_BCHW: what LQ is without its fog; needed where `lambda_pair` is above 0.
        """
        fake_lq = self.gen_hq_to_lq(hq_BCHW)
        # One pass for G's two uses; no layer mixes the pictures of a batch.
        fake_hq, cycled_hq = self.gen_lq_to_hq(torch.cat([lq_BCHW, fake_lq])).chunk(2)
        cycled_lq = self.gen_hq_to_lq(fake_hq)
        disc_hq, disc_lq = self._judges
        adversarial = (
            least_squares_generator_loss(disc_hq(fake_hq)),
            least_squares_generator_loss(disc_lq(fake_lq)),
        )
        cycle = (
            cycle_consistency_loss(lq_BCHW, cycled_lq),
            cycle_consistency_loss(hq_BCHW, cycled_hq),
        )
        terms = {"gen_hq": adversarial[0], "gen_lq": adversarial[1], "cycle_lq": cycle[0], "cycle_hq": cycle[1]}
        perceptual = self._perceptual(torch.cat([lq_BCHW, hq_BCHW]), torch.cat([fake_hq, fake_lq]))
        if perceptual:
            terms |= {"perceptual_lq": perceptual[0], "perceptual_hq": perceptual[1]}
        total = idm_objective(adversarial, cycle, perceptual, self.lambda_cycle, self.beta)
        if self.lambda_identity:
            same = identity_loss(hq_BCHW, self.gen_lq_to_hq(hq_BCHW))
            same = same + identity_loss(lq_BCHW, self.gen_hq_to_lq(lq_BCHW))
            terms["identity"] = same
            total = total + self.lambda_identity * same
        if self.lambda_pair and truth_BCHW is not None:
            terms["pair"] = pair_loss(fake_hq.float(), truth_BCHW)
            total = total + self.lambda_pair * terms["pair"]
        return {"total": total, **terms}, (fake_lq.detach().float(), fake_hq.detach().float())

    def _perceptual(self, inputs_BCHW: Tensor, outputs_BCHW: Tensor) -> tuple[Tensor, ...]:
        """Eq. (4)'s two terms; none where there is no weight on them."""
        features = self._features[0]
        if features is None:
            return ()
        with torch.no_grad():
            wanted = features((inputs_BCHW + 1) / 2)
        found = features((outputs_BCHW + 1) / 2)
        pairs = zip(found.chunk(2), wanted.chunk(2), strict=True)
        return tuple(perceptual_loss(of_output, of_input) for of_output, of_input in pairs)


class DiscriminatorObjective(nn.Module):
    """Eqs. (1) and (2) as the discriminators see them."""

    def __init__(self, disc_hq: PatchDiscriminator, disc_lq: PatchDiscriminator, weight: float) -> None:
        super().__init__()
        self.disc_hq, self.disc_lq, self.weight = disc_hq, disc_lq, weight

    def forward(self, lq: Tensor, hq: Tensor, fake_lq: Tensor, fake_hq: Tensor) -> tuple[Terms, None]:
        """Views and fakes (B, 3, H, W) in [-1, 1]."""
        losses = []
        for judge, real, fake in ((self.disc_hq, hq, fake_hq), (self.disc_lq, lq, fake_lq)):
            score_real, score_fake = judge(torch.cat([real, fake])).chunk(2)
            losses.append(least_squares_discriminator_loss(score_real, score_fake, self.weight))
        return {"total": losses[0] + losses[1], "disc_hq": losses[0], "disc_lq": losses[1]}, None
