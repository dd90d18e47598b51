"""What a student's run begins with: weights trained before, and teachers of the right kind."""

import json
from dataclasses import replace

import pytest
import torch

from edge.basics.errors import ConfigError, ModelError
from tests.doubles.training.training_bench import SMALL, TINY, prepared, trained
from trainer.networks.from_checkpoint import student_from_checkpoint, student_isr_from_checkpoint
from trainer.networks.student import Student, StudentConfig
from trainer.networks.student_isr import StudentIsr, StudentIsrConfig
from trainer.training.checkpoint import described, save_whole


@pytest.mark.parametrize(
    "changes, message",
    [
        pytest.param({"teacher": "isr.safetensors"}, "it holds rrdb; expected what edge-train idm writes", id="idm"),
        pytest.param({"isr_teacher": "idm.safetensors"}, "expected what edge-train isr writes", id="isr"),
        pytest.param({"init": "idm.safetensors"}, "expected what edge-train student writes", id="init"),
        pytest.param({"teacher": "none.safetensors"}, "not a readable checkpoint", id="missing"),
    ],
)
def test_teachers_of_another_kind_are_refused(files, changes, message):
    config = replace(TINY, head="isr", distill_weight=1.0, frame_weight=1.0, isr_distill_weight=1.0)
    paths = {"isr_teacher": files / "isr.safetensors", **{key: files / name for key, name in changes.items()}}
    with pytest.raises(ModelError, match=message):
        prepared(files, config, **paths)


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """student.safetensors and student-isr.safetensors with weights and a history."""
    folder = tmp_path_factory.mktemp("init")
    for name, kind, network in (
        ("student", "student", Student(SMALL)),
        ("student-isr", "student_isr", StudentIsr(StudentIsrConfig((8, 8, 8), (1, 1, 1), head_feat=4, head_block=1))),
    ):
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.05)
        metadata = {**described(kind, network.config), "recipe": "before", "steps": "7"}
        save_whole(network.state_dict(), folder / f"{name}.safetensors", metadata)
    return folder


@pytest.mark.parametrize(
    "head, init, loaded",
    [
        pytest.param("guided", "student", "", id="student"),
        pytest.param("isr", "student-isr", "", id="student with head"),
        pytest.param("isr", "student", "student.", id="student without its head"),
    ],
)
def test_a_run_begins_from_init_and_says_so(files, started, head, init, loaded):
    path = started / f"{init}.safetensors"
    stage, _ = prepared(files, replace(TINY, head=head, frame_weight=1.0), init=path)
    load = student_isr_from_checkpoint if init == "student-isr" else student_from_checkpoint
    held = load(path)[0].state_dict()
    for network in (stage.learners["student"].networks["student"], stage.learners["student"].averages["student"]):
        mine = network.state_dict()
        assert all(torch.equal(mine[loaded + key], value) for key, value in held.items())
    ((_, metadata),) = stage.products().values()
    assert json.loads(metadata["init"]) == {"recipe": "before", "steps": "7"}


def test_an_init_of_another_size_is_refused(files, started):
    config = replace(TINY, network=StudentConfig((8, 8, 16), (1, 1, 1)))
    with pytest.raises(ConfigError, match=r"student\.network\.num_feat = \(8, 8, 16\).*\(8, 8, 8\)"):
        prepared(files, config, init=started / "student.safetensors")


def test_a_run_goes_on_only_with_the_same_init(files, started, tmp_path):
    trained(files, tmp_path, TINY, init=started / "student.safetensors")
    with pytest.raises(ConfigError, match="begun with init"):
        trained(files, tmp_path, TINY)
