"""Pairs for the live student: a scene, one or two fogs of the families that are taught, and a camera that sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge.basics.errors import ConfigError
from edge.pictures.image import Image
from trainer.data import degradations as d
from trainer.data.any_veil import AnyVeil
from trainer.data.camera import Camera
from trainer.data.fogs.catalogue import FAMILIES, TAUGHT, TEST_ONLY, Fog
from trainer.data.not_tissue import not_tissue

CLEAR_SHARE = 0.12
"""Share of pictures without fog: what is clear must come back clear."""
NOT_TISSUE_SHARE = 0.1
SECOND_FOG_SHARE = 0.35
SETTLED_SHARE = 0.8
SETTLED_LEVEL = (103.0, 17.0)
"""Mean and deviation of the display level at which cameras that expose by themselves hold a clear scene.

What a veil has added can be told from a pale scene only where scenes are known to be exposed alike: the larynx and the
mouth pictures have a mean of 99 and 108.
"""
LAWLESS_SHARE = 0.3
"""Share of fogs that follow no law (`any_veil`)."""


def taught_without(left_out: Sequence[str]) -> tuple[str, ...]:
    """The families that training takes when `left_out` are kept from it too; never those that are test-only.

    Raises:
        ConfigError: names what is no family, or that nothing is left.
    """
    for name in left_out:
        if name not in FAMILIES:
            raise ConfigError(f"student.data.left_out: {name!r} is no family of fog; known: {', '.join(FAMILIES)}")
    names = tuple(name for name in TAUGHT if name not in left_out)
    if not names:
        raise ConfigError("student.data.left_out: no family is left to teach; leave out fewer")
    return names


@dataclass(frozen=True)
class FogPairs:
    """Degrades clean pictures; called like `recipes.training_pair`.

    Attributes:
        names: the families that are drawn from.
    """

    names: tuple[str, ...] = TAUGHT

    def __post_init__(self) -> None:
        if bad := TEST_ONLY.intersection(self.names):
            raise ConfigError(f"fog {', '.join(sorted(bad))} is for tests only; leave it out of training")

    def __call__(
        self,
        clean: Image,
        rng: np.random.Generator,
        *,
        thinning: float = 1.0,
        noise_gain: float = 1.0,
        noise: np.random.Generator | None = None,
    ) -> tuple[Image, Image]:
        """Blur and fall-off are the scene's and are drawn into both pictures.

        A generator in the same state draws the same scene, fog and camera again: with `thinning` and `noise`, a moment
        later on the same window.

        Args:
            thinning: factor on the thickness of the fog.
            noise_gain: factor on the sensor noise; 1 suits a picture of the network's size.
            noise: where the noise itself comes from; None takes it from `rng`.

        Returns:
            lq, gt: uint8, same shape.
        """
        if rng.random() < NOT_TISSUE_SHARE:
            card = not_tissue(rng, clean.shape[1::-1])
            return card, card.copy()
        camera = Camera.draw(rng)
        clear = scene(camera.light(clean), rng)
        if rng.random() < SETTLED_SHARE:
            clear = clear * camera.settling(clear, float(rng.normal(*SETTLED_LEVEL)))
        foggy = clear
        if rng.random() >= CLEAR_SHARE:
            for fog in self._drawn(rng):
                foggy = fog.thinned(thinning).apply(foggy)
        foggy = foggy * camera.gains(clear, foggy)
        loud = _louder(camera, noise_gain)
        return loud.picture(foggy, noise or rng), camera.perfect().picture(clear)

    def _drawn(self, rng: np.random.Generator) -> list[Fog]:
        if rng.random() < LAWLESS_SHARE:
            return [AnyVeil.draw(rng)]
        number = 2 if len(self.names) > 1 and rng.random() < SECOND_FOG_SHARE else 1
        return [FAMILIES[self.names[i]].draw(rng) for i in rng.choice(len(self.names), number, replace=False)]


def scene(linear: d.Linear, rng: np.random.Generator) -> d.Linear:
    """Focus, motion, and a lamp that falls off to the side: what is there without fog too."""
    blur = rng.random()
    if blur < 0.25:
        linear = d.defocus(linear, rng.uniform(1, 9))
    elif blur < 0.35:
        linear = d.motion_blur(linear, rng.uniform(2, 14), rng.uniform(0, np.pi))
    if rng.random() < 0.45:
        x, y = rng.uniform(0.2, 0.8, 2)
        linear = d.illumination_falloff(linear, rng.uniform(0.1, 1.2), (float(x), float(y)))
    if rng.random() < 0.3:
        linear = linear * np.float32(rng.uniform(0.5, 1.1))
    return linear


def _louder(camera: Camera, noise_gain: float) -> Camera:
    return replace(camera, read=camera.read * noise_gain, shot=camera.shot * noise_gain**2)
