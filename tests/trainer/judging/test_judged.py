"""What each kind of network does to a picture, and how it is recognised."""

import cv2
import numpy as np
import pytest
import torch

from edge.basics.errors import ModelError
from trainer.judging.judged import dehaze, enhance, read_judged
from trainer.networks.resnet_generator import ResnetGenerator, ResnetGeneratorConfig
from trainer.networks.rrdb import Rrdb, RrdbConfig
from trainer.networks.student import Student, StudentConfig
from trainer.networks.student_isr import StudentIsr, StudentIsrConfig
from trainer.training.checkpoint import described, save_whole

SMALL = StudentConfig((8, 8, 8), (1, 1, 1))
NETWORKS = {
    "student": Student(SMALL),
    "student_isr": StudentIsr(StudentIsrConfig((8, 8, 8), (1, 1, 1), head_feat=4, head_block=1)),
    "resnet_generator": ResnetGenerator(ResnetGeneratorConfig(4, 1)),
    "rrdb": Rrdb(RrdbConfig(4, 1, 4)),
}


@pytest.fixture(scope="module")
def truth(tissue):
    return tissue(136, 240, 1)


@pytest.fixture
def saved(tmp_path):
    """Writes a network under a name, as its stage does; gives the path."""

    def save(kind, name):
        path = tmp_path / f"{name}.safetensors"
        path.parent.mkdir(exist_ok=True)
        save_whole(NETWORKS[kind].state_dict(), path, described(kind, NETWORKS[kind].config))
        return path

    return save


def test_an_identity_student_leaves_the_frame_as_it_is(truth):
    assert np.array_equal(enhance(Student(SMALL).eval(), truth), truth)


def test_a_constant_student_does_what_its_maps_say(truth):
    student = Student(SMALL).eval()
    with torch.no_grad():
        student.head.bias[3:] = 20 / 255
    brighter = dehaze(student, truth)
    assert np.array_equal(brighter, np.clip(truth.astype(int) + 20, 0, 255))


def test_a_new_learned_head_is_bilinear(truth):
    network = NETWORKS["student_isr"].eval()
    small = cv2.resize(truth, (60, 34), interpolation=cv2.INTER_AREA)
    expected = cv2.resize(small, (240, 136), interpolation=cv2.INTER_LINEAR)
    assert np.abs(enhance(network, truth).astype(int) - expected).max() <= 1


def test_an_idm_works_in_its_own_range(truth):
    """Its last layer is a tanh: whatever comes in, a network that says 0.5 gives levels of three quarters."""
    network = ResnetGenerator(ResnetGeneratorConfig(4, 1)).eval()
    last = [layer for layer in network.head if isinstance(layer, torch.nn.Conv2d)][-1]
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.constant_(last.bias, float(torch.atanh(torch.tensor(0.5))))
    assert np.array_equal(np.unique(dehaze(network, truth)), [191])


def test_each_kind_is_judged_by_what_it_does(saved):
    judged = read_judged([saved(kind, kind) for kind in NETWORKS])
    assert list(judged.students) == ["student", "student_isr"]
    assert list(judged.dehazers) == ["student", "student_isr", "resnet_generator"]
    assert list(judged.enlargers) == ["rrdb"]


def test_files_of_one_name_take_their_folders(saved):
    judged = read_judged([saved("student", "free/student"), saved("student", "research/student")])
    assert judged.names == ["free/student", "research/student"]


def test_rrdb_weights_of_other_projects_enlarge_as_they_are(tmp_path):
    network = Rrdb(RrdbConfig())
    path = tmp_path / "rrdb_x4.safetensors"
    save_whole({name: tensor.half() for name, tensor in network.state_dict().items()}, path, {})
    judged = read_judged([path])
    assert judged.names == list(judged.enlargers) == ["rrdb_x4"]
    one = next(iter(network.state_dict()))
    assert torch.equal(judged.enlargers["rrdb_x4"].state_dict()[one], network.state_dict()[one].half().float())


def test_what_cannot_be_judged(saved, tmp_path):
    path = saved("student", "student")
    with pytest.raises(ModelError, match=r"there is another .*student; give each file"):
        read_judged([path, path])
    save_whole({"a": torch.zeros(1)}, tmp_path / "other.safetensors", {"vgg": "{}"})
    with pytest.raises(ModelError, match=r"other\.safetensors: not a product of edge-train"):
        read_judged([tmp_path / "other.safetensors"])
