"""The folder of results: what is there already, and how a result gets there, whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from edge.basics.errors import InputOutputError
from edge.basics.folders import Folder, open_folder, read_plain
from edge.basics.texts import json_from_text
from edge.basics.walk import NotPlain
from edge.basics.whole_files import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    lock,
    make_folder,
    write_together,
)
from edge.batch.finding import real_path
from edge.batch.kinds.kind import Made
from edge.batch.plan import Job
from edge.batch.steps import writing
from edge.pictures.marks import mode_of_file
from edge.saving.sidecar import MAX_BYTES, SourceFile, is_of, record_bytes, source_file

SCRATCH = ".edge-enhance-work"
"""A folder in the output folder for what workers write; it goes at the end, and what a kill left in it at the start."""


_LOCK = "lock"
_NEW_LOCK = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


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
        self._scratch: Folder | None = None

    @contextlib.contextmanager
    def opened(self) -> Iterator[Path]:
        """The folder for the length of a run, for it alone; gives the folder for scratch files.

        Raises:
            InputOutputError: it cannot be written, or another run has it.
        """
        with ExitStack() as stack:
            with writing(self.path):
                make_folder(self.path, PRIVATE_FOLDER)
                folder = stack.enter_context(open_folder(self.path))
                scratch = stack.enter_context(_scratch_in(folder))
                held = stack.enter_context(_lock_file(scratch))
            if not lock(held, wait=False):
                raise InputOutputError(
                    f"{self.path}: another run of this program writes there now; wait for its end, or choose another "
                    "--output"
                )
            self._scratch = scratch
            self.clear_scratch()
            try:
                yield scratch.path
            finally:
                self.clear_scratch()
                self._scratch = None
                with contextlib.suppress(OSError):
                    scratch.unlink(_LOCK)
                    os.rmdir(SCRATCH, dir_fd=folder.descriptor)

    def clear_scratch(self) -> None:
        """Remove what workers wrote. What cannot be removed is in nobody's way: it is hidden, or is written anew."""
        assert self._scratch is not None, "it is opened"
        for name in self._scratch.names():
            with contextlib.suppress(OSError):
                if self._scratch.is_folder(name):
                    self._scratch.remove_folder(name)
                elif name != _LOCK:
                    self._scratch.unlink(name)

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
        sidecar = Sidecar(job.files[-1], record_bytes(made.record))
        contents = {self.path / file.name: file.path or file.content or b"" for file in made.files}
        with writing(self.path / made.files[-1].name):
            write_together({**contents, self.path / sidecar.name: sidecar.content}, PRIVATE_FILE)
        return sidecar


def _scratch_in(folder: Folder) -> Folder:
    """The folder for scratch files, itself and nothing that a link leads to; made where it is missing.

    Raises:
        InputOutputError: what bears its name is none, or another user's: what is in it must not be removed.
    """
    is_new = False
    with contextlib.suppress(FileExistsError):
        folder.make_folder(SCRATCH, PRIVATE_FOLDER)
        is_new = True
    try:
        scratch = folder.folder(SCRATCH)
    except NotPlain as error:
        raise InputOutputError(f"{error.filename}: {error.strerror}; remove it, or choose another --output") from error
    if not is_new and scratch.owner().st_uid not in (os.geteuid(), folder.owner().st_uid):
        scratch.close()
        raise InputOutputError(f"{scratch.path}: belongs to another user; remove it, or choose another --output")
    return scratch


def _lock_file(scratch: Folder) -> BinaryIO:
    def opened(name: str, flags: int) -> int:
        return os.open(name, flags | _NEW_LOCK, PRIVATE_FILE, dir_fd=scratch.descriptor)

    return open(_LOCK, "ab", opener=opened)
