"""A veil that follows no law is still light: finite, never negative, smooth, and gone when thinned to nothing."""

import numpy as np
import pytest

from trainer.data.any_veil import AnyVeil


@pytest.fixture
def scene(tissue):
    return (tissue(68, 120, 3) / np.float32(255)).astype(np.float32) ** 2


def drawn(num):
    return [AnyVeil.draw(np.random.default_rng(n)) for n in range(num)]


def test_it_stays_light(scene):
    for veil in drawn(40):
        out = veil.apply(scene)
        assert out.shape == scene.shape and out.dtype == np.float32
        assert np.isfinite(out).all() and out.min() >= 0


def test_the_same_veil_is_the_same_again_and_thinned_to_nothing_is_none(scene):
    for veil in drawn(10):
        np.testing.assert_array_equal(veil.apply(scene), veil.apply(scene))
        np.testing.assert_allclose(veil.thinned(0.0).apply(scene), scene, atol=1e-6)
        near, far = (np.abs(veil.thinned(f).apply(scene) - scene).mean() for f in (0.5, 1.0))
        assert near < far


def test_what_is_given_does_not_follow_from_what_is_taken():
    """In every lawful veil the places that lose most are those that are lit most; here, of some draws, they are not."""
    dark, bright = np.zeros((68, 120, 3), np.float32), np.full((68, 120, 3), 0.5, np.float32)
    correlations = []
    for veil in drawn(60):
        given = veil.apply(dark)
        taken = 1 - (veil.apply(bright) - given)[..., 0] / 0.5 + veil.share
        if veil.level > 0 and given[..., 0].std() > 0.01:
            correlations.append(np.corrcoef(given[..., 0].ravel(), taken.ravel())[0, 1])
    assert min(correlations) < 0.2 and max(correlations) > 0.9


def test_it_changes_slowly():
    flat = np.full((68, 120, 3), 0.2, np.float32)
    for veil in drawn(20):
        out = veil.apply(flat)
        assert np.abs(np.diff(out, axis=1)).max() < 0.25 * max(np.ptp(out), 0.05)
