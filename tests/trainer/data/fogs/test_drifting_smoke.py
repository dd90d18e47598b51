"""Light passes the smoke twice; the smoke is ragged at every scale."""

from dataclasses import replace

import numpy as np

from trainer.data.fogs.drifting_smoke import DriftingSmoke

CLOUD = DriftingSmoke(
    depth=0.5, colour=(0.9, 0.95, 1.0), lamp=1.2, falloff=0.0, cells=3, slope=0.5, bend=0.08, fill=1.0, seed=7
)


def test_the_scene_is_dimmed_on_the_way_there_and_back():
    black = np.zeros((68, 120, 3), np.float32)
    through = CLOUD.apply(black + 1) - CLOUD.apply(black)
    np.testing.assert_allclose(-np.log(through[..., 0]), 2 * 0.5 * CLOUD.density(68, 120), atol=1e-4)


def test_thick_smoke_shows_half_the_lamp_in_its_own_colour(tissue):
    scene = (tissue(68, 120, 2) / np.float32(255)).astype(np.float32)
    densest = CLOUD.density(68, 120) > 0.6
    out = replace(CLOUD, depth=20.0).apply(scene)[densest]
    np.testing.assert_allclose(out.mean(0), 0.6 * np.array(CLOUD.colour), rtol=1e-3)


def test_finer_octaves_are_weaker_but_there():
    fields = [replace(CLOUD, slope=slope).density(270, 480) for slope in (0.35, 0.65)]
    fine = [np.abs(np.diff(field, axis=1)).mean() / field.std() for field in fields]
    assert fine[1] > 1.3 * fine[0]


def test_part_of_the_picture_can_be_free_of_smoke():
    density = replace(CLOUD, fill=0.6).density(136, 240)
    assert 0.3 < (density == 0).mean() < 0.5 and density.max() == 1


def test_the_cloud_is_drawn_out_by_its_eddies():
    assert np.abs(CLOUD.density(68, 120) - replace(CLOUD, bend=0.0).density(68, 120)).mean() > 0.03
