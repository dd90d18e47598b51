"""The paper's claim, at a size that a CPU can train: with eq. (4) the generator stays nearer to what it was given."""

from statistics import mean

import pytest

from benchmarks.training.perceptual_term import compared, render, small, unpaired
from tests.paths import DATA

VGG16 = DATA / "weights" / "vgg16_features_to_pool2.safetensors"


@pytest.mark.slow
@pytest.mark.skipif(not VGG16.exists(), reason=f"no VGG16 weights at {VGG16}")
def test_the_perceptual_loss_keeps_structure_at_equal_adversarial_loss(tmp_path):
    render(tmp_path, 20)
    config = small(str(VGG16), steps=240, rate=1e-3)
    pairs = compared(config, unpaired(tmp_path, config), seed=4, every=20, warmup=100, tolerance=0.02)
    assert len(pairs) >= 3

    def both(name):
        return [mean(getattr(pair[side], name) for pair in pairs) for side in (0, 1)]

    adversarial, distance, likeness = both("adversarial"), both("distance"), both("likeness")
    assert adversarial[0] == pytest.approx(adversarial[1], abs=0.02)
    assert distance[0] < 0.9 * distance[1]
    assert likeness[0] > likeness[1] + 0.02
