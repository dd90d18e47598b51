"""The table [student]: what it takes, and what cannot teach anything."""

from dataclasses import replace

import pytest

from edge.basics.errors import ConfigError
from edge.basics.settings import from_table
from tests.doubles.training.training_bench import TINY, prepared
from trainer.data.student_items import DataConfig
from trainer.networks.student import StudentConfig
from trainer.stages.student_config import StudentTraining


@pytest.mark.parametrize(
    "changes, message",
    [
        pytest.param({"pair_weight": 0.0}, "all 0", id="no weight"),
        pytest.param({"pair_weight": 0.0, "temporal_weight": 1.0}, "all 0", id="flicker alone"),
        pytest.param({"distill_weight": 1.0}, "--teacher", id="no teacher"),
        pytest.param({"isr_distill_weight": 1.0}, "student.head to isr", id="x4 teacher without a head"),
        pytest.param({"isr_distill_weight": 1.0, "head": "isr"}, "--isr-teacher", id="no x4 teacher"),
        pytest.param({"head": "isr"}, "student.frame_weight = 0", id="head without frames"),
        pytest.param({"frame_width_px": 510}, "student.frame_width_px = 510: expected a multiple of 4", id="width"),
        pytest.param({"data": DataConfig()}, "every data share is 0", id="no data"),
    ],
)
def test_what_cannot_teach_is_refused(files, changes, message):
    with pytest.raises(ConfigError) as caught:
        prepared(files, replace(TINY, **changes), teacher=None)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_table_gives_the_networks_size():
    table = {"head": "isr", "network": {"num_feat": [8, 12, 16]}, "data": {"hq_share": 1}, "loop": {"seed": 5}}
    read = from_table(StudentTraining, table, "student", "x.toml")
    assert read.network == StudentConfig((8, 12, 16))
    assert (read.data.hq_share, read.loop.seed) == (1.0, 5)


@pytest.mark.parametrize(
    "table, message",
    [
        pytest.param({"network": {"num_feat": 8}}, "num_feat = 8: expected a list of 3", id="no list"),
        pytest.param({"network": {"num_feat": [8, 8]}}, r"num_feat = \[8, 8\]: expected a list of 3", id="too short"),
        pytest.param({"network": {"num_conv": [1, 2, "x"]}}, r"num_conv\[2\] = 'x'", id="no number"),
        pytest.param({"head": "bicubic"}, "one of guided, isr", id="head"),
        pytest.param({"temporal_weight": -1}, "at least 0", id="negative weight"),
    ],
)
def test_wrong_values_are_named_by_their_path(table, message):
    with pytest.raises(ConfigError, match=message):
        from_table(StudentTraining, table, "student", "x.toml")
