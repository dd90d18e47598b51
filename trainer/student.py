"""Training of the live student on degraded real pictures."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm

from edge.errors import ModelError
from edge.settings import setting
from edge.whole_files import write_whole
from trainer.data import PairDataset
from trainer.losses import student_loss
from trainer.networks.student import Student, StudentConfig


@dataclass(frozen=True)
class Optimisation:
    """How the student is trained."""

    steps: int = setting(6000, "optimiser steps", low=1)
    batch: int = setting(8, "pairs a step", low=1)
    learning_rate: float = setting(1.5e-3, "peak learning rate of Adam", low=0.0)
    warmup_steps: int = setting(100, "steps of linear warm-up before the cosine decay", low=0)
    gradient_weight: float = setting(0.5, "weight of the gradient loss", low=0.0)
    squared_weight: float = setting(5.0, "weight of the squared error", low=0.0)
    ema_decay: float = setting(0.999, "decay of the averaged weights that are saved", low=0.0, high=1.0)
    seed: int = setting(1, "seed of data and weights", low=0)
    workers: int = setting(1, "processes that make pairs", low=0)
    threads: int = setting(2, "threads of the CPU's arithmetic", low=1)
    compile: bool = setting(True, "fuse the network with torch.compile")
    checkpoint_every: int = setting(200, "steps between checkpoints", low=1)


def learning_rate_at(step: int, config: Optimisation) -> float:
    """Linear warm-up, then a cosine to 1% of the peak (Loshchilov & Hutter, ICLR 2017, eq. 5)."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    span = max(1, config.steps - config.warmup_steps)
    share = min(1.0, (step - config.warmup_steps) / span)
    return config.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))


def update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Exponential moving average of the weights, in place."""
    with torch.no_grad():
        for kept, new in zip(average.parameters(), network.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)


def save_whole(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    """Write a safetensors file that is complete or absent."""
    write_whole(path, save({name: tensor.contiguous() for name, tensor in tensors.items()}, metadata))


class _Run:
    """A student in training with everything that a checkpoint holds."""

    def __init__(self, shape: StudentConfig, config: Optimisation, folder: Path, description: dict[str, str]) -> None:
        self.config = config
        self.folder = folder
        self.description = {"student": json.dumps(asdict(shape)), **description}
        self.network, self.average = Student(shape), Student(shape)
        self.average.load_state_dict(self.network.state_dict())
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate, betas=(0.9, 0.99))
        self.losses: list[float] = []

    @property
    def state_path(self) -> Path:
        return self.folder / "state.safetensors"

    @property
    def weights_path(self) -> Path:
        return self.folder / "student.safetensors"

    def begin_from(self, checkpoint: Path) -> None:
        started, of = student_from_checkpoint(checkpoint)
        for student in (self.network, self.average):
            student.load_state_dict(started.state_dict())
        self.description["init"] = json.dumps({k: v for k, v in of.items() if k != "student"})

    def restore(self) -> None:
        tensors = load_file(self.state_path)
        with safe_open(self.state_path, "pt") as file:
            self.losses = json.loads(file.metadata()["losses"])
        for name, student in (("network.", self.network), ("average.", self.average)):
            student.load_state_dict({k.removeprefix(name): v for k, v in tensors.items() if k.startswith(name)})
        state: dict[int, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            if key.startswith("adam."):
                _, number, name = key.split(".")
                state.setdefault(int(number), {})[name] = tensor
        self.optimiser.load_state_dict({"state": state, "param_groups": self.optimiser.state_dict()["param_groups"]})

    def save(self) -> None:
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        for number, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{number}.{name}": torch.as_tensor(value) for name, value in state.items()}
        save_whole(tensors, self.state_path, {"losses": json.dumps(self.losses)})
        described = {**self.description, "steps": str(len(self.losses))}
        save_whole(dict(self.average.state_dict()), self.weights_path, described)
        rows = [f"{step},{loss}\n" for step, loss in enumerate(self.losses, 1)]
        write_whole(self.folder / "losses.csv", "".join(["step,loss\n", *rows]).encode())

    def step(self, lq_BCHW: Tensor, gt_BCHW: Tensor) -> None:
        number = len(self.losses)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate_at(number, self.config)
        gain_BCHW, offset_BCHW = self.network(lq_BCHW)
        out_BCHW = gain_BCHW * lq_BCHW + offset_BCHW
        loss = student_loss(out_BCHW, gt_BCHW, self.config.gradient_weight, self.config.squared_weight)
        if not torch.isfinite(loss):
            raise ModelError(f"{self.folder}: loss is {loss.item()} at step {number}; lower the learning rate")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        update_average(self.average, self.network, min(self.config.ema_decay, (number + 1) / (number + 10)))
        self.losses.append(float(f"{loss.item():.6g}"))


def _batches(pairs: PairDataset, config: Optimisation, first_step: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The same batches in the same order, whether the run was cut or not."""
    rest = Subset(pairs, range(first_step * config.batch, config.steps * config.batch))
    loader = DataLoader(rest, config.batch, num_workers=config.workers, prefetch_factor=4 if config.workers else None)
    return ((lq.float() / 255, gt.float() / 255) for lq, gt in loader)


def train_student(
    pairs: PairDataset,
    shape: StudentConfig,
    config: Optimisation,
    folder: Path,
    description: dict[str, str],
    init: Path | None = None,
) -> Path:
    """Train, writing `state.safetensors` (to go on), `student.safetensors` (averaged weights) and `losses.csv`.

    A folder that holds a state goes on from it; the row of batches is the same as in an uncut run.

    Args:
        description: what data the pairs were made from; travels in the checkpoint's metadata.
        init: a student's checkpoint to start from; its own description joins this one's as `init`.

    Returns:
        The path of `student.safetensors`.

    Raises:
        ModelError: the loss is no longer a number; the last checkpoint is kept.
    """
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(shape, config, folder, description)
    if init is not None:
        run.begin_from(init)
    if run.state_path.exists():
        run.restore()
    if config.compile:  # the grid alone: torch 2.13 compiles the bilinear step's backward to zero gradients on the CPU
        run.network.grid = torch.compile(run.network.grid)  # type: ignore[method-assign]
    with tqdm(total=config.steps, initial=len(run.losses), unit="step", mininterval=2, dynamic_ncols=True) as bar:
        for lq_BCHW, gt_BCHW in _batches(pairs, config, len(run.losses)):
            run.step(lq_BCHW, gt_BCHW)
            bar.set_postfix(loss=f"{mean(run.losses[-50:]):.4f}")
            bar.update()
            if len(run.losses) % config.checkpoint_every == 0:
                run.save()
    run.save()
    return run.weights_path


def student_from_checkpoint(path: Path) -> tuple[Student, dict[str, str]]:
    """Read averaged weights and what the checkpoint says of itself.

    Raises:
        ModelError: missing, damaged, or a checkpoint of another network.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = dict(file.metadata() or {})
        shape = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(metadata["student"]).items()}
        network = Student(StudentConfig(**shape))
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: not a readable checkpoint ({error}); train one with edge-train student") from error
    except (KeyError, TypeError, RuntimeError) as error:
        raise ModelError(f"{path}: not a student's checkpoint ({error}); expected student.safetensors") from error
    return network.eval(), metadata
