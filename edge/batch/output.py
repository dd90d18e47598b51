"""The folder of results: what is there already, and how a result gets there, whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from edge.basics.errors import InputOutputError
from edge.basics.folders import open_folder, read_plain
from edge.basics.texts import json_from_text
from edge.basics.whole_files import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    lock,
    make_folder,
    remove_file,
    sync_folder,
    whole_file,
    write_together,
    write_whole,
)
from edge.batch.finding import real_path
from edge.batch.kinds.kind import Made, MadeFile
from edge.batch.plan import Job
from edge.batch.steps import writing
from edge.pictures.marks import mode_of_file
from edge.saving.sidecar import MAX_BYTES, SourceFile, is_of, record_bytes, source_file

SCRATCH = ".edge-enhance-work"
"""A folder in the output folder for what workers write; it goes at the end, and what a kill left in it at the start."""


class Sidecar(NamedTuple):
    """What makes a result count: its name, and what is in it."""

    name: str
    content: bytes

    @property
    def record(self) -> Mapping[str, Any]:
        return dict(json_from_text(self.content))


class OutputFolder:
    """Where results go. `write` may be called by several threads.

    Args:
        protected: resolved paths of all inputs, which no result may replace.
        model_sha256: a result of another model is not taken for done.
        force: overwrite.
        resume: skip what is done, do again what was left unfinished.
    """

    def __init__(
        self, path: Path, protected: Collection[Path], model_sha256: str, *, force: bool = False, resume: bool = False
    ) -> None:
        self.path = path
        self._protected = protected
        self._model_sha256 = model_sha256
        self._force, self._resume = force, resume
        self._source: tuple[Path, SourceFile] | None = None

    @contextlib.contextmanager
    def opened(self) -> Iterator[Path]:
        """The folder for the length of a run, for it alone; gives the folder for scratch files.

        Raises:
            InputOutputError: it cannot be written, or another run has it.
        """
        scratch = self.path / SCRATCH
        with ExitStack() as stack:
            with writing(self.path):
                make_folder(scratch, PRIVATE_FOLDER)
                held = stack.enter_context((scratch / "lock").open("ab"))
            if not lock(held, wait=False):
                raise InputOutputError(
                    f"{self.path}: another run of this program writes there now; wait for its end, or choose another "
                    "--output"
                )
            _empty(scratch, but="lock")
            try:
                yield scratch
            finally:
                _empty(scratch)
                with contextlib.suppress(OSError):
                    scratch.rmdir()

    def refuse_inputs(self, job: Job) -> None:
        """Raises InputOutputError where a result would replace an input."""
        for path in self._paths(job):
            if real_path(path) in self._protected:
                raise InputOutputError(
                    f"{job.piece.path}: its result {path} would replace an input; choose another --output"
                )

    def done(self, job: Job) -> Sidecar | None:
        """The sidecar of a result that is there already and counts; None where it has to be made.

        Raises:
            InputOutputError: it must not be made: something else is in its place.
        """
        if self._resume:
            for name in job.sidecars:
                if (found := self._complete(job, name)) is not None:
                    return found
        if not (self._force or (self._resume and self._is_unfinished(job))):
            self._refuse_existing(job)
        return None

    def _complete(self, job: Job, name: str) -> Sidecar | None:
        try:
            content = read_plain(self.path / name, MAX_BYTES)
        except OSError:
            return None
        if self._source is None or self._source[0] != job.piece.origin:
            self._source = job.piece.origin, source_file(job.piece.path)
        if not is_of(content, self.path, self._source[1].sha256, self._model_sha256):
            return None
        return Sidecar(name, content)

    def _is_unfinished(self, job: Job) -> bool:
        """Whether an earlier run made files for this job and was cut off before the sidecar."""
        *files, sidecar = self._paths(job)
        return not sidecar.exists() and all(mode_of_file(path) is not None for path in files if path.exists())

    def _refuse_existing(self, job: Job) -> None:
        for path in self._paths(job):
            if path.exists():
                raise InputOutputError(
                    f"{job.piece.path}: {path} exists; overwrite it with --force, or choose another --output"
                )

    def _paths(self, job: Job) -> list[Path]:
        return [self.path / name for name in job.files]

    def write(self, job: Job, made: Made) -> Sidecar:
        """Bring a result into the folder, its sidecar last.

        Raises:
            OutputFolderError: the folder takes nothing more; nothing of this result stays.
        """
        sidecar, record = self.path / job.files[-1], record_bytes(made.record)
        contents = {self.path / file.name: file.content for file in made.files if file.content is not None}
        with writing(self.path / made.files[-1].name):
            if len(contents) == len(made.files):
                write_together({**contents, sidecar: record}, PRIVATE_FILE)
                return Sidecar(sidecar.name, record)
            remove_file(sidecar)  # it would vouch for the new files
            try:
                for file in made.files:
                    self._put(file)
                sync_folder(self.path)
                write_whole(sidecar, record, PRIVATE_FILE)
            except OSError:
                for file in made.files:
                    remove_file(self.path / file.name)  # a result without its sidecar is none
                raise
        return Sidecar(sidecar.name, record)

    def _put(self, file: MadeFile) -> None:
        target = self.path / file.name
        if file.content is not None:
            write_whole(target, file.content, PRIVATE_FILE)
            return
        assert file.path is not None, "a file is content or lies somewhere"
        try:
            with open_folder(self.path) as folder:
                os.replace(file.path, file.name, dst_dir_fd=folder.descriptor)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            with whole_file(target, PRIVATE_FILE) as into, file.path.open("rb") as content:
                shutil.copyfileobj(content, into, 1 << 20)
            file.path.unlink()


def _empty(folder: Path, but: str = "") -> None:
    """Remove what is in it. What cannot be removed is in nobody's way: its name is hidden, or is written anew."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != but:
                path.unlink()
