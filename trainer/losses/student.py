"""All that a student is judged by, in one sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trainer.losses.distances import decibel_loss, harm_loss, pixel_loss, student_loss
from trainer.losses.flicker import guided_frame, shrunk, temporal_loss
from trainer.networks.idm_in_use import dehazed as in_use
from trainer.networks.resnet_generator import ResnetGenerator
from trainer.networks.rrdb import Rrdb
from trainer.networks.student import Student, dehazed
from trainer.networks.student_isr import AnyStudent, StudentIsr, dehazer_of
from trainer.training.learner import Terms


@dataclass(frozen=True)
class StudentWeights:
    """Weights of the terms; 0 leaves one out. `gradient` and `squared` are within `pair` and `frame`."""

    pair: float
    distill: float
    temporal: float
    frame: float
    isr_distill: float
    gradient: float
    squared: float
    decibel: float = 0.0
    harm: float = 0.0


@dataclass(frozen=True)
class Teachers:
    """Frozen networks that the student shall match; None where nothing asks for one."""

    idm: ResnetGenerator | None = None
    isr: Rrdb | None = None

    @torch.no_grad()
    def dehazed(self, lq_BCHW: Tensor) -> Tensor:
        """G(lq) of the paper's dehazing module, in [0, 1]."""
        assert self.idm is not None
        return (in_use(self.idm, lq_BCHW * 2 - 1).float() + 1) / 2

    @torch.no_grad()
    def enlarged(self, dehazed_BCHW: Tensor) -> Tensor:
        """What the paper's super-resolution module makes of the student's own dehazed picture: its x4 step alone."""
        assert self.isr is not None
        out: Tensor = self.isr(dehazed_BCHW.clamp(0, 1)).float()
        return out

    def to(self, device: torch.device, channels_last: bool) -> Teachers:
        layout = torch.channels_last if channels_last else torch.contiguous_format
        for network in (self.idm, self.isr):
            if network is not None:
                network.requires_grad_(False).to(device, memory_format=layout)  # type: ignore[call-overload]
        return self


def enhanced(network: AnyStudent, frame_BCHW: Tensor) -> Tensor:
    """The whole profile, neither rounded nor clamped; sides divisible by 4."""
    if isinstance(network, StudentIsr):
        out: Tensor = network(shrunk(frame_BCHW))
        return out
    return guided_frame(network, frame_BCHW)


class StudentObjective(nn.Module):
    """The weighted sum of a student's losses over the parts of an item."""

    def __init__(self, network: AnyStudent, names: Sequence[str], weights: StudentWeights, teachers: Teachers) -> None:
        """`names` are those of the tensors that `forward` takes (`data.Parts.names`)."""
        super().__init__()
        self.network, self.names, self.weights = network, tuple(names), weights
        self._teachers = teachers  # no module: its networks are not trained here
        self.counts_decibels = self.counts_moments = True

    def forward(self, *parts: Tensor) -> tuple[Terms, None]:
        """Pictures in [0, 1], `motion` in pixels."""
        given = dict(zip(self.names, parts, strict=True))
        terms = self._at_network_size(given)
        if "frame" in given:
            terms |= self._at_full_size(given["frame"], given["truth"])
        weighted = [self._weight(name) * term for name, term in terms.items()]
        return {"total": torch.stack(weighted).sum(), **terms}, None

    def _weight(self, name: str) -> float:
        counts = self.counts_decibels or name not in ("decibel", "harm")
        return float(getattr(self.weights, name)) if counts else 0.0

    def _at_network_size(self, given: Mapping[str, Tensor]) -> Terms:
        seen = ("lq", "later_lq", "real") if self.counts_moments else ("lq", "real")
        shown = [name for name in seen if name in given]
        if not shown:
            return {}
        # One pass for all of them: no layer mixes the pictures of a batch.
        together = dehazed(dehazer_of(self.network), torch.cat([given[name] for name in shown]))
        results = dict(zip(shown, together.chunk(len(shown)), strict=True))
        terms: Terms = {}
        if self.weights.pair:
            terms["pair"] = self._distance(results["lq"], given["gt"])
        if self.weights.decibel:
            terms["decibel"] = decibel_loss(results["lq"], given["gt"])
        if self.weights.harm:
            terms["harm"] = harm_loss(results["lq"], given["lq"], given["gt"])
        if self.weights.temporal and self.counts_moments:
            errors = (results["lq"] - given["gt"], results["later_lq"] - given["later_gt"])
            terms["temporal"] = temporal_loss(*errors, given["motion"])
        elif self.weights.temporal:
            terms["temporal"] = results["lq"].new_zeros(())
        if self.weights.distill:
            of = "real" if "real" in given else "lq"
            terms["distill"] = pixel_loss(results[of], self._teachers.dehazed(given[of]))
        return terms

    def _at_full_size(self, frame_BCHW: Tensor, truth_BCHW: Tensor) -> Terms:
        if isinstance(self.network, Student):
            return {"frame": self._distance(guided_frame(self.network, frame_BCHW), truth_BCHW)}
        dehazed_BCHW, enlarged_BCHW = self.network.parts(shrunk(frame_BCHW))
        terms: Terms = {}
        if self.weights.frame:
            terms["frame"] = self._distance(enlarged_BCHW, truth_BCHW)
        if self.weights.isr_distill:
            terms["isr_distill"] = pixel_loss(enlarged_BCHW, self._teachers.enlarged(dehazed_BCHW))
        return terms

    def _distance(self, out_BCHW: Tensor, gt_BCHW: Tensor) -> Tensor:
        return student_loss(out_BCHW, gt_BCHW, self.weights.gradient, self.weights.squared)
