"""LQ and HQ pictures that show different throats: the data of the image dehazing module."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from edge.pictures.image import Image
from trainer.data.fog_pairs import FogPairs
from trainer.data.pictures import PictureStore, as_planes
from trainer.data.recipes import vary_tone
from trainer.data.views import check_fits, random_view

LQ, HQ = 0, 1


@lru_cache(maxsize=4)
def shuffled(seed: int, domain: int, epoch: int, count: int) -> np.ndarray:
    """The order of an epoch, the same on every machine."""
    return np.random.default_rng((seed, domain, epoch)).permutation(count)


class UnpairedDataset(Dataset[tuple[Tensor, ...]]):
    """Item i of a seed: always the same LQ and the same HQ view, whoever asks and when.

    An epoch shows every view of the larger domain once, in an order of its own; the smaller domain begins again.
    Items are (lq, hq), uint8 (3, H, W), and with `truth` what lq is without its fog.
    """

    def __init__(
        self,
        lq: PictureStore,
        hq: PictureStore,
        size: tuple[int, int],
        *,
        variants: int,
        smallest: float,
        enlarge: bool,
        seed: int,
        fog: FogPairs | None = None,
        tone: float = 0.0,
        truth: bool = False,
    ) -> None:
        """
        Args:
            size: width_px, height_px of a view.
            variants: views of one picture that return every epoch (MIINet 3.2: 23); 0 draws new ones each time.
            smallest: width of the smallest view, as a share of the largest that fits.
            enlarge: whether pictures smaller than a view are taken; else they are an error when their turn comes.
            fog: drawn over LQ views, which are clean then; HQ views are seen by the same kinds of camera without it, so
                that fog is all that the domains differ in. None takes both as they are.
            tone: how far the tone of views is varied before the fog, 0 to 1.
            truth: whether an item has a third view; needs `fog`.
        """
        self.domains, self.size, self.variants, self.smallest, self.seed = (lq, hq), size, variants, smallest, seed
        self.enlarge, self.fog, self.tone, self.truth = enlarge, fog, tone, truth

    @property
    def epoch_length(self) -> int:
        return max(len(store) for store in self.domains) * max(self.variants, 1)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        (lq, truth), (_, hq) = self._views(LQ, index), self._views(HQ, index)
        return (lq, hq, truth) if self.truth else (lq, hq)

    def _views(self, domain: int, index: int) -> tuple[Tensor, Tensor]:
        """A view of the domain's picture under fog, and without it; both as it is where no fog is drawn."""
        store = self.domains[domain]
        epoch, place = divmod(index, self.epoch_length)
        number = int(shuffled(self.seed, domain, epoch, self.epoch_length)[place])
        variant, picture = divmod(number, len(store))
        key = (picture, variant % self.variants) if self.variants else (picture, index)
        rng = np.random.default_rng((self.seed, domain, *key))
        shown = store[picture]
        if not self.enlarge:
            check_fits(shown.shape[1::-1], self.size, str(store.paths[picture]), "a view of")
        foggy, clear = self._seen(random_view(shown, rng, self.size, self.smallest), rng)
        return as_planes(foggy), as_planes(clear)

    def _seen(self, view: Image, rng: np.random.Generator) -> tuple[Image, Image]:
        if self.tone:
            view = vary_tone(view, rng, self.tone)
        return (view, view) if self.fog is None else self.fog(view, rng)
