"""The third classical yardstick."""

import numpy as np

from trainer.judging.retinex import retinex


def luma_deviation(picture):
    return picture.astype(float).mean(2).std()


def test_a_veiled_picture_has_more_contrast_after(tissue):
    veiled = (tissue(135, 240, 2) * 0.3 + 150).astype(np.uint8)
    assert luma_deviation(retinex(veiled)) > 2 * luma_deviation(veiled)


def test_uneven_light_is_evened(tissue):
    picture = tissue(135, 240, 2)
    light = np.linspace(1, 0.25, 240)[None, :, None]
    lit = (picture * light).astype(np.uint8)
    left, right = (retinex(lit)[:, s].mean() for s in (slice(0, 60), slice(180, 240)))
    raw_left, raw_right = lit[:, :60].mean(), lit[:, 180:].mean()
    assert left / right < 0.7 * raw_left / raw_right


def test_one_colour_gives_no_numbers_that_are_none():
    out = retinex(np.full((40, 60, 3), 90, np.uint8))
    assert out.shape == (40, 60, 3) and out.dtype == np.uint8
