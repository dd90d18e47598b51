"""The live student with a learned x4 head in place of the guided step: the dehazer of profile `live-isr`."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edge.pictures.geometry import SCALE
from trainer.networks.student import Student, StudentConfig


@dataclass(frozen=True)
class StudentIsrConfig(StudentConfig):
    """Size of the student and of its head; the defaults are 0.42 M parameters and 14.5 GMAC at 480x270.

    Attributes:
        head_feat: channels of the head.
        head_block: pairs of convolutions in the head.
    """

    head_feat: int = 32
    head_block: int = 5


class _Pair(nn.Module):
    """Two convolutions, added to their input; the last starts small, so that a row of pairs starts near identity."""

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.second = nn.Conv2d(num_feat, num_feat, 3, padding=1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        out: Tensor = x_BCHW + self.second(F.relu(self.first(x_BCHW)))
        return out


class UpscaleHead(nn.Module):
    """Dehazed picture in [0, 1] and its gain -> what bilinear x4 lacks, (B, 3, 4H, 4W).

    The work is done at the small size and unfolded at the end (Shi et al., CVPR 2016); pairs of convolutions without
    normalisation as in EDSR (Lim et al., CVPR Workshops 2017). The gain goes in because it says how far the sensor's
    noise was lifted. A new head gives 0.
    """

    def __init__(self, num_feat: int, num_block: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(6, num_feat, 3, padding=1)
        self.body = nn.Sequential(*(_Pair(num_feat) for _ in range(num_block)))
        self.last = nn.Conv2d(num_feat, 3 * SCALE**2, 3, padding=1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        with torch.no_grad():
            for layer in self.modules():
                if isinstance(layer, _Pair):
                    layer.second.weight.mul_(0.1)
        nn.init.zeros_(self.last.weight)

    def forward(self, dehazed_BCHW: Tensor, gain_BCHW: Tensor) -> Tensor:
        feat = F.relu(self.first(torch.cat([dehazed_BCHW - 0.5, torch.log(gain_BCHW)], 1)))
        return F.pixel_shuffle(self.last(feat + self.body(feat)), SCALE)


class StudentIsr(nn.Module):
    """RGB in [0, 1] (B, 3, H, W) -> RGB (B, 3, 4H, 4W), about [0, 1] and not clamped.

    Bilinear x4 of the student's dehazed picture, plus the head. A new network is bilinear x4 of its input.
    """

    def __init__(self, config: StudentIsrConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or StudentIsrConfig()
        self.student = Student(StudentConfig(*(getattr(config, field.name) for field in fields(StudentConfig))))
        self.head = UpscaleHead(config.head_feat, config.head_block)

    def parts(self, x_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """The dehazed picture (B, 3, H, W), not clamped, and the enlarged one."""
        gain_BCHW, offset_BCHW = self.student(x_BCHW)
        dehazed_BCHW = gain_BCHW * x_BCHW + offset_BCHW
        shown_BCHW = dehazed_BCHW.clamp(0, 1)
        detail_BCHW = self.head(shown_BCHW, gain_BCHW)
        if detail_BCHW.dtype != torch.float32:
            detail_BCHW = detail_BCHW.float()
        base_BCHW = F.interpolate(shown_BCHW, scale_factor=float(SCALE), mode="bilinear", align_corners=False)
        return dehazed_BCHW, base_BCHW + detail_BCHW

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.parts(x_BCHW)[1]


AnyStudent = Student | StudentIsr


def dehazer_of(network: AnyStudent) -> Student:
    return network.student if isinstance(network, StudentIsr) else network
