"""What is measured of each picture: the name in the records, what it belongs to, and which way is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a picture.

    Attributes:
        group: `quality` (of the picture alone), `reproducibility` (beside the picture that it was made from) or `truth`
            (beside the picture without fog).
        title: for the head of a table.
        unit: empty where it has none.
        higher_is_better: which way a picture gains.
        digits: after the point.
    """

    group: str
    title: str
    unit: str
    higher_is_better: bool
    digits: int


MEASURES: Mapping[str, Measure] = {
    "niqe": Measure("quality", "NIQE", "", False, 2),
    "contrast": Measure("quality", "contrast", "levels", True, 2),
    "haze": Measure("quality", "haze", "", False, 3),
    "structure_ssim": Measure("reproducibility", "structure: SSIM of normalised contrast", "", True, 3),
    "structure_gradients": Measure("reproducibility", "structure: gradient correlation", "", True, 3),
    "colour_de00": Measure("reproducibility", "colour: dE00 of low-pass", "dE00", False, 2),
    "colour_hue": Measure("reproducibility", "colour: hue difference", "degrees", False, 2),
    "texture_vgg": Measure("reproducibility", "texture: VGG16 pool2 distance", "", False, 3),
    "consistency": Measure("reproducibility", "consistency of x4", "dB", True, 1),
    "psnr": Measure("truth", "PSNR", "dB", True, 2),
    "gain": Measure("truth", "PSNR gained", "dB", True, 2),
    "gain_best": Measure("truth", "PSNR gained at best exposure", "dB", True, 2),
    "ssim": Measure("truth", "SSIM", "", True, 3),
    "detail_recovered": Measure("truth", "detail recovered", "", True, 3),
    "detail_invented": Measure("truth", "detail invented", "", False, 3),
}
"""In the order of tables. docs/results.md says how each is defined."""

GROUPS = ("quality", "reproducibility", "truth")
