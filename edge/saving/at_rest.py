"""The one place through which the content of what is kept is written and read: plain, or encrypted with a key.

A file bears the same name either way, and its content says which it is (`edge.saving.sealing.sealed`). So what was
saved before a key was set is read as ever, and nobody who asks here sees a difference.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

from edge.basics.errors import ConfigError
from edge.basics.folders import Folder, open_folder, read_at_most
from edge.basics.walk import NotPlain
from edge.basics.whole_files import is_part, whole_name
from edge.config import PrivacyConfig
from edge.saving.sealing.keys import Key, key_of
from edge.saving.sealing.sealed import CutShort, KeyMissing, Sealed, Sealer, opened, read_head, sealed_bytes


class AtRest:
    """Safe to use from any thread.

    Args:
        key: for what is written from now on; None: it is written plain.
        older: keys by which files are read too.
    """

    def __init__(self, key: Key | None = None, older: Sequence[Key] = ()) -> None:
        self._key = key
        self._keys = {one.id: one for one in (*older, *((key,) if key else ()))}

    @property
    def is_encrypting(self) -> bool:
        return self._key is not None

    # ---- to write

    def content(self, name: str, content: bytes) -> bytes:
        """What stands on the disk in a whole file of this name."""
        return content if self._key is None else sealed_bytes(self._key, name, content)

    def growing(self, file: BinaryIO, name: str) -> Growing:
        """A new and empty file of this name that grows."""
        return Growing(file, None if self._key is None else Sealer(self._key, name))

    # ---- to read

    def open(self, folder: Folder, name: str) -> BinaryIO:
        """The content of a plain file, to read and seek in; what was encrypted is checked as it is read.

        A temporary name stands for the one that the file will have. As `Folder.open`, and

        Raises:
            Unreadable: it was changed or cut short, or its key is not here; an OSError.
        """
        return self._opened(folder, name, is_whole=True)

    def read(self, folder: Folder, name: str, most: int) -> bytes:
        """All of it; one of more than `most` bytes raises OSError (EFBIG). Raises as `open`."""
        with self.open(folder, name) as file:
            return read_at_most(file, most, folder.path / name)

    def read_path(self, path: Path, most: int) -> bytes:
        """As `read`."""
        with open_folder(path.parent) as folder:
            return self.read(folder, path.name, most)

    def opened_anywhere(self, file: BinaryIO, path: Path, *, is_whole: bool = True) -> tuple[BinaryIO, str]:
        """The content of an open file, wherever it lies, and the name that it was written under. Raises as `open`.

        Args:
            path: for messages; its last part is the name of one that is not encrypted.
        """
        try:
            head = read_head(file, path)
            file.seek(0)
            name = path.name if head is None else head.name
            return self._read(file, name, path, is_whole=is_whole), name
        except BaseException:
            file.close()
            raise

    def open_cut_short(self, folder: Folder, name: str) -> BinaryIO:
        """As `open`, for one that a power cut may have ended while it grew: as much of it as is whole."""
        return self._opened(folder, name, is_whole=False)

    def shorten(self, folder: Folder, name: str, num_bytes: int) -> None:
        """Cut the content of such a file after so many bytes, and end it; on the disk when this returns.

        Raises:
            OSError: the disk does not take it. Unreadable: it cannot end there.
        """
        with self.open_cut_short(folder, name) as file:
            sealed = file.raw if isinstance(file, io.BufferedReader) else None
            place, end = sealed.cut(num_bytes) if isinstance(sealed, Sealed) else (num_bytes, b"")
        folder.shorten(name, place)
        if end:
            folder.append(name, end)

    def refuse_without_key(self, folder: Folder, name: str) -> None:
        """Raises KeyMissing where a file was encrypted with a key that is not here, and OSError as `Folder.open`."""
        with folder.open(name) as file, contextlib.suppress(CutShort):
            head = read_head(file, folder.path / name)
            if head is not None and head.key_id not in self._keys:
                raise KeyMissing(folder.path / name, head.key_id)

    def _opened(self, folder: Folder, name: str, *, is_whole: bool) -> BinaryIO:
        file = folder.open(name)
        try:
            named = whole_name(name) if is_part(name) else name
            return self._read(file, named, folder.path / name, is_whole=is_whole)
        except BaseException:
            file.close()
            raise

    def _read(self, file: BinaryIO, name: str, path: Path, *, is_whole: bool) -> BinaryIO:
        sealed = opened(file, name, path, self._keys.get, is_whole=is_whole)
        return file if sealed is None else cast("BinaryIO", io.BufferedReader(sealed))


PLAIN = AtRest()
"""Without any key."""
_NUM_LOOKED_AT = 300


def at_rest_of(config: PrivacyConfig) -> AtRest:
    """With the keys that the table [privacy] names.

    Raises:
        ConfigError: one of them cannot be had, and why.
    """
    key = key_of("privacy.key", config.key) if config.key else None
    return AtRest(key, [key_of("privacy.old_keys", one) for one in config.old_keys])


def at_rest_with(keys: Sequence[str], config: PrivacyConfig) -> AtRest:
    """To read, for a command: with the keys in these files that `--key` named, or else with those of the table."""
    return AtRest(None, [key_of("--key", one) for one in keys]) if keys else at_rest_of(config)


def refuse_other_keys(folder: Path, at_rest: AtRest) -> None:
    """Refuse to work where what was saved last was encrypted with a key that is not here.

    Raises:
        ConfigError: with what to do.
    """
    with contextlib.suppress(FileNotFoundError, NotPlain), open_folder(folder) as found:
        for name in found.names()[-_NUM_LOOKED_AT:]:
            try:
                at_rest.refuse_without_key(found, name)
            except KeyMissing as error:
                what = f"{error.filename}: {error.strerror}, and others may be"
                raise ConfigError(f"{what}; name its file in privacy.key or privacy.old_keys") from error
            except OSError:  # no file of ours, or one that was cut short
                continue


class Growing:
    """A file that grows by appending. For one thread; the file is the caller's to close.

    Attributes:
        num_bytes: of its content; on_disk: of the file.
    """

    def __init__(self, file: BinaryIO, sealer: Sealer | None) -> None:
        self._descriptor, self._sealer = file.fileno(), sealer
        self.num_bytes = self.on_disk = 0
        self._num_chunks = 0
        self._is_over = False

    def append(self, content: bytes) -> None:
        """Append, on the disk when this returns.

        Raises:
            OSError: the file is as it was before, and takes no more: what was encrypted had its nonces.
        """
        if self._is_over:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if self._sealer is None:
            self._write(content)
        else:
            begin = b"" if self.on_disk else self._sealer.head
            self._write(begin + self._sealer.chunks(content))
            self._num_chunks = self._sealer.num_chunks
        self.num_bytes += len(content)

    def end(self) -> None:
        """Say that it is whole, up to what was appended last; raises OSError. Nothing is appended any more."""
        self._is_over = True
        if self._sealer is not None and self.on_disk:
            self._write(self._sealer.end(self._num_chunks, self.num_bytes))

    def _write(self, content: bytes) -> None:
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(self._descriptor, view) :]
            os.fdatasync(self._descriptor)
        except OSError:
            self._is_over = True
            os.ftruncate(self._descriptor, self.on_disk)
            os.lseek(self._descriptor, self.on_disk, os.SEEK_SET)
            raise
        self.on_disk += len(content)
