"""The pool of earlier fakes that a discriminator is shown among new ones, so that it does not forget them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from trainer.training.parallel import gather_batch


class ImagePool:
    """Keeps the last fakes of one generator (Shrivastava et al., CVPR 2017; CycleGAN, section 4, size 50).

    The pool is that of the global batch: every process holds the same one, and what is drawn depends on the seed and
    the step alone.
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size, self.seed = size, seed
        self.pictures_NCHW: Tensor | None = None

    def exchange(self, fakes_BCHW: Tensor, step: int, share: slice) -> Tensor:
        """What the discriminator sees instead of this process's new fakes.

        While the pool fills, each fake is kept and shown; then each one, at even odds, is shown itself or changes
        places with a random one of the pool.

        Args:
            share: which part of the global batch is this process's.
        """
        if not self.size:
            return fakes_BCHW
        batch = gather_batch(fakes_BCHW.detach())
        rng = np.random.default_rng((self.seed, step))
        shown = [self._exchange_one(fake[None], rng) for fake in batch]
        return torch.cat(shown[share])

    def _exchange_one(self, fake_1CHW: Tensor, rng: np.random.Generator) -> Tensor:
        if self.pictures_NCHW is None:
            self.pictures_NCHW = fake_1CHW[:0]
        if len(self.pictures_NCHW) < self.size:
            self.pictures_NCHW = torch.cat([self.pictures_NCHW, fake_1CHW])
            return fake_1CHW
        if rng.random() < 0.5:
            return fake_1CHW
        place = int(rng.integers(self.size))
        shown = self.pictures_NCHW[place : place + 1].clone()
        self.pictures_NCHW[place] = fake_1CHW[0]
        return shown
