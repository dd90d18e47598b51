"""The camera round every fog: exposure and white balance that see the fog, tone curve, noise and what it does about it.

It turns light into a picture. Its exposure and white balance are feedback loops, so they answer to the fog; the tone
curve, noise reduction, sharpening and compression come after them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.pictures.image import Image
from trainer.data.degradations import Linear, radius_map, sensor_noise

GAIN_RANGE = (0.4, 1.8)
"""Range of the exposure loop's gain: a real one runs out of shutter and amplification."""


@dataclass(frozen=True, slots=True)
class Camera:
    """What one camera does to light.

    Attributes:
        gamma: of the tone curve, display = light^(1 / gamma), beneath the S.
        contrast: of the S laid over it, 0: none (a smoothstep, as a film's toe and shoulder).
        exposure_hold: share of the brightness that fog adds or takes (in stops) that the loop takes back: 0, exposure
            fixed; 1, the metered mean is the one that it was without fog.
        metering: how much the middle weighs over the border, 0: the mean of the whole picture.
        white_hold: the same share for colour: what fog does to the mean's hue, grey world (Buchsbaum 1980).
        read, shot: sensor noise (`degradations.sensor_noise`), in levels.
        denoise: strength of the noise reduction, 0: none (a bilateral mean; its range sigma in levels).
        sharpen: share of the unsharp mask.
        jpeg_quality: 0: not compressed.
    """

    gamma: float = 2.2
    contrast: float = 0.0
    exposure_hold: float = 0.0
    metering: float = 0.0
    white_hold: float = 0.0
    read: float = 0.0
    shot: float = 0.0
    denoise: float = 0.0
    sharpen: float = 0.0
    jpeg_quality: int = 0

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Camera:
        """Exposure is held wholly in three cameras of ten, in part in a quarter, and fixed in the rest.

        Of real pairs, a foggy picture is brighter than its truth by up to a quarter, seldom by more and seldom by
        nothing; with half of all cameras holding it wholly, networks left bright veils where they were.
        """
        kind = rng.random()
        hold = 0.0 if kind < 0.45 else float(rng.uniform(0, 1)) if kind < 0.7 else 1.0
        return cls(
            gamma=float(rng.uniform(1.3, 2.6)),
            contrast=float(rng.uniform(0, 0.5)) if rng.random() < 0.4 else 0.0,
            exposure_hold=hold,
            metering=float(rng.uniform(0, 1)),
            white_hold=float(rng.uniform(0, 0.6)) if rng.random() < 0.3 else 0.0,
            read=float(rng.uniform(0, 1.0)) if rng.random() < 0.7 else 0.0,
            shot=float(rng.uniform(0, 0.01)),
            denoise=float(rng.uniform(4, 15)) if rng.random() < 0.15 else 0.0,
            sharpen=float(rng.uniform(0, 0.4)) if rng.random() < 0.15 else 0.0,
            jpeg_quality=int(rng.integers(70, 97)) if rng.random() < 0.2 else 0,
        )

    def perfect(self) -> Camera:
        """The same tone curve, with neither noise nor what works against it: how a truth is seen."""
        return replace(self, read=0.0, shot=0.0, denoise=0.0, sharpen=0.0, jpeg_quality=0)

    def light(self, picture: Image) -> Linear:
        """The light that this tone curve shows as `picture`."""
        return np.asarray(cv2.LUT(picture, (_unbent(_LEVELS, self.contrast) ** self.gamma).astype(np.float32)))

    def settling(self, light: Linear, level: float) -> np.float32:
        """What the exposure loop multiplies light with, so that its picture's mean comes near a display level."""
        small = cv2.resize(light, (48, 27), interpolation=cv2.INTER_AREA)
        mean = float(self.picture(small).mean())
        return np.float32(np.clip((max(level, 1.0) / max(mean, 1.0)) ** self.gamma, *GAIN_RANGE))

    def gains(self, clear: Linear, foggy: Linear) -> NDArray[np.float32]:
        """What exposure and white balance multiply R, G and B of the foggy light with, had they settled on `clear`."""
        before, after = (_metered(light, self.metering) for light in (clear, foggy))
        stops = float(np.clip(before.sum() / max(after.sum(), 1e-6), *GAIN_RANGE)) ** self.exposure_hold
        hue = (before / before.sum()) / np.maximum(after / after.sum(), 1e-6)
        gains = np.clip(hue, 0.5, 2.0) ** self.white_hold
        kept = after.sum() / max((gains * after).sum(), 1e-6)  # white balance moves no brightness
        return (stops * kept * gains).astype(np.float32)

    def picture(self, light: Linear, noise: np.random.Generator | None = None) -> Image:
        """Light as RGB uint8: clipped, through the tone curve, then noise, its reduction, sharpening and JPEG."""
        level = np.clip(cv2.pow(np.clip(light, 0, 1), 1 / self.gamma), 0, 1)
        display = np.asarray(255 * bent(level, self.contrast), np.float32)
        if noise is not None and (self.read or self.shot):
            display = sensor_noise(display, noise, self.read, self.shot)
        if self.denoise:
            display = cv2.bilateralFilter(display, 5, self.denoise, 1.5)
        if self.sharpen:
            display = display + np.float32(self.sharpen) * (display - cv2.GaussianBlur(display, (0, 0), 1.0))
        picture = np.clip(np.rint(display), 0, 255).astype(np.uint8)
        return _through_jpeg(picture, self.jpeg_quality) if self.jpeg_quality else picture


def bent(level: NDArray[np.float32], contrast: float) -> NDArray[np.float32]:
    """Levels in [0, 1] with a share `contrast` of a smoothstep."""
    if not contrast:
        return level
    return np.asarray(level + contrast * (level * level * (3 - 2 * level) - level), np.float32)


_LEVELS = np.arange(256, dtype=np.float32) / 255
_FINE = np.linspace(0, 1, 4096, dtype=np.float32)


def _unbent(level: NDArray[np.float32], contrast: float) -> NDArray[np.float32]:
    """The reverse of `bent`."""
    return np.interp(level, bent(_FINE, contrast), _FINE).astype(np.float32) if contrast else level


def _metered(light: Linear, metering: float) -> NDArray[np.float32]:
    """Mean R, G and B of what the sensor can hold, the middle weighing more."""
    small = cv2.resize(np.clip(light, 0, 1), (48, 27), interpolation=cv2.INTER_AREA)
    weight = np.exp(-np.float32(3 * metering) * radius_map(27, 48) ** 2)
    return np.asarray((small * weight).sum((0, 1)) / weight.sum() + 1e-6, np.float32)


def _through_jpeg(picture: Image, quality: int) -> Image:
    data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])
