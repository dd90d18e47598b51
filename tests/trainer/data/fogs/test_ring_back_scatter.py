"""The ring's own light over the scene."""

from dataclasses import replace

import numpy as np
import pytest

from trainer.data.fogs.ring_back_scatter import RingBackScatter

RING = RingBackScatter(
    level=0.4, loss=0.2, colour=(1.0, 0.9, 0.7), centre=(0.5, 0.5), radius=0.2, lobe=0.15, power=1.2,
    num_lamps=8, beads=0.0, unevenness=0.0, seed=1,
)  # fmt: skip


def test_what_is_added_does_not_depend_on_the_scene(tissue):
    scene = (tissue(136, 240, 2) / np.float32(255)).astype(np.float32)
    added = [RING.apply(light) - 0.8 * light for light in (scene, np.zeros_like(scene))]
    np.testing.assert_allclose(*added, atol=1e-6)


def test_it_is_brightest_on_the_ring_and_has_the_lamps_colour():
    back = RING.apply(np.zeros((270, 480, 3), np.float32))
    y, x = np.unravel_index(back[..., 0].argmax(), (270, 480))
    assert np.hypot(x - 240, y - 135) / 480 == pytest.approx(0.2, abs=0.01)
    np.testing.assert_allclose(back[y, x] / back[y, x, 0], RING.colour, rtol=1e-5)
    assert back[y, x, 0] == pytest.approx(0.4, rel=0.01)


def test_it_falls_as_its_lobe_says():
    back = RING.apply(np.zeros((270, 480, 3), np.float32))[135, :, 0]
    ring, outside = 240 + 96, 240 + 96 + 72
    assert back[outside] / back[ring] == pytest.approx(2**-1.2, rel=0.02)
    assert (np.diff(back[ring:]) < 0).all()


def test_lamps_stand_out_along_the_ring_as_often_as_there_are_lamps():
    back = replace(RING, beads=0.4).apply(np.zeros((270, 480, 3), np.float32))[..., 0]
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    along = back[np.rint(135 + 96 * np.sin(angle)).astype(int), np.rint(240 + 96 * np.cos(angle)).astype(int)]
    spectrum = np.abs(np.fft.rfft(along - along.mean()))
    assert spectrum.argmax() == 8
