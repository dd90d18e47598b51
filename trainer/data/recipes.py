"""How strong each degradation is drawn.

One training recipe, and the fog of the held-out test whose parameters it never takes.
"""

from __future__ import annotations

import cv2
import numpy as np

from edge.pictures.colour import Linear
from edge.pictures.image import Image
from trainer.data import degradations as d


def training_pair(
    clean: Image,
    rng: np.random.Generator,
    *,
    thinning: float = 1.0,
    noise_gain: float = 1.0,
    noise: np.random.Generator | None = None,
) -> tuple[Image, Image]:
    """Degrade a clean picture at random: one in sixteen stays as it is, so that clean pictures come back clean.

    Blur (defocus, motion) is drawn into both pictures: the student must bear it, and must not invent what it took.
    Fall-off and drift stay mild: what one frame cannot tell must not be learned as a guess.

    A generator in the same state draws the same fog, drops and light again: with `thinning` and `noise`, a moment
    later on the same window.

    Args:
        thinning: factor on the optical depth of the fog.
        noise_gain: factor on the sensor noise; 1 suits a picture of the network's size.
        noise: where the noise itself comes from; None takes it from `rng`.

    Returns:
        lq, gt: uint8, same shape.
    """
    height, width = clean.shape[:2]
    gamma = rng.uniform(1.6, 2.6)
    linear = d.to_linear(clean, gamma)
    blur = rng.random()
    if blur < 0.3:
        linear = d.defocus(linear, rng.uniform(1, 9))
    elif blur < 0.4:
        linear = d.motion_blur(linear, rng.uniform(2, 14), rng.uniform(0, np.pi))
    gt = clean if blur >= 0.4 else _exposed(linear, gamma)
    noise_of = rng if rng.random() < 0.7 else None
    if rng.random() < 0.06:
        return _exposed(linear, gamma, noise_of, noise_gain, noise), gt
    if rng.random() < 0.25:
        linear = d.illumination_falloff(linear, rng.uniform(0.1, 0.5), tuple(rng.uniform(0.4, 0.6, 2)))
    if rng.random() < 0.9:
        clearing = rng.uniform(0, 0.8) if rng.random() < 0.4 else 0.0
        depth = d.breath_depth(height, width, rng, rng.uniform(0.05, 1.5), clearing)
        tint = rng.uniform(0.88, 1.0, 3)
        level = rng.uniform(0.3, 0.95) ** (gamma / 2.2)
        airlight = (level * tint / (1 + (rng.uniform(0, 0.5) * d.radius_map(height, width)) ** 2)).astype(np.float32)
        depth *= np.float32(thinning)
        linear = d.condensation(linear, depth, airlight, rng.uniform(0, 0.5), rng.uniform(10, 120))
    if rng.random() < 0.15:
        linear = d.droplets(linear, rng, int(rng.integers(1, 14)))
    if rng.random() < 0.15:
        linear = d.white_balance_drift(linear, *rng.uniform(0.95, 1.05, 2))
    if rng.random() < 0.3:
        linear = linear * np.float32(rng.uniform(0.85, 1.1))
    return _exposed(linear, gamma, noise_of, noise_gain, noise), gt


def _exposed(
    linear: Linear,
    gamma: float,
    noise_of: np.random.Generator | None = None,
    noise_gain: float = 1.0,
    noise: np.random.Generator | None = None,
) -> Image:
    display = d.from_linear(linear, gamma)
    if noise_of is not None:  # the shrink averages 16 sensor pixels, so a quarter of a camera's noise is left
        read, shot = noise_of.uniform(0, 1.0) * noise_gain, noise_of.uniform(0, 0.01) * noise_gain**2
        display = d.sensor_noise(display, noise or noise_of, read, shot)
    return np.clip(np.rint(display), 0, 255).astype(np.uint8)


HELD_OUT_STRENGTHS = {"mild": 0.2, "middle": 0.4, "heavy": 0.75}


def held_out_fog(clean: Image, strength: float, rng: np.random.Generator, blur_px: float = 40.0) -> Image:
    """Fog that training never saw: another tone curve (1.3), a field of blobs, an airlight outside the trained tints.

    Args:
        strength: mean optical depth.
        blur_px: sigma of the forward scatter at 1920 px width.
    """
    gamma = 1.3
    height, width = clean.shape[:2]
    field = np.zeros((height, width), np.float32)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    for _ in range(7):
        cx, cy = rng.uniform(0, width), rng.uniform(0, height)
        sx, sy = rng.uniform(0.15, 0.45, 2) * width
        field += rng.uniform(0.3, 1.0) * np.exp(-(((x - cx) / sx) ** 2) - ((y - cy) / sy) ** 2)
    field = 0.55 + 0.45 * field / field.mean()
    depth = (strength * field / field.mean())[..., None].astype(np.float32)
    airlight = np.array([0.80, 0.86, 0.87], np.float32) * np.float32(rng.uniform(0.8, 0.95))
    linear = d.condensation(d.to_linear(clean, gamma), depth, airlight, 0.15, blur_px)
    display = d.sensor_noise(d.from_linear(linear, gamma), rng, 0.4, 0.002)
    return np.clip(np.rint(display), 0, 255).astype(np.uint8)


def vary_tone(clean: Image, rng: np.random.Generator, amount: float) -> Image:
    """Another patient, another lamp: hue, saturation, channel gains, tone curve and brightness.

    Blacks stay black: to lift them would be to paint a veil and call it clean.

    Args:
        amount: how far, 0 to 1.
    """
    hsv = cv2.cvtColor(clean, cv2.COLOR_RGB2HSV).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + rng.normal(0, 7) * amount) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * (1 + rng.uniform(-0.45, 0.3) * amount), 0, 255)
    image = cv2.cvtColor(np.rint(hsv).astype(np.uint8), cv2.COLOR_HSV2RGB).astype(np.float32) / 255
    image *= 1 + rng.uniform(-0.12, 0.12, 3).astype(np.float32) * amount
    image = np.clip(image, 0, 1) ** np.float32(np.exp(rng.uniform(-0.5, 0.45) * amount))
    image *= np.float32(1 + rng.uniform(-0.2, 0.05) * amount)
    return np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)
