"""Installs the service's files and takes exactly those away again; what a user changed is the user's."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.basics.errors import InputOutputError
from edge.basics.folders import Folder, open_folder
from edge.basics.whole_files import whole_file_in
from edge.service.files import RECORD_PATH, ServiceFile

Tell = Callable[[str], None]

MAX_BYTES = 1 << 20
"""Of a file that is compared with what was installed; what is larger was changed."""


@dataclass(frozen=True)
class Record:
    """What an installation wrote.

    Attributes:
        sha256: path on the machine -> hash of what was written there.
        folders: folders that were made, outermost first.
        has_user: the system user was made by it.
    """

    sha256: Mapping[str, str]
    folders: Sequence[str] = ()
    has_user: bool = False


class Installation:
    """A machine's own root, or a folder that holds the root of another.

    No link below that root is followed: one in another's root leads into this machine's.

    Args:
        root: "/" or that folder.
        tell: takes one line for each thing done or left.
    """

    def __init__(self, root: Path, tell: Tell) -> None:
        self._root = root
        self._tell = tell

    def at(self, path: Path) -> Path:
        """Where a path of the machine is now."""
        return self._root / path.relative_to("/")

    def plan(self, files: Sequence[ServiceFile]) -> Iterator[tuple[ServiceFile, str]]:
        """Each file with what is to be done: `new`, `replaced`, `unchanged`, or `kept` with the new one as .new."""
        written = self.record().sha256
        for file in files:
            content = self.content(file.path)
            if content is None:
                yield file, "new"
            elif content == file.content:
                yield file, "unchanged"
            elif written.get(str(file.path)) == _sha256(content) and not file.is_kept:
                yield file, "replaced"
            else:
                yield file, "kept"

    def content(self, path: Path) -> bytes | None:
        """What is in a file; None where it is not there, cut where it is large.

        Raises:
            InputOutputError: it cannot be read, or a link or another object has its place.
        """
        try:
            with self._folder_of(path) as folder:
                if folder is None or folder.about(path.name) is None:
                    return None
                with folder.open(path.name) as file:
                    return file.read(MAX_BYTES)
        except OSError as error:
            raise _told(error, self.at(path), "read") from error

    def has_folder(self, path: Path, *, empty: bool = True) -> bool:
        """Whether there is a folder; with `empty` false: one that has something in it."""
        try:
            with self._folder_of(path) as above:
                if above is None or not above.is_folder(path.name):
                    return False
                with above.folder(path.name) as folder:
                    return empty or bool(folder.names())
        except OSError as error:
            raise _told(error, self.at(path), "read") from error

    @contextmanager
    def _folder_of(self, path: Path, *, make: bool = False) -> Iterator[Folder | None]:
        """The folder that a file lies in; None where it is missing."""
        with ExitStack() as stack:
            folder = stack.enter_context(open_folder(self._root))
            for name in path.relative_to("/").parts[:-1]:
                if folder.about(name) is None:
                    if not make:
                        yield None
                        return
                    folder.make_folder(name, 0o755)
                    folder.sync()
                    folder = stack.enter_context(folder.folder(name))
                    os.fchmod(folder.descriptor, 0o755)  # whatever the umask: the service's user reads them
                else:
                    folder = stack.enter_context(folder.folder(name))
            yield folder

    def install(self, files: Sequence[ServiceFile], *, makes_user: bool) -> None:
        """Write the files and record them.

        Args:
            makes_user: the commands that follow will make the system user.

        Raises:
            InputOutputError: a file cannot be written; what was written until then is recorded.
        """
        before = self.record()
        sha256, folders = dict(before.sha256), list(before.folders)
        for path in (RECORD_PATH, *(file.path for file in files)):
            folders += [folder for folder in self._missing_folders(path) if folder not in folders]
        has_user = before.has_user or makes_user
        for file, state in list(self.plan(files)):
            if state == "unchanged":
                self._tell(f"unchanged  {file.path}")
                continue
            path = file.path if state != "kept" else file.path.with_name(f"{file.path.name}.new")
            if state == "kept":
                self._tell(f"kept       {file.path}: it is your own; the new one is {path}")
            else:
                self._tell(f"{state:<10} {path}")
            sha256[str(path)] = _sha256(file.content)
            self._write_record(Record(sha256, folders, has_user))
            self._write(path, file.content, file.mode)
        self._write_record(Record(sha256, folders, has_user))

    def uninstall(self) -> Record | None:
        """Remove what `install` wrote and nobody changed since; None where nothing was installed.

        Raises:
            InputOutputError: a file cannot be removed.
        """
        if self.content(RECORD_PATH) is None:
            return None
        record = self.record()
        for text, sha256 in record.sha256.items():
            content = self.content(Path(text))
            if content is None:
                self._tell(f"absent     {text}")
            elif _sha256(content) == sha256:
                self._remove(Path(text))
                self._tell(f"removed    {text}")
            else:
                self._tell(f"kept       {text}: it was changed after the installation")
        self._remove(RECORD_PATH)
        for text in reversed(record.folders):
            if self._remove_empty(Path(text)):
                self._tell(f"removed    {text}")
        return record

    def _remove(self, path: Path) -> None:
        try:
            with self._folder_of(path) as folder:
                if folder is not None:
                    folder.unlink(path.name)
        except OSError as error:
            raise _told(error, self.at(path), "removed") from error

    def _remove_empty(self, path: Path) -> bool:
        try:
            with self._folder_of(path) as folder:
                if folder is None or not folder.is_folder(path.name):
                    return False
                with folder.folder(path.name) as inner:
                    if inner.names():
                        return False
                folder.remove_folder(path.name, levels=1)
        except OSError as error:
            raise _told(error, self.at(path), "removed") from error
        return True

    def record(self) -> Record:
        """What was installed; empty where nothing was.

        Raises:
            InputOutputError: the record is not readable.
        """
        path = self.at(RECORD_PATH)
        content = self.content(RECORD_PATH)
        if content is None:
            return Record({})
        try:
            stored = json.loads(content)
            record = Record(dict(stored["sha256"]), list(stored["folders"]), bool(stored["has_user"]))
            if not all(_is_plain(name) for name in [*record.sha256, *record.folders]):
                raise ValueError
        except (ValueError, KeyError, TypeError) as error:
            raise InputOutputError(f"{path}: no record of an installation; remove it, and the files by hand") from error
        return record

    def _write_record(self, record: Record) -> None:
        stored = {"sha256": dict(record.sha256), "folders": list(record.folders), "has_user": record.has_user}
        self._write(RECORD_PATH, json.dumps(stored, indent=2).encode() + b"\n", 0o644)

    def _missing_folders(self, path: Path) -> list[str]:
        missing = []
        try:
            for folder in reversed(path.parents[:-1]):
                with self._folder_of(folder) as above:
                    if above is None or above.about(folder.name) is None:
                        missing.append(str(folder))
        except OSError as error:
            raise _told(error, self.at(path), "written") from error
        return missing

    def _write(self, path: Path, content: bytes, mode: int) -> None:
        try:
            with self._folder_of(path, make=True) as folder:
                assert folder is not None, "it is made"
                with whole_file_in(folder, path.name, mode) as file:
                    os.fchmod(file.fileno(), mode)  # whatever the umask
                    file.write(content)
        except OSError as error:
            raise _told(error, self.at(path), "written") from error


def _told(error: OSError, path: Path, what: str) -> InputOutputError:
    return InputOutputError(f"{error.filename or path}: cannot be {what} ({error.strerror}); use sudo")


def _is_plain(text: object) -> bool:
    """Whether it is a path from the root, with no way back up."""
    return isinstance(text, str) and text.startswith("/") and not {"..", "."} & set(text.split("/")) and text != "/"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
