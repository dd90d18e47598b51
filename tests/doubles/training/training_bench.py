"""Training on the CPU in seconds: a run to its end and what it leaves, and students small enough for it."""

import csv
from dataclasses import replace

import torch

from trainer.data.student_items import DataConfig
from trainer.networks.student import StudentConfig
from trainer.stages.student import prepare_student
from trainer.stages.student_config import StudentInputs, StudentTraining
from trainer.training.loop import LoopConfig, fit
from trainer.training.parallel import Placement

CPU = Placement(torch.device("cpu"))


def run_to_its_end(prepared, loop, folder, before=None):
    """Run what a `prepare_` function made; `before` gets the stage first."""
    stage, dataset = prepared
    if before is not None:
        before(stage)
    fit(stage, dataset, loop, folder, CPU, {"recipe": "test"})
    return stage


def losses(folder):
    """The rows of a run's losses.csv, numbers by name."""
    with (folder / "losses.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


SMALL = StudentConfig((8, 8, 8), (1, 1, 1))
TINY = StudentTraining(
    steps=4,
    batch=2,
    warmup_steps=2,
    width_px=112,
    height_px=64,
    frame_width_px=128,
    frame_height_px=72,
    head_feat=4,
    head_block=1,
    network=SMALL,
    data=DataConfig(hq_share=1.0, hq_tone=0.5),
    loop=LoopConfig(workers=0, threads=1, log_every=2, checkpoint_every=2, sample_every=50, compile=False),
)
EVERYTHING = {"distill_weight": 0.5, "temporal_weight": 0.5, "frame_weight": 0.5}
PALE_RED = (0.8, 0.6, 0.55)
"""The colour of every pixel that the teacher `idm.safetensors` of the fixture `files` gives."""


def inputs(files, **changes):
    hq = sorted(files.glob("hq*.png"))
    return replace(StudentInputs({"hq": hq}, teacher=files / "idm.safetensors"), **changes)


def prepared(files, config, **changes):
    return prepare_student(config, inputs(files, **changes), CPU, {"data": "test"})


def trained(files, folder, config, before=None, **changes):
    return run_to_its_end(prepared(files, config, **changes), config.loop, folder, before)
