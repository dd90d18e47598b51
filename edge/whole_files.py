"""Files that are complete or absent, whatever happens, a power cut included.

A hidden temporary name beside the file, fsync, rename, fsync of the folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def write_whole(path: Path, content: bytes) -> None:
    """Write one file."""
    with whole_file(path) as file:
        file.write(content)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Gives an open file that becomes `path` when the block ends; an exception in the block removes it."""
    part = part_of(path)
    try:
        with part.open("wb") as file:
            yield file
            _flush_to_disk(file)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write files into one folder, all of them or, where the disk is full, none.

    The last one tells that the others are there: an old one is removed before the first is replaced, and
    the new one comes last.
    """
    *_, last = contents
    try:
        for path, content in contents.items():
            with part_of(path).open("wb") as file:
                file.write(content)
                _flush_to_disk(file)
        last.unlink(missing_ok=True)
        for path in contents:
            part_of(path).replace(path)
    finally:
        for path in contents:
            part_of(path).unlink(missing_ok=True)
    sync_folder(last.parent)


def part_of(path: Path) -> Path:
    """The temporary name of a file or folder that is not complete."""
    return path.with_name(f".{path.name}.part")


def _flush_to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
