"""Detail recovered and invented, in pictures whose detail is known."""

import numpy as np
import pytest

from trainer.judging.comparing.detail import detail


def grey(levels):
    return np.repeat(np.clip(np.rint(levels), 0, 255)[..., None], 3, 2).astype(np.uint8)


@pytest.fixture(scope="module")
def planes():
    """Fine noise of one strength each: the truth's, what an output may invent, and the sensor's. (180, 240)."""
    rng = np.random.default_rng(7)
    return [20 * rng.choice([-1.0, 1.0], (180, 240)) for _ in range(3)]


def test_the_truth_has_all_and_invents_nothing(planes):
    truth, fog = grey(120 + planes[0]), grey(150 + 0.3 * planes[0])
    assert detail(truth, fog, truth) == (pytest.approx(1), pytest.approx(0, abs=1e-9))


@pytest.mark.parametrize("share, shown", [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (1.6, 1.0), (-1.0, 0.0)])
def test_recovered_is_the_share_that_is_shown(planes, share, shown):
    recovered, invented = detail(grey(120 + share * planes[0]), grey(np.full((180, 240), 150.0)), grey(120 + planes[0]))
    assert recovered == pytest.approx(shown, abs=0.02)
    assert invented < 0.005


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_invented_is_the_energy_of_what_neither_has(planes, strength):
    """A plane of no correlation at `strength` of the truth's: strength^2, less two directions of a window's 900."""
    output = grey(120 + planes[0] + strength * planes[1])
    recovered, invented = detail(output, grey(150 + 0.3 * planes[0]), grey(120 + planes[0]))
    assert invented == pytest.approx(strength**2, rel=0.04)
    assert recovered == pytest.approx(1, abs=0.05)


def test_amplified_noise_of_the_input_is_not_invented(planes):
    noisy = grey(150 + 0.3 * planes[0] + 0.1 * planes[2])
    output = grey(120 + planes[0] + 0.35 * planes[2])
    assert detail(output, noisy, grey(120 + planes[0]))[1] < 0.01
    assert detail(output, grey(150 + 0.3 * planes[0]), grey(120 + planes[0]))[1] == pytest.approx(0.35**2, rel=0.05)


def test_a_flat_truth_has_nothing_to_recover(planes):
    flat = grey(np.full((180, 240), 100.0))
    assert detail(grey(100 + planes[0]), flat, flat) == (0.0, 0.0)
