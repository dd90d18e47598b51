"""The live students: taught by pairs, by an IDM teacher, by the camera's own pixels and by what must not flicker."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import ClassVar

import torch
from torch import Tensor

from edge.pictures.image import Image
from trainer.data.fog_pairs import taught_without
from trainer.data.pictures import PictureStore
from trainer.data.student_items import StudentDataset, degradation, read_groups
from trainer.losses.student import StudentObjective, enhanced
from trainer.networks.student import dehazed
from trainer.networks.student_isr import AnyStudent, StudentIsr, dehazer_of
from trainer.stages.student_config import StudentInputs, StudentTraining, check
from trainer.stages.student_start import read_teachers, starting_network
from trainer.training.checkpoint import Tensors, described
from trainer.training.learner import Adam, Learner, Terms
from trainer.training.parallel import Placement
from trainer.training.schedules import warm_cosine
from trainer.training.stage import Stage, flat_settings, grid, to_device

NUM_PROBES = 4


class StudentStage(Stage):
    """One network, one objective."""

    kind: ClassVar[str] = "student"
    memory_advice: ClassVar[str] = (
        "student.batch, or student.frame_width_px and student.frame_height_px, or set student.loop.precision to bf16"
    )

    def __init__(
        self,
        config: StudentTraining,
        inputs: StudentInputs,
        names: Sequence[str],
        probes: tuple[Tensor, ...],
        place: Placement,
        data: Mapping[str, str],
    ) -> None:
        """
        Args:
            names: of the tensors in a batch (`data.Parts.names`).
            probes: a batch for the sample pictures.
            data: what the pictures were; part of the settings that a continued run must share.

        Raises:
            ConfigError: `init` is a student of another size.
            ModelError: `init` or a teacher is not readable, or another network.
        """
        torch.manual_seed(config.loop.seed)
        self.config, self.place, self.batch, self.steps = config, place, config.batch, config.steps
        self.names, self.probes = tuple(names), probes
        network, of_init = starting_network(config, inputs.init)
        self.teachers = read_teachers(config, inputs).to(place.device, config.loop.channels_last)
        self.learners = {"student": self._learner(network)}
        files = {"teacher": inputs.teacher, "isr_teacher": inputs.isr_teacher, "init": inputs.init}
        hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items() if path}
        self.settings = {**flat_settings(asdict(config), "student"), **hashes, **data}
        self.about = {f"{name}_sha256": of for name, of in hashes.items() if name != "init"}
        if inputs.init is not None:
            self.about["init"] = json.dumps(of_init)
        if config.data.fog == "families":
            self.about["fogs"] = ",".join(taught_without(config.data.left_out))

    def _learner(self, network: AnyStudent) -> Learner:
        config = self.config
        self.objective = objective = StudentObjective(network, self.names, config.weights(), self.teachers)
        rate_at = warm_cosine(config.learning_rate, config.steps, config.warmup_steps)
        arithmetic = replace(config.loop.arithmetic(), compile=False)
        learner = Learner({"student": network}, objective, Adam((0.9, 0.99), rate_at, clip=1.0), arithmetic, self.place)
        if config.loop.compile:  # no bilinear step: torch 2.13 compiles its backward to zero gradients on the CPU
            student = dehazer_of(network)
            student.grid = torch.compile(student.grid, dynamic=False)  # type: ignore[method-assign]
            if isinstance(network, StudentIsr):
                network.head.compile(dynamic=False)
        return learner

    def _parts(self, batch: tuple[Tensor, ...]) -> list[Tensor]:
        device, layout = self.place.device, self.config.loop.channels_last
        return [to_device(p, device, layout) if p.dtype == torch.uint8 else p.to(device) for p in batch]

    def step(self, batch: tuple[Tensor, ...], number: int) -> Terms:
        self.objective.counts_decibels = number >= self.config.decibels_from
        self.objective.counts_moments = number >= self.config.moments_from
        return self.learners["student"].move(number, *self._parts(batch))[0]

    @torch.no_grad()
    def sample(self) -> Image:
        """Rows of input, output and truth: of frames where there are any, else of pairs; real ones have no truth."""
        given = dict(zip(self.names, self._parts(self.probes), strict=True))
        learner = self.learners["student"]
        average: AnyStudent = learner.averages["student"]  # type: ignore[assignment]
        with learner.autocast():
            if "frame" in given:
                return grid([given["frame"], enhanced(average, given["frame"]), given["truth"]])
            lq = given["lq" if "lq" in given else "real"]
            columns = [lq, dehazed(dehazer_of(average), lq)]
            columns += [self.teachers.dehazed(lq)] if self.teachers.idm else []
            return grid([*columns, given["gt"]] if "gt" in given else columns)

    def products(self) -> Mapping[str, tuple[Tensors, Mapping[str, str]]]:
        average = self.learners["student"].averages["student"]
        kind, name = ("student_isr", "student-isr") if self.config.head == "isr" else ("student", "student")
        shape = replace(average.config, shrink=self.config.network.shrink)
        metadata = {**described(kind, shape), **self.about}
        return {f"{name}.safetensors": (average.state_dict(), metadata)}


def prepare_student(
    config: StudentTraining, inputs: StudentInputs, place: Placement, data: Mapping[str, str]
) -> tuple[StudentStage, StudentDataset]:
    """All that `loop.fit` needs, from the paths of pictures and teachers.

    Args:
        data: what the pictures were; part of the settings that a continued run must share.

    Raises:
        ConfigError: a setting, or a file that it needs.
        InputOutputError: a picture cannot be read or is too small.
        ModelError: a teacher or `init` does not fit.
    """
    check(config, inputs)
    parts = config.parts(len(inputs.lq))
    degrades = parts.pair or parts.later or parts.frame is not None
    groups = read_groups(config.data, inputs.clean, config.loop.cache_gib) if degrades else []
    real = PictureStore(inputs.lq if parts.real else [], config.loop.cache_gib)
    first_moment = config.moments_from * config.batch
    dataset = StudentDataset(groups, config.loop.seed, parts, real, degradation(config.data), first_moment)
    unseen = range(config.steps * config.batch, config.steps * config.batch + NUM_PROBES)
    probes = tuple(torch.stack(column) for column in zip(*(dataset[i] for i in unseen), strict=True))
    return StudentStage(config, inputs, parts.names(), probes, place, data), dataset
