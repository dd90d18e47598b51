"""KID as its paper defines it."""

import numpy as np
import pytest

from trainer.judging.comparing.kid import kid, kid_without_each


def samples():
    rng = np.random.default_rng(5)
    one = rng.normal(0, 1, (12, 8)).astype(np.float32)
    other = rng.normal(0.3, 1.2, (9, 8)).astype(np.float32)
    return one, np.vstack([other, rng.normal(0.3, 1.2, (3, 8)).astype(np.float32)])


def test_as_another_library_computes_it():
    """1.59171: torchmetrics 1.9.0, image.kid.poly_mmd of the two samples in float64."""
    assert kid(*samples()) == pytest.approx(1.5917145, rel=1e-5)


def test_by_hand():
    """One feature, {0, 1} and {0, 2}: 1 + 1 - 2 (1 + 1 + 1 + 27) / 4."""
    one, other = (np.array(values, np.float32)[:, None] for values in ((0, 1), (0, 2)))
    assert kid(one, other) == pytest.approx(1 + 1 - 2 * 30 / 4)


def test_it_is_unbiased():
    """Of one distribution: zero on average, not above."""
    rng = np.random.default_rng(1)
    found = [kid(*rng.normal(0, 1, (2, 10, 4)).astype(np.float32)) for _ in range(400)]
    assert abs(np.mean(found)) < 3 * np.std(found) / 20
    assert min(found) < 0


def test_a_source_is_left_out_of_both_sets():
    one, other = samples()
    sources = [str(number // 2) for number in range(12)]
    found = kid_without_each(one, other, sources, sources)
    assert len(found) == 6
    assert found[0] == pytest.approx(kid(one[2:], other[2:]))


def test_a_set_of_one_is_refused():
    with pytest.raises(ValueError, match="1 and 12"):
        kid(samples()[0][:1], samples()[1])
