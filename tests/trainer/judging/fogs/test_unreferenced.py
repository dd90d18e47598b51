"""Figures without a truth."""

import numpy as np
import pytest

from trainer.judging.fogs.unreferenced import unreferenced


@pytest.fixture(scope="module")
def clear(tissue):
    return tissue(135, 240, 4)


def test_a_veil_raises_haze_and_takes_contrast(clear):
    veiled = (clear * 0.5 + 100).astype(np.uint8)
    before, after = unreferenced(clear), unreferenced(veiled)
    assert after.haze > before.haze + 0.2
    assert after.contrast == pytest.approx(before.contrast / 2, rel=0.05)


def test_darkening_alone_takes_no_haze(clear):
    dark = (clear * 0.5).astype(np.uint8)
    before, after = unreferenced(clear), unreferenced(dark)
    assert after.haze == pytest.approx(before.haze, abs=0.02)
    assert after.brightness == pytest.approx(before.brightness / 2, rel=0.02)


def test_clipped_counts_white_in_any_channel_and_black_in_all():
    picture = np.full((100, 100, 3), 120, np.uint8)
    picture[:10] = (255, 120, 120)
    picture[20:25] = 0
    picture[50:60] = (0, 120, 120)
    assert unreferenced(picture).clipped == pytest.approx(0.15)
