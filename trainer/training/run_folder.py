"""A run on disk: its state, its losses step by step, and whether it may go on with the settings at hand."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.basics.errors import ConfigError, InputOutputError, ModelError
from edge.basics.whole_files import write_whole
from trainer.training.checkpoint import Tensors, read_whole, save_whole

STATE_NAME = "state.safetensors"


@dataclass(frozen=True)
class RunFolder:
    """Names and formats of a run's files."""

    path: Path

    @property
    def state(self) -> Path:
        return self.path / STATE_NAME

    @property
    def losses(self) -> Path:
        return self.path / "losses.csv"

    def create(self) -> None:
        try:
            (self.path / "samples").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputOutputError(f"{self.path}: cannot be made ({error.strerror}); give another -o") from error

    def save(self, tensors: Tensors, kind: str, step: int, settings: Mapping[str, Any]) -> None:
        """Replace the state; the older one survives a failure."""
        record = {"kind": kind, "step": step, "settings": dict(settings)}
        save_whole(tensors, self.state, {"run": json.dumps(record)})

    def load(self, kind: str, settings: Mapping[str, Any], replans: bool = False) -> tuple[Tensors, int]:
        """The state and the number of steps done.

        Args:
            replans: whether the number of steps in all may be another than before.

        Raises:
            ModelError: damaged, or not a run's state.
            ConfigError: a run of another kind or with other settings.
        """
        tensors, metadata = read_whole(self.state, f"edge-train {kind}")
        try:
            record = json.loads(metadata["run"])
            held, step, before = str(record["kind"]), int(record["step"]), dict(record["settings"])
        except (KeyError, ValueError, TypeError) as error:
            raise ModelError(f"{self.state}: not the state of a run ({error}); remove it or give another -o") from error
        if held != kind:
            raise ConfigError(f"{self.state}: a run of edge-train {held}, not of {kind}; give another -o")
        now = json.loads(json.dumps(dict(settings)))
        plan = {"steps", f"{kind.replace('-', '_')}.steps"} if replans else set()
        for key in sorted({*before, *now} - plan):
            if before.get(key) != now.get(key):
                raise ConfigError(
                    f"{self.path}: begun with {key} = {before.get(key)!r}, now {now.get(key)!r}; "
                    "a run goes on only with its own settings: restore them or give another -o"
                )
        return tensors, step


class LossTable:
    """`losses.csv`: one row a step, cut back to the state's step when a run goes on."""

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        self.names: tuple[str, ...] = ()
        self.totals: list[float] = []
        if step and path.exists():
            head, *rows = path.read_text().splitlines()
            self.names = tuple(head.split(",")[1:])
            kept = [row for row in rows if row.split(",")[0].isdigit() and int(row.split(",")[0]) <= step]
            column = self.names.index("total") + 1
            self.totals = [float(row.split(",")[column]) for row in kept]
            write_whole(path, "".join(f"{row}\n" for row in [head, *kept]).encode())

    def append(self, first_step: int, names: Sequence[str], rows: Sequence[Sequence[float]]) -> None:
        """Add rows of steps `first_step`, `first_step + 1` and so on, counted from 1."""
        text = ""
        if not self.names:
            self.names = tuple(names)
            write_whole(self.path, b"")
            text = ",".join(["step", *names]) + "\n"
        text += "".join(f"{step},{','.join(f'{x:.7g}' for x in row)}\n" for step, row in enumerate(rows, first_step))
        with self.path.open("a") as file:
            file.write(text)
        self.totals += [row[self.names.index("total")] for row in rows]


WINDOW = 50
"""Steps whose mean loss tells a trend from noise."""


def trouble(losses: LossTable, rows: Sequence[Sequence[float]], factor: float) -> str:
    """What is wrong with a run's losses, in words; empty where nothing is.

    Args:
        rows: the newest rows, already in the table.
        factor: how far the mean over `WINDOW` steps may rise above its lowest; 0 does not look.
    """
    for row in rows:
        for name, value in zip(losses.names, row, strict=True):
            if not math.isfinite(value):
                return f"{name} is {value}"
    windows = len(losses.totals) // WINDOW
    if not factor or windows < 2:
        return ""
    means = [math.fsum(losses.totals[i * WINDOW : (i + 1) * WINDOW]) / WINDOW for i in range(windows)]
    newest = math.fsum(losses.totals[-WINDOW:]) / WINDOW
    if newest > factor * min(means):
        return f"the mean loss over {WINDOW} steps is {newest:.3g}, {newest / min(means):.0f} times its lowest"
    return ""
