"""A unit's installed profiles: every version in a folder of its own, the one in use named by a link.

    models/live -> versions/live-<16 hex>               what `load_profile` finds; exchanged by one rename
    models/versions/live-<16 hex>/                      a bundle's files and its `bundle.json`
    models/versions/live-<16 hex>/previous -> ../...    the version that was in use before; absent: the shipped profile
    models/versions/.live-<16 hex>.edge.part/           being unpacked or removed

Whenever the power goes, the link names a complete version, the old or the new one. What else was left lying is removed
by the next command, or by `ModelStore.remove_leftovers` at the start of the program. Nothing else is: what is not of
this form stays and is told, and everything is done through descriptors of the two folders (`edge.basics.folders`), so
that no link put there leads anywhere else.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from edge.basics.errors import InputOutputError, ModelError
from edge.basics.folders import Folder, open_folder
from edge.basics.whole_files import part_name, whole_file_in
from edge.models.bundle import BUNDLE_NAME, SIGNATURE_NAME, Contents, check_unpacked
from edge.models.bundle_file import Bundle
from edge.models.versions import PREVIOUS, VERSION_NAME, VERSIONS, previous_in, version_named_by
from edge.updates.pruning import Pruned, prune

LOCK = ".lock"
SPARE_BYTES = 32 << 20
"""Left free on the disk when a bundle is unpacked: pictures are saved there too."""


class ModelStore:
    """The folder `engine.models`. A version goes by the name of its folder, the shipped profile by an empty one.

    Every method raises InputOutputError where the folder cannot be read or written. What changes it runs under
    `locked`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._held: tuple[Folder, Folder] | None = None

    @contextmanager
    def locked(self) -> Iterator[Pruned]:
        """Hold the store alone, leftovers removed; raises InputOutputError where another command has it.

        Gives what was removed and what was left.
        """
        with ExitStack() as stack:
            with _one_line_errors(self.root):
                root = stack.enter_context(open_folder(self.root, 0o755))
                if os.geteuid() == 0 and root.owner().st_uid != 0:
                    raise InputOutputError(f"{self.root}: is not root's any more; run the command again")
                if root.about(VERSIONS) is None:
                    root.make_folder(VERSIONS, 0o755)
                stack.enter_context(self._lock(root))
            yield self.prune()

    @contextmanager
    def _lock(self, root: Folder) -> Iterator[None]:
        with ExitStack() as stack:
            with _one_line_errors(self.root):
                versions = stack.enter_context(root.folder(VERSIONS))
                with suppress(FileExistsError):
                    versions.create(LOCK, 0o644).close()
                file = stack.enter_context(versions.open(LOCK))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                message = f"{self.root}: another edge-enhance model command is at work; wait for its end"
                raise InputOutputError(message) from error
            self._held = root, versions
            try:
                yield
            finally:
                self._held = None

    @contextmanager
    def _opened(self) -> Iterator[tuple[Folder, Folder]]:
        """The store's two folders, errors told in one line."""
        with _one_line_errors(self.root):
            if self._held is not None:
                yield self._held
                return
            with open_folder(self.root) as root, root.folder(VERSIONS) as versions:
                yield root, versions

    def remove_leftovers(self) -> Pruned:
        """For the start of the program: remove what a power cut left, unless a command is at work."""
        try:
            with open_folder(self.root) as root:
                if root.about(VERSIONS) is None:
                    return Pruned()
                with self._lock(root):
                    return self.prune()
        except FileNotFoundError:
            return Pruned()
        except (InputOutputError, OSError):  # in use, or not ours to write: a later start or command does it
            return Pruned()

    def prune(self) -> Pruned:
        """Remove all versions but those in use and their previous ones."""
        with self._opened() as (root, versions):
            return prune(root, versions, kept={LOCK})

    def folder(self, name: str) -> Path:
        return self.root / VERSIONS / name

    def in_use(self, profile: str) -> str:
        """The version in use.

        Raises:
            ModelError: the profile lies there in a way that this store did not put it.
        """
        try:
            with _one_line_errors(self.root), open_folder(self.root) as root:
                name, is_there = version_named_by(root, profile), root.about(profile) is not None
        except InputOutputError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return ""
            raise
        if not name and is_there:
            link = self.root / profile
            raise ModelError(f"{link}: was put there by hand; move it away: mv {link} {link}.old")
        return name

    def previous_of(self, name: str) -> str:
        """The version that was in use before another."""
        with self._opened() as (_, versions):
            return previous_in(versions, name)

    def names(self) -> list[str]:
        """All versions that are kept."""
        try:
            with self._opened() as (_, versions):
                return [name for name in versions.names() if VERSION_NAME.fullmatch(name) and versions.is_folder(name)]
        except InputOutputError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return []
            raise

    def checked(self, name: str) -> Contents:
        """What a version holds, every file's hash checked; raises ModelError where it is not kept or damaged."""
        with self._opened() as (_, versions):
            if not versions.is_folder(name):
                raise ModelError(f"{self.folder(name)}: this version is not kept; install its bundle again")
            with versions.folder(name) as folder:
                return check_unpacked(folder)

    def take(self, bundle: Bundle, sha256: str | None, prove: Callable[[Path], None]) -> tuple[str, str]:
        """Unpack, check, prove and keep a bundle; `use` then puts it in use.

        Args:
            sha256: what the bundle must hash to; None where its signature says enough.
            prove: given the temporary folder; what it raises leaves nothing behind.

        Returns:
            Its version, and the version in use, which is recorded as the one before.

        Raises:
            ModelError, InputOutputError: the bundle is wrong or cannot be read.
        """
        contents = bundle.contents
        part = part_name(contents.name)
        before = self.in_use(contents.profile)
        with self._opened() as (_, versions):
            self._refuse_small_disk(versions, contents)
            versions.make_folder(part, 0o755)
            try:
                with versions.folder(part) as folder:
                    os.fchmod(folder.descriptor, 0o755)  # whoever installs, the service reads
                    bundle.unpack(folder, sha256)
                prove(self.folder(part))
                _keep(versions, part, bundle)
            finally:
                if versions.is_folder(part):
                    versions.remove_folder(part, BUNDLE_NAME)
        if contents.name != before:
            self.set_previous(contents.name, before)
        return contents.name, before

    def _refuse_small_disk(self, versions: Folder, contents: Contents) -> None:
        needed = sum(file.num_bytes for file in contents.files.values())
        disk = os.fstatvfs(versions.descriptor)
        if needed + SPARE_BYTES > disk.f_bavail * disk.f_frsize:
            raise InputOutputError(f"{self.root}: needs room for {needed / 1e6:.1f} MB more; make room on the disk")

    def use(self, profile: str, name: str) -> None:
        """Put a version in use."""
        with self._opened() as (root, _):
            _link(root, profile, f"{VERSIONS}/{name}" if name else None)

    def set_previous(self, name: str, previous: str) -> None:
        """Record which version `name` follows. Before it is put in use: then one rename changes both."""
        with self._opened() as (_, versions), versions.folder(name) as folder:
            _link(folder, PREVIOUS, f"../{previous}" if previous else None)


def _keep(versions: Folder, part: str, bundle: Bundle) -> None:
    """Make an unpacked bundle a version, not yet in use; one that is there already stays, unless it is damaged."""
    name = bundle.contents.name
    if versions.is_folder(name):
        try:
            with versions.folder(name) as folder:
                check_unpacked(folder)
                if bundle.signature is not None:  # it may be of another key than the one before
                    with whole_file_in(folder, SIGNATURE_NAME, 0o644) as file:
                        file.write(bundle.signature)
            return
        except ModelError:
            versions.rename(name, part_name(f"{name}.damaged"))
    versions.rename(part, name)
    versions.sync()


def _link(folder: Folder, name: str, target: str | None) -> None:
    """Point a link somewhere else at once, on the disk when this returns; no target, no link."""
    part = part_name(name)
    if folder.link(part) is not None:
        folder.unlink(part)
    if target is not None:
        folder.make_link(part, target)
        folder.rename(part, name)
    elif folder.link(name) is not None:
        folder.unlink(name)
    folder.sync()


@contextmanager
def _one_line_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{error.filename or path}: {error.strerror or error}"
        raise InputOutputError(
            f"{message}; needs room on the disk, and root or the service's user to write it"
        ) from error
