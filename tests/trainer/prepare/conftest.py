"""A folder to prepare."""

import pytest

from tests.doubles.training.prepare_bench import put, scene


@pytest.fixture
def sorted_folder(tmp_path):
    """lq/ and hq/ of four pictures each, and two outside them."""
    names = [*(f"lq/{n}.png" for n in range(4)), *(f"hq/{n}.png" for n in range(4)), "mid/0.png", "1.png"]
    return put(tmp_path / "pictures", {name: scene(seed) for seed, name in enumerate(names)})
