"""Fog, defocus and noise of the demo's camera: small, lawful and without a trace where they are off."""

from __future__ import annotations

import numpy as np
import pytest

from edge.pictures.colour import encode_srgb, linear_from_srgb
from edge.pictures.geometry import FRAME_SHAPE
from edge.sources.demo.optics import DEFOCUS_PX, Fog, FogSheet, Noise, defocused
from edge.sources.demo.render import DemoRenderer


@pytest.fixture(scope="module")
def fog(renderer: DemoRenderer) -> Fog:
    return Fog(0, renderer.truth(0))


def test_transmission_stays_discernible(fog: Fog) -> None:
    thickest = min(float(fog.transmission(t / 5).min()) for t in range(300))
    assert 0.25 < thickest < 0.5


def test_fog_sheet_is_the_exact_law_in_linear_light(fog: Fog) -> None:
    transmission = np.full_like(fog.transmission(0), 0.5)
    ramp = np.repeat(np.arange(8, 248, dtype=np.uint8), 8)[None, :, None]
    strip = np.ascontiguousarray(np.broadcast_to(ramp, (40, 1920, 3)))
    before = strip.copy()
    FogSheet(fog, transmission).lay(strip, 520)
    row, columns = (520 + 20) // 32 + 1, np.arange(1920) // 32 + 1
    exact = encode_srgb(0.5 * linear_from_srgb(before[20]) + 0.5 * fog.veil[row, columns])
    assert np.abs(strip[20] - exact).max() < 6
    assert strip[20].min() > before[20].min() + 60, "fog lifts the shadows"


def test_clear_fog_changes_nothing(fog: Fog) -> None:
    strip = np.full((40, 1920, 3), 90, np.uint8)
    FogSheet(fog, np.ones_like(fog.transmission(0))).lay(strip, 0)
    assert (strip == 90).all()


@pytest.mark.parametrize("radius_px", DEFOCUS_PX[1:])
def test_defocus_is_a_disc_that_keeps_the_light(radius_px: float) -> None:
    canvas = np.full((64, 64, 4), 8, np.uint8)
    canvas[30:34, 30:34] = 247
    light = linear_from_srgb(defocused(canvas, radius_px)[..., 0])
    assert light.sum() == pytest.approx(linear_from_srgb(canvas[..., 0]).sum(), rel=0.12)
    lit = light[32] > 0.5 * light[32].max()
    assert lit.sum() == pytest.approx(2 * radius_px + 1, abs=3)


def test_noise_is_small_and_centred() -> None:
    strip = np.full((40, 1920, 3), 100, np.uint8)
    Noise(5, FRAME_SHAPE).add(strip, 0, (3, 300))
    assert abs(strip.mean() - 100) < 0.1 and 1.0 < strip.std() < 1.5
