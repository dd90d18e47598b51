"""`edge-enhance INPUT... --output DIR`: pictures, clips and folders of them, each made into files of its own.

For a picture `throat.jpg` it writes

    throat-enhanced.png        the result, 1920x1080
    throat-raw.png             the untouched picture in the same geometry, to lay beside or under it
    throat-enhanced.png.json   model, source, what was done; written last: where it is, the rest is whole

A file of several pages or frames, `series.tif`, gives these for each: `series-p001-enhanced.png`, `series-p002...`.
A clip `throat.avi` gives `throat-enhanced.mp4` (`.mov`, `.mkv` with another codec) with its `.json`: all frames at
their own times, and the sound. A clip's raw pictures are not copied; the sidecar names the original and its hash. Where
names would collide, `edge.batch.names.output_names` makes them different.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from edge.basics.errors import EdgeError, InputOutputError
from edge.basics.texts import one_line
from edge.basics.whole_files import PRIVATE_FOLDER, make_folder
from edge.batch.finding import given_path, listed_counts, real_path
from edge.batch.inputs import Failure, Job, plan
from edge.batch.job import BatchEngine, JobRunner
from edge.batch.patience import said_beforehand
from edge.batch.steps import NoEngine, OutputFolderError, Stopped, writing
from edge.clips.encode import Codec
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
    recursive: bool = False,
    codec: Codec = "h264",
    is_on_cpu: bool = False,
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
        recursive: take what is in subfolders too.
        codec: of clips.
        is_on_cpu: no GPU will do it, so that a heavy profile's time is said beforehand.

    Raises:
        InputOutputError: the one and only input came to nothing, or the output folder takes nothing more.
        NoEngine: none can be opened.
    """
    planned = plan(inputs, output, recursive=recursive, codec=codec)
    jobs = planned.jobs
    report = BatchReport(failed=planned.failures, left_out=planned.left_out)
    if jobs:
        with writing(output):
            make_folder(output, PRIVATE_FOLDER)
        if advice := profile.manifest.get("advice"):
            log.warning("%s: %s", profile.name, advice)
        if is_on_cpu and (line := said_beforehand(profile, sum(job.num_frames for job in jobs))):
            log.warning("%s", line)
    sources = {real_path(job.source) for job in jobs}
    runner = JobRunner(
        sources, engine, profile, stop, force=force, resume=resume, keep_damaged=keep_damaged, codec=codec
    )
    early = _run(jobs, runner, stop, report)
    lone = _lone_failure(inputs, report)
    if lone is None:
        for _, error in report.failed:
            log.error("failed: %s", error)
        goes_on = (
            "; the same command with --resume goes on" if report.not_done and not isinstance(early, NoEngine) else ""
        )
        log.info("%s%s%s", "stopped: " if stop.is_set() else "", report.summary(), goes_on)
    fatal = early or lone
    if fatal is not None:
        raise fatal
    return report


def _lone_failure(inputs: Sequence[Path | str], report: BatchReport) -> EdgeError | None:
    """The error of the only input, when it is a file, or a folder with nothing in it."""
    if len(inputs) != 1 or [path for path, _ in report.failed] != [given_path(inputs[0])]:
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
    bar.set_postfix_str(one_line(job.source.name), refresh=False)
    begin = bar.n
    try:
        changes = runner.run(job, bar.update, following)
        if changes is None:
            report.skipped.append(job.source)
            line = f"{job.source}: done already"
        else:
            report.done.append(job.source)
            for words in changes:
                report.changed.setdefault(words, []).append(job.source)
            line = f"{job.source} -> {job.target.enhanced}" + (f" ({', '.join(changes)})" if changes else "")
    except Stopped:
        report.not_done.append(job.source)
        return
    except (OutputFolderError, NoEngine):
        raise
    except EdgeError as error:
        report.failed.append(Failure(job.source, error))
        line = ""
    except (OSError, ValueError) as error:  # a name that a system call takes badly costs no other file
        report.failed.append(Failure(job.source, InputOutputError(f"{job.source}: {error}")))
        line = ""
    bar.total += bar.n - begin - job.num_frames
    bar.refresh()
    if bar.disable and line:
        log.info("%s", one_line(line))
