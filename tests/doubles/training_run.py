"""A short training run on the CPU: to its end, and what it leaves."""

import csv

import torch

from trainer.training.loop import fit
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
