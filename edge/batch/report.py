"""What became of each input of a run."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Literal, NamedTuple

from edge.basics.errors import EdgeError
from edge.basics.texts import one_line
from edge.batch.finding import given_path, listed_counts
from edge.batch.kinds.kind import Made
from edge.batch.plan import Failure, Job
from edge.batch.progress import Progress
from edge.sources.pace import describe_fit

log = logging.getLogger(__name__)


@dataclass
class BatchReport:
    """What became of each input, in the order of the plan.

    Attributes:
        done: sources enhanced in this run.
        skipped: sources that an earlier run had done (`resume`).
        failed: inputs that came to nothing.
        not_done: sources not begun or not finished, because of `stop` or a full disk.
        left_out: what folders held beside pictures and clips, by kind.
        changed: what was done beside the enhancement -> to which sources.
    """

    done: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    not_done: list[Path] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    changed: dict[str, list[Path]] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 where every input has its result, else 1."""
        return 1 if self.failed or self.not_done else 0

    def summary(self) -> str:
        """`12 enhanced, 3 skipped, 1 failed; left out: .heic 1, subfolder 1; changed: cropped 2, frames missing 1`."""
        counts = {"skipped": len(self.skipped), "failed": len(self.failed), "not done": len(self.not_done)}
        parts = [f"{count} {word}" for word, count in counts.items() if count]
        line = ", ".join([f"{len(self.done)} enhanced", *parts])
        left_out = f"; left out: {listed_counts(self.left_out)}" if self.left_out else ""
        changed = ", ".join(f"{words} {len(sources)}" for words, sources in sorted(self.changed.items()))
        return line + left_out + (f"; changed: {changed}" if changed else "")


class Ending(NamedTuple):
    """How a job ended."""

    how: Literal["done", "skipped", "failed"]
    error: EdgeError | None = None
    fit: str = ""
    changes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    stage_ms: tuple[tuple[str, float], ...] = ()


def ending_of(made: Made) -> Ending:
    """What is kept of a result until its turn comes to be told: words, and none of its pixels."""
    source = made.record["source"]
    size_px = int(source["width_px"]), int(source["height_px"])
    fit = "" if made.record["fit"] == "as is" else describe_fit(*size_px)
    return Ending("done", None, fit, made.changes, made.warnings, tuple((made.stage_ms or {}).items()))


class Told:
    """Enters jobs into the report, and tells of them, in the order of the plan, whichever ends first."""

    def __init__(self, jobs: Sequence[Job], output: Path, report: BatchReport, progress: Progress) -> None:
        self._jobs, self._output, self._report, self._progress = jobs, output, report, progress
        self._waiting: dict[int, Ending] = {}
        self._next = 0
        self._warned_of_fit: set[str] = set()
        self._stage_ms: defaultdict[str, list[float]] = defaultdict(list)

    def enter(self, number: int, ending: Ending) -> None:
        self._progress.end(number, self._jobs[number].piece.path.name)
        self._waiting[number] = ending
        while (known := self._waiting.pop(self._next, None)) is not None:
            self._tell(self._jobs[self._next], known)
            self._next += 1

    def leave(self) -> None:
        """Nothing comes any more: tell what waits, and enter the rest as not done."""
        for job in self._jobs[self._next :]:
            known = self._waiting.pop(self._next, None)
            self._next += 1
            if known is None:
                self._report.not_done.append(job.piece.path)
            else:
                self._tell(job, known)
        if self._report.done:
            took_s = self._progress.took_s
            parts = ", ".join(f"{name} {median(times):.0f}" for name, times in self._stage_ms.items())
            log.info("%.0f s, %.1f frames a second; ms of one: %s", took_s, self._progress.num_done / took_s, parts)

    def _tell(self, job: Job, ending: Ending) -> None:
        report, path = self._report, job.piece.path
        for line in ending.warnings:
            log.warning("%s", one_line(line))
        if ending.how == "failed":
            assert ending.error is not None, "it says why"
            report.failed.append(Failure(path, ending.error))
            return
        if ending.how == "skipped":
            report.skipped.append(path)
            line = f"{path}: done already"
        else:
            report.done.append(path)
            for words in ending.changes:
                report.changed.setdefault(words, []).append(path)
            for name, ms in ending.stage_ms:
                self._stage_ms[name].append(ms)
            self._warn_of_fit(job, ending.fit)
            *_, enhanced, _sidecar = job.files
            changes = f" ({', '.join(ending.changes)})" if ending.changes else ""
            line = f"{path} -> {self._output / enhanced}{changes}"
        if not self._progress.is_on_terminal:
            log.info("%s", one_line(line))

    def _warn_of_fit(self, job: Job, fit: str) -> None:
        """One warning for each input on the command line."""
        if not fit or job.given in self._warned_of_fit:
            return
        self._warned_of_fit.add(job.given)
        is_alone = given_path(job.given) == job.piece.path
        rest = "" if is_alone else f"; others in {job.given} may be, their .json says it"
        log.warning("%s", one_line(f"{job.piece.path}: {fit}{rest}"))
