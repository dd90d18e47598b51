"""`edge-enhance INPUT... --output DIR`: pictures, clips and folders of them, each made into files of its own.

For a picture `throat.jpg` it writes

    throat_enhanced.png        the result, 1920x1080
    throat_raw.png             the untouched picture in the same geometry, to lay beside or under it
    throat_enhanced.png.json   model, source, what was done; written last: where it is, the rest is whole

A file of several pages or frames, `series.tif`, gives these for each: `series-p001_enhanced.png`, `series-p002...`.
A clip `throat.mp4` gives `throat_enhanced.avi` with its `.json`: all frames, at the clip's mean frame rate, without
sound. A clip's raw pictures are not copied; the sidecar names the original and its hash. Where names would collide,
`edge.batch.inputs.output_names` makes them different.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from edge.basics.errors import EdgeError
from edge.basics.whole_files import make_folder
from edge.batch.inputs import Failure, Job, plan
from edge.batch.job import BatchEngine, JobRunner, NoEngine, OutputFolderError, Stopped, writing
from edge.models.profile import Profile

log = logging.getLogger(__name__)


@dataclass
class BatchReport:
    """What became of each input.

    Attributes:
        done: sources enhanced in this run.
        skipped: sources that an earlier run had done (`resume`).
        failed: inputs that came to nothing.
        not_done: sources not begun or not finished, because of `stop` or a full disk.
    """

    done: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    not_done: list[Path] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 where every input has its result, else 1."""
        return 1 if self.failed or self.not_done else 0

    def summary(self) -> str:
        """`12 enhanced, 3 skipped, 1 failed`."""
        counts = {"skipped": len(self.skipped), "failed": len(self.failed), "not done": len(self.not_done)}
        parts = [f"{count} {word}" for word, count in counts.items() if count]
        return ", ".join([f"{len(self.done)} enhanced", *parts])


def enhance_files(
    inputs: Sequence[Path | str],
    output: Path,
    engine: BatchEngine,
    profile: Profile,
    *,
    stop: threading.Event,
    force: bool = False,
    resume: bool = False,
    keep_damaged: bool = False,
) -> BatchReport:
    """Enhance files into a folder; failures are logged at the end and do not stop the rest.

    Args:
        inputs: pictures, clips and folders of them.
        output: made where it does not exist.
        engine: called from this thread alone, opened when the first picture needs it; stays open.
        profile: what the engine runs.
        stop: ends the work cleanly; an unfinished clip leaves nothing behind.
        force: overwrite earlier results. An input is never overwritten.
        resume: leave out what an earlier run has made of the same content with the same model, and do again
            what an earlier run left unfinished.
        keep_damaged: enhance what can be read of a damaged picture; its sidecar says so.

    Raises:
        InputOutputError: the one and only input came to nothing, or the output folder takes nothing more.
        NoEngine: none can be opened.
    """
    jobs, failures = plan(inputs, output)
    report = BatchReport(failed=failures)
    if jobs:
        with writing(output):
            make_folder(output)
    sources = {job.source.resolve() for job in jobs}
    runner = JobRunner(sources, engine, profile, stop, force=force, resume=resume, keep_damaged=keep_damaged)
    early = _run(jobs, runner, stop, report)
    lone = _lone_failure(inputs, report)
    if lone is None:
        for _, error in report.failed:
            log.error("failed: %s", error)
        log.info("%s%s", "stopped: " if stop.is_set() else "", report.summary())
    fatal = early or lone
    if fatal is not None:
        raise fatal
    return report


def _lone_failure(inputs: Sequence[Path | str], report: BatchReport) -> EdgeError | None:
    """The error of the only input, when it is a file, or a folder with nothing in it."""
    if len(inputs) != 1 or [path for path, _ in report.failed] != [Path(inputs[0]).expanduser()]:
        return None
    return report.failed[0].error


def _run(
    jobs: Sequence[Job], runner: JobRunner, stop: threading.Event, report: BatchReport
) -> OutputFolderError | NoEngine | None:
    """Do the jobs in order and enter each into the report. Returns what ended it early, if anything did."""
    num_frames = sum(job.num_frames for job in jobs)
    bar = tqdm(total=num_frames, unit="frame", disable=None, file=sys.stderr)
    with closing(bar), nullcontext() if bar.disable else logging_redirect_tqdm():
        for index, job in enumerate(jobs):
            if stop.is_set():
                report.not_done.append(job.source)
                continue
            try:
                _enter(job, jobs[index + 1] if index + 1 < len(jobs) else None, runner, bar, report)
            except (OutputFolderError, NoEngine) as error:
                report.not_done += [left.source for left in jobs[index:]]
                return error
    return None


def _enter(job: Job, following: Job | None, runner: JobRunner, bar: Any, report: BatchReport) -> None:
    """Do one job, and keep the bar true: a job may have fewer frames than it promised, or fail."""
    bar.set_postfix_str(job.source.name, refresh=False)
    begin = bar.n
    try:
        if runner.run(job, bar.update, following):
            report.done.append(job.source)
            line = f"{job.source} -> {job.target.enhanced}"
        else:
            report.skipped.append(job.source)
            line = f"{job.source}: done already"
    except Stopped:
        report.not_done.append(job.source)
        return
    except (OutputFolderError, NoEngine):
        raise
    except EdgeError as error:
        report.failed.append(Failure(job.source, error))
        line = ""
    bar.total += bar.n - begin - job.num_frames
    bar.refresh()
    if bar.disable and line:
        log.info("%s", line)
