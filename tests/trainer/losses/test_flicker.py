"""Flicker and the camera's own pixels as losses."""

import cv2
import numpy as np
import pytest
import torch

from trainer.data.student_items import moved
from trainer.judging.judged import tensor_from_picture
from trainer.losses.flicker import BORDER_PX, brought_back, guided_frame, shrunk, temporal_loss
from trainer.networks import guided
from trainer.networks.student import Student, StudentConfig

STILL = torch.tensor([[0.0, 0.0, 1.0]])


@pytest.fixture
def student():
    torch.manual_seed(2)
    network = Student(StudentConfig((8, 8, 8), (1, 1, 1)))
    torch.nn.init.normal_(network.head.weight, std=0.1)
    return network


def smooth(seed, height=96, width=128):
    noise = np.random.default_rng(seed).random((height, width, 3), np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 4), None, 0, 255, cv2.NORM_MINMAX).round().astype(np.uint8)


@pytest.mark.parametrize(
    "motion",
    [
        pytest.param((2.25, -1.5, 1.0), id="shift"),
        pytest.param((0.0, 0.0, 1.03), id="zoom"),
        pytest.param((-1.3, 2.4, 0.98), id="both"),
    ],
)
def test_motion_is_taken_back(motion):
    picture = smooth(1)
    motion = np.array(motion, np.float32)
    first, later = tensor_from_picture(picture), tensor_from_picture(moved(picture, motion))
    inside = (..., slice(BORDER_PX, -BORDER_PX), slice(BORDER_PX, -BORDER_PX))
    error = (brought_back(later, torch.from_numpy(motion)[None]) - first)[inside].abs().mean()
    assert error < 0.8 < 3.0 < (later - first)[inside].abs().mean()


def test_a_constant_error_does_not_flicker():
    error = torch.full((2, 3, 64, 96), 0.3)
    assert temporal_loss(error, error, STILL.expand(2, 3)).item() == pytest.approx(0, abs=1e-6)


def test_an_error_that_moves_with_the_tissue_does_not_flicker():
    motion = np.array((2.0, -1.0, 1.0), np.float32)
    first = smooth(3)
    errors = [tensor_from_picture(p) / 255 - 0.5 for p in (first, moved(first, motion))]
    assert temporal_loss(*errors, torch.from_numpy(motion)[None]).item() < 1e-3
    assert temporal_loss(*errors, STILL).item() > 0.02


@pytest.mark.parametrize(
    "change, expected",
    [
        pytest.param(torch.full((1, 3, 64, 96), 0.1), 0.1, id="brightness"),
        pytest.param(torch.full((1, 3, 64, 96), -0.1), 0.1, id="darkness"),
        pytest.param(0.1 * (-1.0) ** torch.arange(96).expand(1, 3, 64, 96), 0.0, id="noise within a cell"),
        pytest.param(0.1 * torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 64, 96), 0.1 / 3, id="colour"),
    ],
)
def test_flicker_by_hand(change, expected):
    error = torch.rand(1, 3, 64, 96)
    assert temporal_loss(error, error + change, STILL).item() == pytest.approx(expected, abs=1e-5)


def test_the_differentiable_frame_is_the_reference_before_its_rounding(student, tissue):
    levels = tensor_from_picture(tissue(144, 256, 5))
    with torch.no_grad():
        found = guided_frame(student, levels / 255) * 255
        small = guided.shrink(levels)
        gain, offset = student(small / 255)
        reference = guided.guided_x4(levels, (gain * small + offset * 255).clamp(0, 255), gain)
    assert (reference - levels).abs().mean() > 2
    assert (found.clamp(0, 255) - reference).abs().max() <= 0.5 + 1e-3


def test_the_gradient_reaches_gain_and_offset(student, tissue):
    frame = tensor_from_picture(tissue(144, 256, 5)) / 255
    (guided_frame(student, frame) - 0.5).square().mean().backward()
    of_gain, of_offset = student.head.bias.grad.chunk(2)
    assert of_gain.abs().min() > 1e-5 and of_offset.abs().min() > 1e-5


def test_a_frame_shrinks_to_the_very_levels_that_the_engine_sees():
    levels = torch.randint(0, 256, (1, 3, 64, 64)).float()
    assert torch.equal(shrunk(levels / 255), guided.shrink(levels) / 255)
