"""The live student: a small U-Net without normalisation layers that predicts smooth maps of gain and offset."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.networks.guided import GAIN_MAX, GAIN_MIN

CONFIDENCE_BIAS = 2.0
"""Where confidence begins, before the sigmoid."""


@dataclass(frozen=True)
class StudentConfig:
    """Size of the student.

    Attributes:
        num_feat: channels at 1/4, 1/8 and 1/16 of the network's input.
        num_conv: convolutions at each of these levels, on the way down; as many on the way up.
        fold: side of the pixel blocks that are folded into channels before the first convolution.
        shrink: side of the blocks whose mean the network sees in place of 480x270; the maps are smooth, so a smaller
            picture says as much of them for less.
        smoothing: nodes that each of two means over the maps takes in; without them the maps draw blotches of a node's
            size.
        confidence: whether a seventh map says how far to trust the other six; where it is 0 the picture is left alone.
        pivot: whether gain turns about the frame's mean colour, so that it changes contrast alone and the offset
            brightness alone; about black, neither can be learnt without the other.
        early_gate: whether a second gate stands before the deepest convolutions, so that they know the frame too.
        extremes: whether the gate sees each feature's largest value in the frame beside its mean.
    """

    num_feat: tuple[int, int, int] = (32, 48, 64)
    num_conv: tuple[int, int, int] = (1, 2, 4)
    fold: int = 4
    shrink: int = 1
    smoothing: int = 5
    confidence: bool = False
    extremes: bool = False
    pivot: bool = False
    early_gate: bool = False


class GlobalGate(nn.Module):
    """Scales and shifts features by their mean over the picture and, where asked, by their largest.

    Fog, exposure and tint are properties of the whole frame; what the darkest and the brightest places are tells a
    veil from a pale scene (the dark channel of He et al., CVPR 2009, is such a place).
    """

    def __init__(self, num_feat: int, extremes: bool = False) -> None:
        super().__init__()
        self.extremes = extremes
        self.squeeze = nn.Conv2d(num_feat * (2 if extremes else 1), num_feat, 1)
        self.scale = nn.Conv2d(num_feat, num_feat, 1)
        self.shift = nn.Conv2d(num_feat, num_feat, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        pooled_BC11 = x_BCHW.mean((2, 3), keepdim=True)
        if self.extremes:
            pooled_BC11 = torch.cat([pooled_BC11, x_BCHW.amax((2, 3), keepdim=True)], 1)
        of_frame_BC11 = F.relu(self.squeeze(pooled_BC11))
        return x_BCHW * torch.sigmoid(self.scale(of_frame_BC11)) * 2 + self.shift(of_frame_BC11)


def _convs(num_in: int, num_out: int, num_conv: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i in range(num_conv):
        layers += [nn.Conv2d(num_in if i == 0 else num_out, num_out, 3, padding=1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class Student(nn.Module):
    """RGB in [0, 1] -> gain and offset, so that `clean = gain * x + offset`.

    Both are predicted on a grid of one node per 4x4 pixels (16x16 of the camera's), smoothed and interpolated. So the
    network can lift a veil, but has no means to draw: every edge in the result is an edge of the input.

    A new student is the identity: gain 1, offset 0. Height and width are reflect-padded inside to a multiple
    of 4 * fold and cropped again, so any size goes in and the same comes out (270 rows become 272 and 270 again).
    """

    def __init__(self, config: StudentConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or StudentConfig()
        c1, c2, c3 = config.num_feat
        n1, n2, n3 = config.num_conv
        self.stem = _convs(3 * config.fold**2, c1, 1)
        self.down1 = _convs(c1, c1, n1)
        self.to2 = nn.Sequential(nn.Conv2d(c1, c2, 3, stride=2, padding=1), nn.ReLU(inplace=True))
        self.down2 = _convs(c2, c2, n2)
        self.to3 = nn.Sequential(nn.Conv2d(c2, c3, 3, stride=2, padding=1), nn.ReLU(inplace=True))
        if config.early_gate:
            self.gate0 = GlobalGate(c3, config.extremes)
        self.body = _convs(c3, c3, n3)
        self.gate = GlobalGate(c3, config.extremes)
        self.from3 = nn.Conv2d(c3, c2, 1)
        self.up2 = _convs(c2, c2, n2)
        self.from2 = nn.Conv2d(c2, c1, 1)
        self.up1 = _convs(c1, c1, n1)
        self.head = nn.Conv2d(c1, 7 if config.confidence else 6, 3, padding=1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        for layer in self.modules():
            if isinstance(layer, GlobalGate):
                nn.init.zeros_(layer.scale.weight)
                nn.init.zeros_(layer.shift.weight)
        nn.init.zeros_(self.head.weight)
        if config.confidence:  # a network that begins in doubt stays there: doubt takes the gradient from all else
            nn.init.constant_(self.head.bias[6:], CONFIDENCE_BIAS)  # type: ignore[index]

    def grid(self, padded_BCHW: Tensor) -> Tensor:
        """Log gain and offset at the nodes, not smoothed yet.

        (B, 3, H, W), sides multiples of 4 * fold -> (B, 6 or 7, H / fold, W / fold).
        """
        f1 = self.down1(self.stem(F.pixel_unshuffle(padded_BCHW - 0.5, self.config.fold)))
        f2 = self.down2(self.to2(f1))
        f3 = self.to3(f2)
        f3 = self.gate(self.body(self.gate0(f3) if self.config.early_gate else f3))
        f2 = self.up2(f2 + F.interpolate(self.from3(f3), scale_factor=2.0, mode="nearest"))
        f1 = self.up1(f1 + F.interpolate(self.from2(f2), scale_factor=2.0, mode="nearest"))
        nodes: Tensor = self.head(f1)
        return nodes

    def forward(self, x_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Returns gain in [0.5, 4] and offset, each (B, 3, H, W)."""
        if self.config.shrink == 1:
            return self.maps(x_BCHW)
        height, width = x_BCHW.shape[2:]
        shrink = self.config.shrink
        crosses = bool(height % shrink or width % shrink)  # cells that cross the border count what they hold
        small_BCHW = F.avg_pool2d(x_BCHW, shrink, ceil_mode=crosses)
        gain, offset = (
            F.interpolate(m, scale_factor=float(shrink), mode="bilinear", align_corners=False)[..., :height, :width]
            for m in self.maps(small_BCHW)
        )
        return gain, offset

    def maps(self, x_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """`forward` of a picture that is shrunk already, at its size."""
        height, width = x_BCHW.shape[2:]
        multiple = 4 * self.config.fold
        pad_bottom, pad_right = -height % multiple, -width % multiple
        padded = F.pad(x_BCHW, (0, pad_right, 0, pad_bottom), mode="reflect") if pad_bottom or pad_right else x_BCHW
        nodes = self.grid(padded)
        if nodes.dtype != torch.float32:  # autocast's bfloat16 would step an offset by half a level
            nodes = nodes.float()
        size = self.config.smoothing
        for _ in range(2):  # two means make a tent: a veil is smooth, what is not smooth is tissue
            nodes = F.avg_pool2d(nodes, size, 1, size // 2, count_include_pad=False)
        if self.config.confidence:
            nodes = nodes[:, :6] * torch.sigmoid(nodes[:, 6:])
        scale = float(self.config.fold)
        maps = F.interpolate(nodes, scale_factor=scale, mode="bilinear", align_corners=False)
        log_gain, offset = maps[..., :height, :width].chunk(2, 1)
        gain = torch.exp(log_gain).clamp(GAIN_MIN, GAIN_MAX)
        if self.config.pivot:
            offset = offset + x_BCHW.mean((2, 3), keepdim=True) * (1 - gain)
        return gain, offset


def dehazed(student: Student, lq_BCHW: Tensor) -> Tensor:
    """The student's result at its own size, not clamped."""
    gain_BCHW, offset_BCHW = student(lq_BCHW)
    return gain_BCHW * lq_BCHW + offset_BCHW
