"""The way of a frame as torch modules, one per way to enlarge, ready for tracing.

Every pipeline takes `frame` uint8 (1, 1080, 1920, 3) and gives `enhanced`, same type and shape. Networks hang at the
attributes `student`, `idm` and `isr`, so that the graph's nodes are called after them; what runs in half precision is
chosen by these names (`export/precisions/fp16.py`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edge.pictures.geometry import SCALE
from trainer.networks import guided
from trainer.networks.idm_in_use import dehazed
from trainer.networks.resnet_generator import ResnetGenerator


class StudentDehazer(nn.Module):
    """4x4 mean in levels -> the dehazed picture in levels and the student's own gain, (B, 3, h, w) each."""

    def __init__(self, student: nn.Module) -> None:
        super().__init__()
        self.student = student

    def forward(self, shrunk_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        gain_BCHW, offset_BCHW = self.student(shrunk_BCHW / 255)
        return (gain_BCHW * shrunk_BCHW + offset_BCHW * 255).clamp(0, 255), gain_BCHW


class IdmDehazer(nn.Module):
    """4x4 mean in levels -> the dehazed picture in levels, and the gain of its local contrast."""

    def __init__(self, idm: ResnetGenerator) -> None:
        super().__init__()
        self.idm = idm

    def dehazed(self, shrunk_BCHW: Tensor) -> Tensor:
        out = (dehazed(self.idm, shrunk_BCHW / 127.5 - 1) + 1) * 127.5
        return out.clamp(0, 255)

    def forward(self, shrunk_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        dehazed_BCHW = self.dehazed(shrunk_BCHW)
        return dehazed_BCHW, guided.contrast_gain(dehazed_BCHW, shrunk_BCHW)


class GuidedDehazer(nn.Module):
    """A dehazer with the guided step's half at network size: what the CPU engine runs.

    Inputs `shrunk` uint8 (1, h, w, 3) and `activity` uint8 (1, h, w, 1); outputs `slope` and `intercept`, float32 (h,
    w, 3).
    """

    def __init__(self, dehazer: nn.Module) -> None:
        super().__init__()
        self.dehazer = dehazer

    def coefficients(self, shrunk_BCHW: Tensor, activity_B1HW: Tensor) -> tuple[Tensor, Tensor]:
        return guided.coefficients(shrunk_BCHW, *self.dehazer(shrunk_BCHW), activity_B1HW)

    def forward(self, shrunk: Tensor, activity: Tensor) -> tuple[Tensor, Tensor]:
        slope, intercept = self.coefficients(shrunk.permute(0, 3, 1, 2).float(), activity.permute(0, 3, 1, 2).float())
        slope = slope.expand_as(intercept)  # a gain of local contrast is one for all channels
        return slope[0].permute(1, 2, 0), intercept[0].permute(1, 2, 0)


class GuidedPipeline(nn.Module):
    """Carries what the dehazer did to the camera's own pixels."""

    def __init__(self, dehazer: nn.Module) -> None:
        super().__init__()
        self.guided = GuidedDehazer(dehazer)

    def forward(self, frame: Tensor) -> Tensor:
        frame_BCHW = _planes(frame)
        maps = self.guided.coefficients(guided.shrink(frame_BCHW), guided.detail_activity(frame_BCHW))
        return _levels(guided.carry(frame_BCHW, *maps))


class BicubicPipeline(nn.Module):
    """The dehazed picture, enlarged without the camera's detail and without a network."""

    def __init__(self, dehazer: nn.Module) -> None:
        super().__init__()
        self.dehazer = dehazer

    def forward(self, frame: Tensor) -> Tensor:
        dehazed_BCHW, _ = self.dehazer(guided.shrink(_planes(frame)))
        return _levels(F.interpolate(dehazed_BCHW, scale_factor=float(SCALE), mode="bicubic", align_corners=False))


class JointPipeline(nn.Module):
    """One network that dehazes and enlarges, RGB in [0, 1] both."""

    def __init__(self, student: nn.Module) -> None:
        super().__init__()
        self.student = student

    def forward(self, frame: Tensor) -> Tensor:
        return _levels(self.student(guided.shrink(_planes(frame)) / 255) * 255)


class Shrunk(nn.Module):
    """The part before a super-resolution network: `frame` -> `dehazed`, RGB in [0, 1] (1, 3, 270, 480)."""

    def __init__(self, dehazer: nn.Module) -> None:
        super().__init__()
        self.dehazer = dehazer

    def forward(self, frame: Tensor) -> Tensor:
        shrunk_BCHW = guided.shrink(_planes(frame))
        if isinstance(self.dehazer, IdmDehazer):  # its gain is not asked for, and no dead nodes are left
            return self.dehazer.dehazed(shrunk_BCHW) / 255
        out: Tensor = self.dehazer(shrunk_BCHW)[0] / 255
        return out


class Shown(nn.Module):
    """The part after a super-resolution network: `enlarged`, about [0, 1] (1, 3, 1080, 1920) -> `enhanced`."""

    def forward(self, enlarged: Tensor) -> Tensor:
        return _levels(enlarged * 255)


class IsrPipeline(nn.Module):
    """Dehazer, then super-resolution network: what the spliced graph is held to."""

    def __init__(self, dehazer: nn.Module, isr: nn.Module) -> None:
        super().__init__()
        self.before, self.isr, self.after = Shrunk(dehazer), isr, Shown()

    def forward(self, frame: Tensor) -> Tensor:
        out: Tensor = self.after(self.isr(self.before(frame)))
        return out


def _planes(frame: Tensor) -> Tensor:
    """Widened before anything else: TensorRT takes uint8 at the ends of a graph alone, and only into a cast."""
    return frame.float().permute(0, 3, 1, 2)


def _levels(x_BCHW: Tensor) -> Tensor:
    """Rounded half to even, clamped to [0, 255], as pixels."""
    return torch.round(x_BCHW).clamp(0, 255).permute(0, 2, 3, 1).to(torch.uint8)
