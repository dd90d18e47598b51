"""The work on one picture or clip of a batch: from the original to its files, whole or absent."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from edge.basics.errors import EdgeError, InputOutputError
from edge.basics.texts import one_line
from edge.basics.whole_files import PRIVATE_FILE, remove_file, write_together, write_whole
from edge.batch.clip_job import ClipWork, make_clip
from edge.batch.finding import given_path, real_path
from edge.batch.inputs import Job
from edge.batch.steps import NoEngine, Stopped, writing
from edge.clips.encode import Codec
from edge.clips.facts import ClipFacts
from edge.engines.engine import Engine
from edge.models.kinds import synthesises
from edge.models.profile import Profile
from edge.pictures.geometry import fit_to_frame, is_cropped
from edge.pictures.image import Image
from edge.pictures.marks import SYNTHESISED, mark_text, mode_of_file, png_bytes
from edge.pictures.reading.picture_file import DamagedPicture, Picture, PictureFile, opened_picture
from edge.saving.sidecar import (
    Result,
    SourceFile,
    is_complete,
    saved_content,
    saved_file,
    sidecar_bytes,
    sidecar_path,
    source_file,
)
from edge.sources.pace import describe_fit

log = logging.getLogger(__name__)


class BatchEngine(Engine, Protocol):
    """An engine that opens while other things are done, and lends memory that it reads without a copy."""

    def open(self, stop: threading.Event) -> None:
        """Wait until it is open, or `stop` is set; raises EdgeError where it cannot be had."""
        ...

    def lend(self) -> Image | None:
        """See `edge.frames.lending.Lend`."""
        ...


class JobRunner:
    """Does jobs one after the other, in the thread that owns the engine.

    Args:
        protected: resolved paths of all inputs, which no result may replace.
        profile: what the engine runs.
        stop: ends a clip early.
        force: overwrite.
        resume: skip what is done, do again what was left unfinished.
        keep_damaged: take what can be read of a damaged picture, and say so in its sidecar.
        codec: of clips.
    """

    def __init__(
        self,
        protected: Collection[Path],
        engine: BatchEngine,
        profile: Profile,
        stop: threading.Event,
        *,
        force: bool,
        resume: bool,
        keep_damaged: bool = False,
        codec: Codec = "h264",
    ) -> None:
        self._protected = protected
        self._engine, self._is_open = engine, False
        self._profile = profile
        is_synthesised = synthesises(profile.manifest)
        self._mark = mark_text("enhanced", engine.profile, engine.model_sha256, is_synthesised=is_synthesised)
        self._stop = stop
        self._force = force
        self._resume = resume
        self._keep_damaged = keep_damaged
        self._codec = codec
        self._warned_of_fit: set[str] = set()
        self._stage_ms: defaultdict[str, list[float]] = defaultdict(list)
        self._devices: list[str] = []
        self._ahead: tuple[Job, Future[Picture]] | None = None
        self._file: tuple[Path, PictureFile] | None = None

    def run(self, job: Job, on_frame: Callable[[], object], following: Job | None = None) -> tuple[str, ...] | None:
        """Make the files of a job; what was changed beside the enhancement, in words; None where it is done already.

        Args:
            on_frame: called after each frame.
            following: the job after this one, to be read while this one is written.

        Raises:
            Stopped: `stop` was set in the middle of a clip, or before the engine was open.
            OutputFolderError: the output folder takes nothing more.
            NoEngine: there is none.
            EdgeError: this job came to nothing; others may not.
        """
        self._refuse_inputs(job)
        source: SourceFile | None = None
        if self._resume:
            source = source_file(job.source)
            made = (sidecar_path(target.enhanced) for target in (job.target, job.earlier))
            if any(is_complete(sidecar, source.sha256, self._engine.model_sha256) for sidecar in made):
                return None
        if not (self._force or (self._resume and _is_unfinished(job))):
            _refuse_existing(job)
        source = source or source_file(job.source)
        self._stage_ms.clear()
        self._devices.clear()
        if job.clip is not None:
            return self._clip(job, job.clip, source, on_frame)
        return self._picture(job, source, on_frame, following)

    def _refuse_inputs(self, job: Job) -> None:
        for path in job.target.files:
            if real_path(path) in self._protected:
                raise InputOutputError(
                    f"{job.source}: its result {path} would replace an input; choose another --output"
                )

    def _picture(
        self, job: Job, source: SourceFile, on_frame: Callable[[], object], following: Job | None
    ) -> tuple[str, ...]:
        path, raw_path = job.target.enhanced, job.target.raw
        assert raw_path is not None, "a saved picture is always the pair"
        picture = self._original(job)
        original = picture.image
        if picture.damage:
            told = f"{job.source}: damaged, what could be read of it is enhanced: {picture.damage}"
            log.warning("%s", one_line(told))
        raw = self._fitted(job, original)
        with ThreadPoolExecutor(1, "png") as pool:
            encoding = pool.submit(png_bytes, raw, mark_text("raw"))
            enhanced = self._enhanced(job, raw)
            if following is not None and self._will_be_read(following):
                self._ahead = following, pool.submit(self._read, following)
            enhanced_png = png_bytes(enhanced, self._mark)
            raw_png = encoding.result()
        files = (saved_content(raw_path, "raw", raw_png), saved_content(path, "enhanced", enhanced_png))
        size_px = (original.shape[1], original.shape[0])
        sidecar = sidecar_bytes(
            Result(source, size_px, self._model(), files, self._median_ms(), picture=picture.record())
        )
        with writing(path):
            write_together({raw_path: raw_png, path: enhanced_png, sidecar_path(path): sidecar}, PRIVATE_FILE)
        on_frame()
        return (*picture.changes, "cropped") if is_cropped(*size_px) else picture.changes

    def _clip(self, job: Job, facts: ClipFacts, source: SourceFile, on_frame: Callable[[], object]) -> tuple[str, ...]:
        path, sidecar = job.target.enhanced, sidecar_path(job.target.enhanced)
        work = ClipWork(
            lambda image: self._enhanced(job, image), self._engine.lend, self._stop, on_frame, self._mark, self._codec
        )

        def drop_old_sidecar() -> None:
            remove_file(sidecar)  # it would vouch for the new clip

        made = make_clip(job.source, path, facts, work, drop_old_sidecar)
        size_px = (facts.width_px, facts.height_px)
        with writing(path):
            try:
                files = (saved_file(path, "enhanced"),)
                result = Result(source, size_px, self._model(), files, self._median_ms(), made.about)
                write_whole(sidecar, sidecar_bytes(result), PRIVATE_FILE)
            except OSError:
                remove_file(path)  # a result without its sidecar is none
                raise
        return made.changes

    def _original(self, job: Job) -> Picture:
        ahead, self._ahead = self._ahead, None
        return ahead[1].result() if ahead is not None and ahead[0] is job else self._read(job)

    def _read(self, job: Job) -> Picture:
        """A page; a file stays open for those that follow. Never called by two threads at once."""
        if self._file is None or self._file[0] != job.source:
            self._file = None
            self._file = job.source, opened_picture(job.source)
        try:
            return self._file[1].page(job.page, keep_damaged=self._keep_damaged)
        except DamagedPicture as error:
            hint = "" if self._keep_damaged else ", or take what can be read of it with --keep-damaged"
            raise DamagedPicture(f"{error}{hint}") from error

    def _will_be_read(self, job: Job) -> bool:
        """Whether it is a picture that nothing, as far as its files tell, makes this run refuse or skip."""
        is_new = (self._force and not self._resume) or not any(path.exists() for path in job.target.files)
        return job.clip is None and is_new

    def _fitted(self, job: Job, original: Image) -> Image:
        """The picture at 1920x1080, with one warning for each input on the command line."""
        raw = fit_to_frame(original)
        if raw is not original and job.given not in self._warned_of_fit:
            self._warned_of_fit.add(job.given)
            is_alone = given_path(job.given) == job.source
            rest = "" if is_alone else f"; others in {job.given} may be, their .json says it"
            fit = describe_fit(original.shape[1], original.shape[0])
            log.warning("%s", one_line(f"{job.source}: {fit}{rest}"))
        return raw

    def _open(self) -> None:
        """Wait for the engine, once: decoding and encoding of the first picture have begun by then."""
        if self._is_open:
            return
        try:
            self._engine.open(self._stop)
        except EdgeError as error:
            raise NoEngine(error) from error
        if self._stop.is_set():
            raise Stopped
        self._is_open = True

    def _enhanced(self, job: Job, image: Image) -> Image:
        self._open()
        try:
            result = self._engine.enhance(image)
        except (EdgeError, RuntimeError) as error:
            raise EdgeError(f"{job.source}: the engine failed: {error}") from error
        if self._engine.device not in self._devices[-1:]:
            self._devices.append(self._engine.device)
        for name, ms in result.stage_ms.items():
            self._stage_ms[name].append(ms)
        return result.image

    def _model(self) -> dict[str, Any]:
        """The model of this result, with every device that frames of it were made on."""
        return model_record(self._engine, self._profile) | {"device": ", then ".join(self._devices)}

    def _median_ms(self) -> dict[str, float]:
        return {name: median(times) for name, times in self._stage_ms.items()}


def _is_unfinished(job: Job) -> bool:
    """Whether an earlier run made files for this job and was cut off before the sidecar."""
    if sidecar_path(job.target.enhanced).exists():
        return False
    return all(mode_of_file(path) is not None for path in job.target.files if path.exists())


def _refuse_existing(job: Job) -> None:
    for path in job.target.files:
        if path.exists():
            raise InputOutputError(
                f"{job.source}: {path} exists; overwrite it with --force, or choose another --output"
            )


def model_record(engine: Engine, profile: Profile) -> dict[str, Any]:
    """The model as the sidecar names it."""
    return {
        "name": profile.manifest["name"],
        "profile": engine.profile,
        "version": profile.manifest["version"],
        "sha256": engine.model_sha256,
        "device": engine.device,
        **({"detail": SYNTHESISED} if synthesises(profile.manifest) else {}),
    }
