"""`edge-enhance INPUT... --output DIR`: pictures, clips and folders of them, each made into files of its own.

For a picture `throat.jpg` it writes

    throat-enhanced.png        the result, 1920x1080
    throat-raw.png             the untouched picture in the same geometry, to lay beside or under it
    throat-enhanced.png.json   model, source, what was done; written last: where it is, the rest is whole

A file of several pages or frames, `series.tif`, gives these for each: `series-p001-enhanced.png`, `series-p002...`.
A clip `throat.avi` gives `throat-enhanced.mp4` (`.mov`, `.mkv` with another codec) with its `.json`: all frames at
their own times, and the sound. A clip's raw pictures are not copied; the sidecar names the original and its hash. Where
names would collide, `edge.batch.names.output_names` makes them different.

The way of each: `plan` makes a job of it, `Workers` do its piece, `OutputFolder` writes what was made, `Manifest`
enters it, all of it in `_Run`. Pieces are done in any order; report, log and manifest are in the plan's.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path

from edge.basics.errors import EdgeError, InputOutputError
from edge.basics.whole_files import file_sha256
from edge.batch.finding import given_path, real_path
from edge.batch.kinds.kind import Made, Options, Piece
from edge.batch.manifest import Manifest, entry_of_failure, entry_of_result
from edge.batch.output import OutputFolder, Sidecar
from edge.batch.patience import said_beforehand
from edge.batch.plan import Job, plan
from edge.batch.progress import Progress, looking
from edge.batch.report import BatchReport, Ending, Told, ending_of
from edge.batch.steps import NoEngine, OutputFolderError, Stopped
from edge.batch.workers.workers import Watch, Workers
from edge.models.profile import Profile

log = logging.getLogger(__name__)

NUM_WRITERS = 2
"""Threads that wait for the disk."""
MAX_TO_WRITE = 4
"""Results that may wait for it, of some 6 MB; then no more are taken from the workers."""
POLL_S = 0.2
_FILES_AT_ONCE = 64
"""Whose frames may fail in turns without that each is hashed again."""


def enhance_files(
    inputs: Sequence[Path | str],
    output: Path,
    workers: Workers,
    profile: Profile,
    *,
    stop: threading.Event,
    force: bool = False,
    resume: bool = False,
    recursive: bool = False,
    options: Options | None = None,
    is_on_cpu: bool = False,
) -> BatchReport:
    """Enhance files into a folder; failures are logged at the end and do not stop the rest.

    Args:
        inputs: pictures, clips and folders of them.
        output: made where it does not exist.
        workers: called from this thread alone; stay open.
        profile: what they run.
        stop: ends the work cleanly; what is unfinished leaves nothing behind.
        force: overwrite earlier results. An input is never overwritten.
        resume: leave out what an earlier run has made of the same content with the same model, and do again
            what an earlier run left unfinished.
        recursive: take what is in subfolders too.
        is_on_cpu: no GPU will do it, so that a heavy profile's time is said beforehand.

    Raises:
        InputOutputError: the one and only input came to nothing, or the output folder takes nothing more.
        NoEngine: none can be opened.
    """
    with looking() as on_file:
        planned = plan(inputs, output, recursive=recursive, options=options, on_file=on_file)
    jobs = planned.jobs
    report = BatchReport(failed=planned.failures, left_out=planned.left_out)
    early: EdgeError | None = None
    if jobs:
        if advice := profile.manifest.get("advice"):
            log.warning("%s: %s", profile.name, advice)
        if is_on_cpu and (line := said_beforehand(profile, sum(job.num_frames for job in jobs))):
            log.warning("%s", line)
        protected = {real_path(job.piece.path) for job in jobs}
        folder = OutputFolder(output, protected, workers.model_sha256, force=force, resume=resume)
        with folder.opened() as scratch:
            early = _Run(jobs, folder, workers, stop, report).run(scratch)
    lone = _lone_failure(inputs, report)
    if lone is None:
        for _, error, *_ in report.failed:
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
    if len(inputs) != 1 or [failure.path for failure in report.failed] != [given_path(inputs[0])]:
        return None
    return report.failed[0].error


class _Run:
    """The jobs of a plan, from first to last; `scratch` goes to the workers."""

    def __init__(
        self, jobs: Sequence[Job], folder: OutputFolder, workers: Workers, stop: threading.Event, report: BatchReport
    ) -> None:
        self._jobs, self._folder, self._workers, self._stop = jobs, folder, workers, stop
        self._left = deque(range(len(jobs)))
        self._manifest = Manifest(folder.path)
        self._progress = Progress([job.num_frames for job in jobs])
        self._told = Told(jobs, folder.path, report, self._progress)
        self._given: set[int] = set()
        self._sha256_of = lru_cache(_FILES_AT_ONCE)(lambda path, state: file_sha256(path))
        self._writing: dict[Future[Sidecar], tuple[int, Made]] = {}

    def run(self, scratch: Path) -> EdgeError | None:
        """Do them and enter each into report and manifest. Returns what ended it early, if anything did."""
        early: EdgeError | None = None
        with ExitStack() as stack:
            stack.callback(self._manifest.close)
            stack.enter_context(self._progress.shown())
            writers = stack.enter_context(ThreadPoolExecutor(NUM_WRITERS, "write"))
            stack.callback(self._workers.close)
            try:
                self._workers.begin(scratch, len(self._jobs), Watch(self._progress.expect, self._progress.did_frame))
                while not self._stop.is_set() and self._step(writers):
                    pass
            except Stopped:
                pass
            except (OutputFolderError, NoEngine) as error:
                early = error
            self._workers.close()  # what they write into goes next
            early = self._end(early)
        self._told.leave()
        return early

    def _step(self, writers: ThreadPoolExecutor) -> bool:
        """Give, take and enter what can be; whether anything is left."""
        is_room = len(self._writing) < MAX_TO_WRITE
        while is_room and self._left and self._workers.room > 0 and not self._stop.is_set():
            self._begin(self._left.popleft())
        if is_room and self._given:
            outcome = self._workers.take(POLL_S)
            if outcome is not None:
                number, made = outcome
                self._given.discard(number)
                if isinstance(made, EdgeError):
                    self._fail(number, made)
                else:
                    job = self._jobs[number]
                    self._writing[writers.submit(self._folder.write, job, made)] = number, made
        elif self._writing:
            wait(self._writing, POLL_S, FIRST_COMPLETED)
        for written in [future for future in self._writing if future.done()]:
            self._enter(written)
        return bool(self._left or self._given or self._writing)

    def _begin(self, number: int) -> None:
        """Have a job done, unless there is no need to or it must not be."""
        job = self._jobs[number]
        try:
            self._folder.refuse_inputs(job)
            sidecar = self._folder.done(job)
        except EdgeError as error:
            self._fail(number, error)
        except (OSError, ValueError) as error:  # a name that a system call takes badly costs no other file
            self._fail(number, InputOutputError(f"{job.piece.path}: {error}"))
        else:
            if sidecar is None:
                self._given.add(number)
                self._workers.give(number, job.piece)
            else:
                self._manifest.add(entry_of_result(job.piece.page, sidecar.record, *sidecar))
                self._told.enter(number, Ending("skipped"))

    def _enter(self, written: Future[Sidecar]) -> None:
        number, made = self._writing.pop(written)
        try:
            sidecar = written.result()
        except OutputFolderError:
            raise
        except EdgeError as error:
            self._fail(number, error)
            return
        self._told.enter(number, ending_of(made))
        self._manifest.add(entry_of_result(self._jobs[number].piece.page, made.record, *sidecar))

    def _fail(self, number: int, error: EdgeError) -> None:
        piece = self._jobs[number].piece
        sha256 = None
        with contextlib.suppress(OSError, ValueError):
            about = piece.path.stat()
            sha256 = self._sha256_of(piece.path, (about.st_size, about.st_mtime_ns))
        self._told.enter(number, Ending("failed", error))
        self._manifest.add(entry_of_failure(piece.origin, piece.page, sha256, _told_of(piece, error)))

    def _end(self, early: EdgeError | None) -> EdgeError | None:
        """Enter what was still being written, and put the manifest in order."""
        wait(self._writing)
        self._folder.clear_scratch()  # what nobody takes any more, where the disk may be full
        for written in [*self._writing]:
            try:
                self._enter(written)
            except OutputFolderError as error:
                early = early or error
        try:
            self._manifest.finish()
        except OutputFolderError as error:  # its lines are there, as a kill would have left them
            early = early or error
        return early


def _told_of(piece: Piece, error: EdgeError) -> str:
    """Why there is no result; without the original's name where results shall not tell whose they are."""
    if piece.options.deidentify is None:
        return str(error)
    told = str(error).replace(str(piece.path), str(piece.origin))
    return "see what the run said of it" if piece.path.stem in told else told
