"""What holds for every fog, whatever its physics."""

import ast
from pathlib import Path

import numpy as np
import pytest

from trainer.data.fogs.catalogue import FAMILIES, TAUGHT, TEST_ONLY

FOLDER = Path(__file__).parents[4] / "trainer" / "data" / "fogs"


@pytest.fixture
def scene(tissue):
    return (tissue(68, 120, 3) / np.float32(255)).astype(np.float32) ** 2


@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_draw_gives_the_same_picture_and_another_draw_another(name, scene):
    one, again, other = (FAMILIES[name].draw(np.random.default_rng(seed), 0.6).apply(scene) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.01


@pytest.mark.parametrize("size", [(17, 32), (136, 240), (270, 481)], ids=str)
@pytest.mark.parametrize("name", FAMILIES)
def test_any_size_goes_in_and_comes_out_as_light(name, size, tissue):
    scene = (tissue(*size, 5) / np.float32(255)).astype(np.float32)
    before = scene.copy()
    out = FAMILIES[name].draw(np.random.default_rng(4)).apply(scene)
    assert out.shape == scene.shape and out.dtype == np.float32
    assert np.isfinite(out).all() and out.min() >= -1e-5
    np.testing.assert_array_equal(scene, before)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_fog_thinned_to_nothing_is_no_fog(name, scene):
    fog = FAMILIES[name].draw(np.random.default_rng(8), 0.7)
    np.testing.assert_allclose(fog.thinned(0.0).apply(scene), scene, atol=2e-5)
    assert np.abs(fog.thinned(0.5).apply(scene) - scene).mean() < np.abs(fog.apply(scene) - scene).mean()


@pytest.mark.parametrize("name", FAMILIES)
def test_a_stronger_fog_takes_the_picture_further_away(name, scene):
    far = [
        np.mean(
            [np.abs(FAMILIES[name].draw(np.random.default_rng(n), s).apply(scene) - scene).mean() for n in range(8)]
        )
        for s in (0.2, 0.5, 0.9)
    ]
    assert far[0] < far[1] < far[2]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_fog_looks_alike_at_two_sizes(name, tissue):
    """What is drawn for training at a small size is the same fog that a large frame would show."""
    scene = np.full((270, 480, 3), (0.3, 0.15, 0.1), np.float32)
    scene[60:150, 100:300] = (0.05, 0.02, 0.02)
    fog = FAMILIES[name].draw(np.random.default_rng(6), 0.6)
    large = fog.apply(scene).reshape(27, 10, 48, 10, 3).mean((1, 3))
    small = fog.apply(np.ascontiguousarray(scene[::2, ::2])).reshape(27, 5, 48, 5, 3).mean((1, 3))
    changed = np.abs(large - scene[5::10, 5::10]).mean()
    assert np.abs(large - small).mean() < 0.25 * changed


def test_two_families_at_least_are_for_tests_alone_and_the_rest_is_taught():
    assert len(TEST_ONLY) >= 2 and set(FAMILIES) > TEST_ONLY
    assert set(TAUGHT) == set(FAMILIES) - TEST_ONLY


def test_no_family_is_made_from_another():
    families = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "catalogue"}
    assert len(families) == len(FAMILIES)
    for family in families:
        tree = ast.parse((FOLDER / f"{family}.py").read_text())
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not any("fogs" in module for module in imported), family
