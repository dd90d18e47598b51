"""The configurations that are shipped."""

from dataclasses import replace

import pytest

from edge.basics.errors import ConfigError
from trainer.config import TrainerConfig, read_config
from trainer.early import CONFIGS


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


def test_a_config_that_extends_another_says_only_what_differs():
    live, fast = read_config("live").student, read_config("live-fast").student
    assert fast.network.num_feat == (16, 24, 32) != live.network.num_feat
    alike = replace(fast, network=live.network, steps=live.steps)
    assert replace(alike, decibels_from=live.decibels_from, moments_from=live.moments_from) == live


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('extends = "gone"', r"gone\.toml: cannot be read .*shipped configs: .*live", id="missing"),
        pytest.param('extends = "bad"', r"bad\.toml: not TOML", id="not TOML"),
    ],
)
def test_what_a_config_extends_must_be_there_and_readable(tmp_path, text, message):
    (tmp_path / "bad.toml").write_text("[student")
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_config(str(tmp_path / "own.toml"))
