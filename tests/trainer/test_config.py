"""The configurations that are shipped."""

from dataclasses import replace

import pytest

from trainer.config import CONFIGS, TrainerConfig, read_config


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_configs_are_valid(path):
    config = read_config(path.stem)
    assert min(config.idm.batch, config.isr.batch, config.student.steps) >= 1


def test_the_papers_config_is_the_defaults_written_out():
    """Each number of the paper stands in the file, and the defaults beside their owners say the same."""
    written, defaults = read_config("paper"), TrainerConfig()
    cadence = {"checkpoint_every": 0, "sample_every": 0}
    for stage in ("idm", "isr"):
        one, other = getattr(written, stage), getattr(defaults, stage)
        assert replace(one, loop=replace(one.loop, **cadence)) == replace(other, loop=replace(other.loop, **cadence))
