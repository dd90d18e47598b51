"""Installs the service's files and takes exactly those away again; what a user changed is the user's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.basics.errors import InputOutputError
from edge.basics.whole_files import write_whole
from edge.service.files import RECORD_PATH, ServiceFile

Tell = Callable[[str], None]


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
            path = self.at(file.path)
            if not path.exists():
                yield file, "new"
                continue
            content = path.read_bytes()
            if content == file.content:
                yield file, "unchanged"
            elif written.get(str(file.path)) == _sha256(content) and not file.is_kept:
                yield file, "replaced"
            else:
                yield file, "kept"

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
            self._write(path, file.content)
        self._write_record(Record(sha256, folders, has_user))

    def uninstall(self) -> Record | None:
        """Remove what `install` wrote and nobody changed since; None where nothing was installed.

        Raises:
            InputOutputError: a file cannot be removed.
        """
        if not self.at(RECORD_PATH).exists():
            return None
        record = self.record()
        for text, sha256 in record.sha256.items():
            path = self.at(Path(text))
            try:
                if not path.exists():
                    self._tell(f"absent     {text}")
                elif _sha256(path.read_bytes()) == sha256:
                    path.unlink()
                    self._tell(f"removed    {text}")
                else:
                    self._tell(f"kept       {text}: it was changed after the installation")
            except OSError as error:
                raise InputOutputError(f"{path}: cannot be removed ({error.strerror}); use sudo") from error
        self.at(RECORD_PATH).unlink()
        for text in reversed(record.folders):
            folder = self.at(Path(text))
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
                self._tell(f"removed    {text}")
        return record

    def record(self) -> Record:
        """What was installed; empty where nothing was.

        Raises:
            InputOutputError: the record is not readable.
        """
        path = self.at(RECORD_PATH)
        if not path.exists():
            return Record({})
        try:
            stored = json.loads(path.read_bytes())
            return Record(dict(stored["sha256"]), list(stored["folders"]), bool(stored["has_user"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputOutputError(f"{path}: no record of an installation; remove it, and the files by hand") from error

    def _write_record(self, record: Record) -> None:
        stored = {"sha256": dict(record.sha256), "folders": list(record.folders), "has_user": record.has_user}
        self._write(RECORD_PATH, json.dumps(stored, indent=2).encode() + b"\n")

    def _missing_folders(self, path: Path) -> list[str]:
        parents = [folder for folder in path.parents if not self.at(folder).exists()]
        return [str(folder) for folder in reversed(parents)]

    def _write(self, path: Path, content: bytes) -> None:
        target = self.at(path)
        try:
            for folder in self._missing_folders(path):
                self.at(Path(folder)).mkdir(mode=0o755)
                self.at(Path(folder)).chmod(0o755)  # whatever the umask: the service's user reads them
            write_whole(target, content)
            target.chmod(0o644)
        except OSError as error:
            raise InputOutputError(f"{target}: cannot be written ({error.strerror}); use sudo") from error


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
