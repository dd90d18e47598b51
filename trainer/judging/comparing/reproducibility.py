"""How much of the picture that was taken is still there in the picture that is shown: structure, colour, texture.

MIINet's second question to its raters ("reproducibility"), as figures. Each is built to overlook what lifting a veil
does to everything alike, and to see what it does to one thing and not to its neighbour.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from edge.pictures.colour import ciede2000_lab, lab_from_linear, linear_from_srgb
from edge.pictures.image import Image
from trainer.data.pictures import as_planes
from trainer.networks.vgg_features import VggFeatures

NEIGHBOURHOOD_PX = 5.0
"""Sigma of the neighbourhood in which contrast is normalised."""
LEAST_CONTRAST = 3.0
"""Levels of deviation below which a neighbourhood counts as flat: noise must not become structure."""
LEAST_CHROMA = 1.0
"""CIELAB chroma below which a colour is grey, and its hue chance."""
LOW_PASS = 1 / 30
"""Sigma of the low-pass over the picture's width: 16 px of 480."""
_CELL_PX = 8

Plane = NDArray[np.float32]


def structure_ssim(output: Image, original: Image) -> float:
    """SSIM's contrast and structure of both lumas after local contrast normalisation, mean over places; 1 at most.

    Normalised to mean 0 and deviation 1 in a Gaussian of 5 px, so what multiplies contrast or adds brightness there
    changes next to nothing. Window and K2 as Wang et al. 2004, over a range of 6 deviations; there is no luminance
    term, for no luminance is left.
    """
    a, b = (normalised(luma(picture)) for picture in (output, original))
    mean_a, mean_b = _window(a), _window(b)
    covariance = _window(a * b) - mean_a * mean_b
    spread = _window(a * a) - mean_a * mean_a + _window(b * b) - mean_b * mean_b
    c2 = np.float32((0.03 * 6) ** 2)
    return float(((2 * covariance + c2) / (spread + c2)).mean(dtype=np.float64))


def structure_gradients(output: Image, original: Image) -> float:
    """Correlation of the gradients of both lumas, all places and both directions together, in [-1, 1].

    1 where the output is a contrast times the original plus a level; 0 where one of them is flat.
    """
    a, b = (_gradients(luma(picture)) for picture in (output, original))
    size = float(np.sqrt((a * a).sum(dtype=np.float64) * (b * b).sum(dtype=np.float64)))
    return float((a * b).sum(dtype=np.float64)) / size if size else 0.0


def colour_differences(output: Image, original: Image) -> tuple[float, float]:
    """Mean dE00, and mean hue difference in degrees, of both pictures' low-pass.

    The low-pass is of light, not of codes, with a sigma of 1/30 of the width. Hues are weighted by chroma (the
    geometric mean of both), since grey has none; 0 where nothing has any.
    """
    a, b = (_low_pass_lab(picture) for picture in (output, original))
    difference = float(ciede2000_lab(a, b).mean())
    chroma = np.sqrt(np.hypot(a[..., 1], a[..., 2]) * np.hypot(b[..., 1], b[..., 2]))
    chroma = np.where(chroma < LEAST_CHROMA, 0, chroma)
    turned = np.angle(np.exp(1j * (np.arctan2(a[..., 2], a[..., 1]) - np.arctan2(b[..., 2], b[..., 1]))))
    weight = float(chroma.sum())
    return difference, float((np.degrees(np.abs(turned)) * chroma).sum()) / weight if weight > 1e-6 else 0.0


@torch.no_grad()
def features_of(vgg: VggFeatures, picture: Image) -> torch.Tensor:
    """What VGG16 sees up to its second pool, (1, 128, H / 4, W / 4)."""
    return vgg(as_planes(picture)[None].float() / 255)


def texture_distance(output: torch.Tensor, original: torch.Tensor) -> float:
    """Mean absolute distance of `features_of`: MIINet eq. (4), which its perceptual loss is made of."""
    return float((output - original).abs().mean())


def pooled(features: torch.Tensor) -> NDArray[np.float32]:
    """Means over places of `features_of`, (128,): the picture's point for KID."""
    return np.asarray(features.mean((2, 3))[0].numpy(), np.float32)


def luma(picture: Image) -> Plane:
    """BT.601, in levels."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.float32)


def normalised(plane: Plane) -> Plane:
    """Levels with local mean 0 and local deviation 1; flat neighbourhoods stay near 0."""

    def around(values: Plane) -> Plane:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), NEIGHBOURHOOD_PX, borderType=cv2.BORDER_REFLECT))

    centred = plane - around(plane)
    return np.asarray(centred / np.sqrt(around(centred * centred) + np.float32(LEAST_CONTRAST**2)), np.float32)


def _window(plane: Plane) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (11, 11), 1.5)[5:-5, 5:-5])


def _gradients(plane: Plane) -> Plane:
    return np.stack([cv2.Sobel(plane, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1))])


def _low_pass_lab(picture: Image) -> NDArray[np.float64]:
    """CIELAB of the low-pass, an eighth of the size."""
    height, width = picture.shape[:2]
    size = (max(1, width // _CELL_PX), max(1, height // _CELL_PX))
    small = cv2.resize(linear_from_srgb(picture), size, interpolation=cv2.INTER_AREA)
    sigma = LOW_PASS * size[0]
    return lab_from_linear(cv2.GaussianBlur(small, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))
