"""A unit's installed profiles: every version in a folder of its own, the one in use named by a link.

    models/live -> versions/live-<16 hex>               what `load_profile` finds; exchanged by one rename
    models/versions/live-<16 hex>/                      a bundle's files and its `bundle.json`
    models/versions/live-<16 hex>/previous -> ../...    the version that was in use before; absent: the shipped profile
    models/versions/.live-<16 hex>.edge.part/           being unpacked or removed

Whenever the power goes, the link names a complete version, the old or the new one. What else was left lying is removed
by the next command, or by `ModelStore.remove_leftovers` at the start of the program.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.basics.errors import InputOutputError, ModelError
from edge.basics.whole_files import PART_SUFFIX, part_of, sync_folder
from edge.models.bundle import Contents, check_unpacked, opened_bundle

VERSIONS, PREVIOUS, LOCK = "versions", "previous", ".lock"


class ModelStore:
    """The folder `engine.models`. A version goes by the name of its folder, the shipped profile by an empty one.

    Every method raises InputOutputError where the folder cannot be read or written. What changes it runs under
    `locked`.
    """

    def __init__(self, root: Path) -> None:
        self.root, self._versions = root, root / VERSIONS

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the store alone, leftovers removed; raises InputOutputError where another command has it."""
        with _one_line_errors(self.root):
            self._versions.mkdir(mode=0o755, parents=True, exist_ok=True)
        with self._lock():
            self.prune()
            yield

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with _one_line_errors(self.root):
            descriptor = os.open(self._versions / LOCK, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                message = f"{self.root}: another edge-enhance model command is at work; wait for its end"
                raise InputOutputError(message) from error
            yield
        finally:
            os.close(descriptor)

    def remove_leftovers(self) -> list[Path]:
        """For the start of the program: remove what a power cut left, unless a command is at work.

        Returns:
            What was removed.
        """
        if not self._versions.is_dir():
            return []
        try:
            with self._lock():
                return self.prune()
        except InputOutputError:  # in use, or not ours to write: a later start or command does it
            return []

    def prune(self) -> list[Path]:
        """Remove all but the versions in use and their previous ones; what was removed."""
        with _one_line_errors(self.root):
            kept = self._kept()
            found = [path for folder in (self.root, self._versions) for path in folder.iterdir() if _is_part(path)]
            found += [path for path in self._folders() if path.name not in kept]
            found += [path for name in kept if os.path.lexists(path := part_of(self.folder(name) / PREVIOUS))]
            for path in found:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)  # cut short, it is still a version that nothing names
                else:
                    path.unlink()
        return found

    def _kept(self) -> set[str]:
        in_use = {name for link in self.root.iterdir() if (name := self._named_by(link))}
        return in_use | {self.previous_of(name) for name in in_use} - {""}

    def _folders(self) -> list[Path]:
        return sorted(path for path in self._versions.iterdir() if path.is_dir() and not _is_part(path))

    def folder(self, name: str) -> Path:
        return self._versions / name

    def in_use(self, profile: str) -> str:
        """The version in use.

        Raises:
            ModelError: the profile lies there in a way that this store did not put it.
        """
        link = self.root / profile
        with _one_line_errors(self.root):
            name = self._named_by(link)
        if not name and os.path.lexists(link):
            raise ModelError(f"{link}: was put there by hand; move it away: mv {link} {link}.old")
        return name

    def previous_of(self, name: str) -> str:
        """The version that was in use before another."""
        link = self.folder(name) / PREVIOUS
        with _one_line_errors(link):
            return link.readlink().name if link.is_symlink() else ""

    def _named_by(self, link: Path) -> str:
        """The version that a link in the root names; empty where it is no link of this store."""
        if not link.is_symlink() or _is_part(link):
            return ""
        target = link.readlink()
        return target.name if target == Path(VERSIONS) / target.name else ""

    def names(self) -> list[str]:
        """All versions that are kept."""
        if not self._versions.is_dir():
            return []
        with _one_line_errors(self._versions):
            return [path.name for path in self._folders()]

    def checked(self, name: str) -> Contents:
        """What a version holds, every file's hash checked; raises ModelError where it is not kept or damaged."""
        if not self.folder(name).is_dir():
            raise ModelError(f"{self.folder(name)}: this version is not kept; install its bundle again")
        return check_unpacked(self.folder(name))

    def take(self, bundle: Path, sha256: str, prove: Callable[[Path, Contents], None]) -> tuple[Contents, str, str]:
        """Unpack, check, prove and keep a bundle; `use` then puts it in use.

        Args:
            prove: given the temporary folder; what it raises leaves nothing behind.

        Returns:
            What the bundle holds, its version, and the version in use, which is recorded as the one before.

        Raises:
            ModelError, InputOutputError: the bundle is wrong or cannot be read.
        """
        with self.unpacked(bundle, sha256) as (part, contents):
            before = self.in_use(contents.profile)
            prove(part, contents)
            name = self.keep(part, contents)
        if name != before:
            self.set_previous(name, before)
        return contents, name, before

    @contextmanager
    def unpacked(self, bundle: Path, sha256: str) -> Iterator[tuple[Path, Contents]]:
        """A bundle's files in a temporary folder, complete and checked; it is gone at the end unless kept.

        Raises:
            ModelError, InputOutputError: the bundle is wrong or cannot be read.
        """
        part: Path | None = None
        try:
            with opened_bundle(bundle) as opened:
                part = part_of(self.folder(opened.contents.name))
                part.mkdir()
                part.chmod(0o755)  # whoever installs, the service reads
                opened.unpack(part, sha256)
            yield part, opened.contents
        finally:
            if part is not None:
                shutil.rmtree(part, ignore_errors=True)

    def keep(self, part: Path, contents: Contents) -> str:
        """Make an unpacked bundle a version, not yet in use; one that is there already stays, unless it is damaged."""
        folder = self.folder(contents.name)
        with _one_line_errors(folder):
            if folder.is_dir():
                try:
                    check_unpacked(folder)
                    return contents.name
                except ModelError:
                    folder.rename(part_of(folder.with_name(f"{folder.name}.damaged")))
            part.rename(folder)
            sync_folder(self._versions)
        return contents.name

    def use(self, profile: str, name: str) -> None:
        """Put a version in use."""
        with _one_line_errors(self.root):
            _link(self.root / profile, Path(VERSIONS) / name if name else None)

    def set_previous(self, name: str, previous: str) -> None:
        """Record which version `name` follows. Before it is put in use: then one rename changes both."""
        with _one_line_errors(self.root):
            _link(self.folder(name) / PREVIOUS, Path("..") / previous if previous else None)


def _link(link: Path, target: Path | None) -> None:
    """Point a link somewhere else at once, on the disk when this returns; no target, no link."""
    part = part_of(link)
    part.unlink(missing_ok=True)
    if target is None:
        link.unlink(missing_ok=True)
    else:
        part.symlink_to(target)
        part.replace(link)
    sync_folder(link.parent)


def _is_part(path: Path) -> bool:
    return path.name.startswith(".") and path.name.endswith(PART_SUFFIX)


@contextmanager
def _one_line_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{error.filename or path}: {error.strerror or error}"
        raise InputOutputError(
            f"{message}; needs room on the disk, and root or the service's user to write it"
        ) from error
