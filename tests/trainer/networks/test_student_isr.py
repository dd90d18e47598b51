"""The student with a learned x4 head."""

import pytest
import torch
import torch.nn.functional as F

from edge.basics.errors import ModelError
from trainer.networks.from_checkpoint import student_from_checkpoint, student_isr_from_checkpoint
from trainer.networks.student_isr import StudentIsr, StudentIsrConfig
from trainer.training.checkpoint import described, save_whole

SMALL = StudentIsrConfig((8, 8, 8), (1, 1, 1), head_feat=4, head_block=1)


def bilinear_x4(x):
    return F.interpolate(x, scale_factor=4.0, mode="bilinear", align_corners=False)


def test_a_new_network_is_bilinear_x4():
    x = torch.rand(1, 3, 72, 128)
    assert torch.equal(StudentIsr(SMALL)(x), bilinear_x4(x))


def test_size_and_work_fit_the_live_profile():
    network = StudentIsr()
    assert sum(p.numel() for p in network.parameters()) == 431_798
    at_480x270 = sum(p.numel() for p in network.head.parameters() if p.ndim == 4) * 480 * 270
    assert at_480x270 == pytest.approx(13.96e9, rel=0.01)


def test_the_head_adds_to_what_the_student_dehazed():
    network = StudentIsr(SMALL)
    x = torch.rand(2, 3, 32, 48) * 0.5
    with torch.no_grad():
        network.student.head.bias[3:] = 0.2
        assert torch.allclose(network(x), bilinear_x4(x + 0.2), atol=1e-6)
        network.head.last.bias[:] = 0.1
        dehazed, enlarged = network.parts(x)
    assert torch.allclose(dehazed, x + 0.2)
    assert torch.allclose(enlarged, bilinear_x4(x + 0.2) + 0.1, atol=1e-6)


def test_every_parameter_learns_once_the_head_has_moved():
    network = StudentIsr(SMALL)
    for layer in (network.head.last, network.student.head, network.student.gate.scale, network.student.gate.shift):
        torch.nn.init.normal_(layer.weight, std=0.05)
    network(torch.rand(1, 3, 32, 48)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_the_result_stays_float32_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        assert StudentIsr(SMALL)(torch.rand(1, 3, 32, 48)).dtype == torch.float32


def test_files_come_back_and_say_what_they_are(tmp_path):
    network = StudentIsr(SMALL)
    torch.nn.init.normal_(network.head.last.weight)
    path = tmp_path / "student-isr.safetensors"
    save_whole(network.state_dict(), path, {**described("student_isr", SMALL), "recipe": "test"})
    read, of = student_isr_from_checkpoint(path)
    x = torch.rand(1, 3, 32, 48)
    assert read.config == SMALL and of["recipe"] == "test"
    assert torch.equal(read(x), network(x))
    with pytest.raises(ModelError, match="it holds student_isr"):
        student_from_checkpoint(path)
