"""Pairs for super-resolution: a crop at native pixels, and what a camera of a quarter of the resolution would see."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset

from edge.pictures.files import read_picture
from edge.pictures.image import Image
from trainer.data.pictures import PictureStore, as_planes
from trainer.data.unpaired import HQ, shuffled
from trainer.data.views import check_fits, random_crop
from trainer.networks.rrdb import SCALE

SUPPORT_PX = 2
"""Reach of the bicubic kernel, in pixels of the smaller picture."""


def bicubic_quarter(x_BCHW: Tensor) -> Tensor:
    """(B, C, 4h, 4w) -> (B, C, h, w) as MATLAB's imresize, by which ESRGAN's data were made.

    Keys' kernel with a = -0.5, widened by 4 against aliasing, over a picture mirrored at its border. Values may pass
    the input's range where an edge rings.
    """
    mirrored = _mirrored(x_BCHW, SCALE * SUPPORT_PX)
    small = F.interpolate(mirrored, scale_factor=1 / SCALE, mode="bicubic", antialias=True)
    return small[..., SUPPORT_PX:-SUPPORT_PX, SUPPORT_PX:-SUPPORT_PX]


def bicubic_x4(x_BCHW: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, C, 4h, 4w) as MATLAB's imresize: what super-resolution is compared with."""
    # Enlarging meets no aliasing, but this flag is also what gives torch's kernel MATLAB's a = -0.5 (else -0.75).
    large = F.interpolate(_mirrored(x_BCHW, SUPPORT_PX), scale_factor=float(SCALE), mode="bicubic", antialias=True)
    cut = SCALE * SUPPORT_PX
    return large[..., cut:-cut, cut:-cut]


def _mirrored(x_BCHW: Tensor, margin_px: int) -> Tensor:
    """Mirrored at the border, the outermost pixels twice; torch's own padding shows them once."""
    for axis in (-2, -1):
        back = x_BCHW.flip(axis)
        before = back.narrow(axis, x_BCHW.shape[axis] - margin_px, margin_px)
        x_BCHW = torch.cat([before, x_BCHW, back.narrow(axis, 0, margin_px)], axis)
    return x_BCHW


def low_resolution(hr: Image, blur_sigma_px: float = 0.0) -> Image:
    """The LR of an HR picture with sides divisible by 4: bicubic 1/4, then blur (MIINet 3.3), rounded once.

    Args:
        blur_sigma_px: in pixels of the LR; 0 leaves it sharp.
    """
    levels_BCHW = torch.from_numpy(hr).permute(2, 0, 1)[None].float()
    levels = np.ascontiguousarray(bicubic_quarter(levels_BCHW)[0].permute(1, 2, 0).numpy())
    if blur_sigma_px:
        levels = cv2.GaussianBlur(levels, (0, 0), blur_sigma_px)
    return np.asarray(np.clip(np.rint(levels), 0, 255), np.uint8)


class SuperResolutionDataset(Dataset[tuple[Tensor, Tensor]]):
    """Item i of a seed: always the same crop and its LR, whoever asks and when.

    An epoch shows one crop of every picture, in an order of its own. Items are (lr, hr), uint8, (3, crop_px / 4,
    crop_px / 4) and (3, crop_px, crop_px).
    """

    def __init__(self, store: PictureStore, crop_px: int, blur_sigma_px: float, blur_share: float, seed: int) -> None:
        """
        Args:
            crop_px: side of the HR, divisible by 4.
            blur_sigma_px: blur of the LR, in its own pixels.
            blur_share: share of the items whose LR is blurred.

        Raises:
            InputOutputError: a picture in memory is smaller than the crop; one that streams is named when it is drawn.
        """
        self.store, self.crop_px, self.seed = store, crop_px, seed
        self.blur_sigma_px, self.blur_share = blur_sigma_px, blur_share
        for number in range(store.num_kept):
            self._picture(number)

    @property
    def epoch_length(self) -> int:
        return len(self.store)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        epoch, place = divmod(index, self.epoch_length)
        picture = self._picture(int(shuffled(self.seed, HQ, epoch, self.epoch_length)[place]))
        rng = np.random.default_rng((self.seed, index))
        hr = random_crop(picture, rng, self.crop_px)
        blurred = rng.random() < self.blur_share
        lr = low_resolution(hr, self.blur_sigma_px if blurred else 0.0)
        return as_planes(lr), as_planes(hr)

    def _picture(self, number: int) -> Image:
        picture = self.store[number]
        _check_fits(picture, self.crop_px, self.store.paths[number])
        return picture


def centre_pairs(paths: Sequence[Path], side_px: int, count: int) -> tuple[Tensor, Tensor]:
    """LR and HR of the middle of up to `count` pictures, evenly spaced in the list; uint8, (N, 3, h, w).

    Raises:
        InputOutputError: a picture cannot be read or is smaller than the crop.
    """
    pairs = []
    for path in paths[:: -(-len(paths) // count)]:
        picture = read_picture(path, rgb8_only=True)
        _check_fits(picture, side_px, path)
        top, left = (picture.shape[0] - side_px) // 2, (picture.shape[1] - side_px) // 2
        hr = np.ascontiguousarray(picture[top : top + side_px, left : left + side_px])
        pairs.append((as_planes(low_resolution(hr)), as_planes(hr)))
    lrs, hrs = zip(*pairs, strict=True)
    return torch.stack(lrs), torch.stack(hrs)


def _check_fits(picture: Image, side_px: int, path: Path) -> None:
    height, width = picture.shape[:2]
    check_fits((width, height), (side_px, side_px), str(path), "isr.crop_px")
