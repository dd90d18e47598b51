"""The one training loop: batches in, steps, losses, samples and checkpoints out."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch
from torch.utils.data import DataLoader, Dataset
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from edge.basics.errors import EdgeError, InputOutputError, ModelError
from edge.basics.settings import setting
from edge.basics.whole_files import write_whole
from trainer.training.learner import Arithmetic, Terms
from trainer.training.parallel import Placement, mean_over_processes, wait_for_all
from trainer.training.run_folder import LossTable, RunFolder, trouble
from trainer.training.stage import Stage


@dataclass(frozen=True)
class LoopConfig:
    """How a stage is run; of these, `precision`, `ema_decay` and `seed` change its numbers."""

    seed: int = setting(1, "seed of weights and data", low=0)
    precision: str = setting("fp32", "matrix work in this precision; sums stay fp32", choices=("fp32", "bf16"))
    ema_decay: float = setting(0.999, "decay of the averaged weights; 0: none", low=0.0, high=1.0)
    channels_last: bool = setting(True, "pictures and weights as NHWC in memory")
    compile: bool = setting(False, "fuse the networks with torch.compile")
    workers: int = setting(1, "processes that prepare pictures", low=0)
    threads: int = setting(0, "threads of the CPU's arithmetic; 0: torch's own choice", low=0)
    cache_gib: float = setting(4.0, "memory for decoded pictures; what does not fit is decoded each time", low=0.0)
    log_every: int = setting(10, "steps between looks at the losses", low=1)
    checkpoint_every: int = setting(500, "steps between checkpoints", low=1)
    sample_every: int = setting(500, "steps between sample pictures", low=1)
    divergence_factor: float = setting(10.0, "rise of the mean loss over its lowest that stops; 0: any", low=0.0)

    def arithmetic(self) -> Arithmetic:
        return Arithmetic(self.precision == "bf16", self.channels_last, self.compile, self.ema_decay)


class OutOfMemory(EdgeError):
    """The device has too little memory for a step."""

    exit_code = 69


def batches(dataset: Dataset[Any], stage: Stage, config: LoopConfig, first: int, place: Placement) -> Iterator[Any]:
    """This process's share of each global batch from step `first` on; batch n holds items n * batch and following."""
    share = place.share_of(stage.batch, f"{stage.kind}.batch")
    items = (range(n * stage.batch, (n + 1) * stage.batch)[share] for n in range(first, stage.steps))
    on_gpu = place.device.type == "cuda"
    loader = DataLoader(
        dataset,
        batch_sampler=_Rows(items),  # type: ignore[arg-type]
        num_workers=config.workers,
        pin_memory=on_gpu,
        worker_init_fn=_one_thread,
        prefetch_factor=4 if config.workers else None,
    )
    try:
        yield from loader
    except EdgeError as error:  # a worker's error comes with its traceback in the text; its own line is the last
        line = str(error.args[0]).strip().splitlines()[-1]  # `str` of it is one line already
        raise type(error)(line.removeprefix(f"{type(error).__module__}.{type(error).__name__}: ")) from error


def _one_thread(_: int) -> None:
    cv2.setNumThreads(0)


class _Rows:
    """Lists of item numbers, made one at a time: a run of a million steps needs no table."""

    def __init__(self, rows: Iterator[range]) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[list[int]]:
        return (list(row) for row in self.rows)


class _Journal:
    """Losses to the CSV, to TensorBoard and to the progress bar."""

    def __init__(self, folder: RunFolder, stage: Stage, first: int) -> None:
        self.table = LossTable(folder.losses, first)
        self.board = SummaryWriter(str(folder.path / "tensorboard"), purge_step=first + 1)
        every_s = 2 if sys.stderr.isatty() else 60  # into a file a line a minute
        self.bar = tqdm(total=stage.steps, initial=first, unit="step", mininterval=every_s, dynamic_ncols=True)
        self.folder = folder

    def write(self, done: int, names: list[str], rows: list[list[float]], waited: float) -> None:
        """Rows of the steps up to `done`; `waited` is the share of time spent waiting for pictures."""
        start = done - len(rows) + 1
        self.table.append(start, names, rows)
        for step, row in enumerate(rows, start):
            for name, value in zip(names, row, strict=True):
                self.board.add_scalar(f"loss/{name}", value, step)
        self.board.add_scalar("speed/share of time waiting for pictures", waited, done)
        recent = self.table.totals[-50:]
        self.bar.set_postfix(loss=f"{sum(recent) / len(recent):.4f}", waiting=f"{waited:.0%}", refresh=False)

    def picture(self, done: int, picture: Any) -> None:
        png = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1]
        write_whole(self.folder.path / "samples" / f"step-{done:06}.png", png.tobytes())

    def close(self) -> None:
        self.bar.close()
        with suppress(OSError):  # a full disk has been reported already
            self.board.close()


class _Loop:
    """One run in progress."""

    def __init__(
        self,
        stage: Stage,
        config: LoopConfig,
        run: RunFolder,
        place: Placement,
        about: Mapping[str, str],
        replans: bool,
    ) -> None:
        self.stage, self.config, self.run, self.place, self.about = stage, config, run, place, about
        self.done = self.saved = 0
        if run.state.exists():
            tensors, self.done = run.load(stage.kind, stage.settings, replans)
            stage.restore(tensors)
            self.saved = self.done
        self.journal = _Journal(run, stage, self.done) if place.leads else None
        self.pending: list[Terms] = []
        self.waited, self.looked = 0.0, time.monotonic()

    def run_until(self, rows: Iterator[Any], deadline: float) -> bool:
        """Step on until the end or, with a checkpoint, until the first look after `deadline` (monotonic seconds)."""
        late = False
        while self.done < self.stage.steps and not late:
            asked = time.monotonic()
            batch = next(rows)
            self.waited += time.monotonic() - asked
            self.pending.append(self.stage.step(batch, self.done))
            self.done += 1
            if self._due(self.config.log_every) or self._due(self.config.checkpoint_every):
                self._look()
                late = self._any_process(time.monotonic() > deadline)
            if late or self._due(self.config.checkpoint_every):
                self._save()
            if self.journal is not None:
                if late or self._due(self.config.sample_every):
                    self.journal.picture(self.done, self.stage.sample())
                self.journal.bar.update()
        if self.saved != self.done:
            self._save()
        return self.done == self.stage.steps

    def _due(self, every: int) -> bool:
        return self.done % every == 0 or self.done == self.stage.steps

    def _look(self) -> None:
        """Bring the losses from the device, write them down and stop where they have gone wrong."""
        names = list(self.pending[0])
        values = torch.stack([torch.stack([terms[name].float() for name in names]) for terms in self.pending])
        rows = mean_over_processes(values).tolist()
        now = time.monotonic()
        share = self.waited / max(now - self.looked, 1e-9)
        self.pending, self.waited, self.looked = [], 0.0, now
        if self.journal is None:
            return
        self.journal.write(self.done, names, rows, share)
        if found := trouble(self.journal.table, rows, self.config.divergence_factor):
            raise ModelError(
                f"{self.run.path}: {found} by step {self.done}; the checkpoint of step {self.saved} is kept: "
                "lower the learning rate"
            )

    def _any_process(self, flag: bool) -> bool:
        return bool(mean_over_processes(torch.tensor(float(flag), device=self.place.device)).item())

    def _save(self) -> None:
        if self.place.leads:
            self.run.save(self.stage.state(), self.stage.kind, self.done, self.stage.settings)
            self.stage.write_products(self.run.path, {**self.about, "steps": str(self.done)})
        self.saved = self.done
        wait_for_all()


def fit(
    stage: Stage,
    dataset: Dataset[Any],
    config: LoopConfig,
    folder: Path,
    place: Placement,
    about: Mapping[str, str],
    minutes: float = 0.0,
    *,
    replans: bool = False,
) -> bool:
    """Run a stage to its end, or from its last checkpoint on: the same steps as an uncut run.

    Args:
        about: what the data and recipe were; travels in the products' metadata.
        minutes: stop with a checkpoint after this time; 0 does not.
        replans: whether a run that was begun with another number of steps goes on with the stage's.

    Returns:
        Whether the run is finished.

    Raises:
        ModelError: a loss is no number or has run away; the last good checkpoint is kept.
        OutOfMemory: the device has too little memory; names what to lower.
        InputOutputError: a checkpoint could not be written; the older one is kept.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    run = RunFolder(folder)
    run.create()
    loop = _Loop(stage, config, run, place, about, replans)
    deadline = time.monotonic() + 60 * minutes if minutes else math.inf
    try:
        return loop.run_until(batches(dataset, stage, config, loop.done, place), deadline)
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(f"{place.device}: out of memory in a step; lower {stage.memory_advice}") from error
    except OSError as error:
        raise InputOutputError(f"{folder}: cannot be written ({error.strerror}); make room and go on") from error
    finally:
        if loop.journal is not None:
            loop.journal.close()
