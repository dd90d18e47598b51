"""The graphs of a guided profile, as torch modules ready for tracing."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainer import guided
from trainer.networks.student import Student


class GuidedDehazer(nn.Module):
    """The student with the guided step's half at network size: what the CPU engine runs.

    Inputs `shrunk` uint8 (1, h, w, 3) and `activity` uint8 (1, h, w, 1); outputs `slope` and `intercept`, float32 (h,
    w, 3).
    """

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.student = student

    def coefficients(self, shrunk_BCHW: Tensor, activity_B1HW: Tensor) -> tuple[Tensor, Tensor]:
        gain_BCHW, offset_BCHW = self.student(shrunk_BCHW / 255)
        dehazed_BCHW = (gain_BCHW * shrunk_BCHW + offset_BCHW * 255).clamp(0, 255)
        return guided.coefficients(shrunk_BCHW, dehazed_BCHW, gain_BCHW, activity_B1HW)

    def forward(self, shrunk: Tensor, activity: Tensor) -> tuple[Tensor, Tensor]:
        slope, intercept = self.coefficients(shrunk.permute(0, 3, 1, 2).float(), activity.permute(0, 3, 1, 2).float())
        return slope[0].permute(1, 2, 0), intercept[0].permute(1, 2, 0)


class GuidedPipeline(nn.Module):
    """The whole way of a frame: `frame` uint8 (1, 1080, 1920, 3) -> `enhanced`, same type and shape."""

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.dehazer = GuidedDehazer(student)

    def forward(self, frame: Tensor) -> Tensor:
        frame_BCHW = frame.permute(0, 3, 1, 2).float()
        maps = self.dehazer.coefficients(guided.shrink(frame_BCHW), guided.detail_activity(frame_BCHW))
        return guided.carry(frame_BCHW, *maps).permute(0, 2, 3, 1).to(torch.uint8)
