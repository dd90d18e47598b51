"""What the networks of super-resolution minimise, each in one forward: ESRGAN's two phases."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trainer.losses.adversarial import relativistic_discriminator_loss, relativistic_generator_loss
from trainer.losses.distances import feature_loss, isr_generator_objective, pixel_loss
from trainer.networks.rrdb import Rrdb
from trainer.networks.vgg_discriminator import VggDiscriminator
from trainer.networks.vgg_features import VggFeatures
from trainer.training.learner import Terms


@dataclass(frozen=True)
class IsrWeights:
    """Factors of ESRGAN eq. (3)'s terms."""

    perceptual: float
    adversarial: float
    pixel: float


class PixelObjective(nn.Module):
    """Phase l1: the mean absolute error alone."""

    def __init__(self, generator: Rrdb) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, lr_BCHW: Tensor, hr_BCHW: Tensor) -> tuple[Terms, None]:
        """RGB in [0, 1], (B, 3, h, w) and (B, 3, 4h, 4w)."""
        return {"total": pixel_loss(self.generator(lr_BCHW).float(), hr_BCHW)}, None


class GeneratorObjective(nn.Module):
    """ESRGAN eq. (3) as the generator sees it."""

    def __init__(
        self, generator: Rrdb, judge: VggDiscriminator, features: VggFeatures | None, weights: IsrWeights
    ) -> None:
        super().__init__()
        self.generator = generator
        self._others = (judge, features)  # in a tuple: they are not this learner's
        self.weights = weights

    def forward(self, lr_BCHW: Tensor, hr_BCHW: Tensor) -> tuple[Terms, Tensor]:
        """RGB in [0, 1], (B, 3, h, w) and (B, 3, 4h, 4w); gives the terms, and the fake for the discriminator."""
        fake_BCHW = self.generator(lr_BCHW).float()
        judge, features = self._others
        with torch.no_grad():
            score_real = judge(hr_BCHW)
        terms = {
            "adversarial": relativistic_generator_loss(score_real, judge(fake_BCHW)),
            "pixel": pixel_loss(fake_BCHW, hr_BCHW),
        }
        perceptual = torch.zeros_like(terms["pixel"])
        if features is not None:
            with torch.no_grad():
                wanted = features(hr_BCHW)
            terms["perceptual"] = perceptual = feature_loss(features(fake_BCHW), wanted)
        total = isr_generator_objective(
            self.weights.perceptual * perceptual,
            terms["adversarial"],
            terms["pixel"],
            self.weights.adversarial,
            self.weights.pixel,
        )
        return {"total": total, **terms}, fake_BCHW.detach()


class DiscriminatorObjective(nn.Module):
    """ESRGAN eq. (1) as the discriminator sees it."""

    def __init__(self, judge: VggDiscriminator) -> None:
        super().__init__()
        self.judge = judge

    def forward(self, hr_BCHW: Tensor, fake_BCHW: Tensor) -> tuple[Terms, None]:
        """RGB in [0, 1], (B, 3, H, W). Each kind has batch statistics of its own, as in ESRGAN's code."""
        real, fake = self.judge(hr_BCHW).float(), self.judge(fake_BCHW).float()
        loss = relativistic_discriminator_loss(real, fake)
        return {"total": loss, "score_real": real.mean(), "score_fake": fake.mean()}, None
