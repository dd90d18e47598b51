"""The manifest of a training set: which pictures, of which patient and domain, on which side of the split.

One JSON file that a person can read and a diff can follow: an entry a line, in order of path. `edge-train prepare`
makes it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from edge.basics.errors import ConfigError, InputOutputError
from edge.basics.progress import progress
from edge.basics.settings import from_table
from edge.basics.whole_files import write_whole

VERSION = 1
DOMAINS = ("lq", "hq", "unsorted")
SPLITS = ("train", "held_out")

_AGAIN = "run edge-train prepare again"


@dataclass(frozen=True)
class Entry:
    """One picture.

    Attributes:
        path: relative to the manifest's root, with forward slashes.
        sha256: of the file, in hex.
        group: patient or source; near-duplicates share one. A group is on one side of the split.
        domain: a person's decision; "unsorted" where there is none.
        haze, focus: see `trainer.prepare.screening.Scores`.
    """

    path: str
    sha256: str
    width_px: int = field(metadata={"low": 1})
    height_px: int = field(metadata={"low": 1})
    group: str
    domain: str = field(metadata={"choices": DOMAINS})
    split: str = field(metadata={"choices": SPLITS})
    haze: float = field(metadata={"low": 0.0, "high": 1.0})
    focus: float = field(metadata={"low": 0.0, "high": 1.0})


@dataclass(frozen=True)
class Unreadable:
    """A picture that was left out, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Manifest:
    """A training set.

    Attributes:
        path: the manifest's own file, for messages.
        root: folder of the pictures, absolute.
        entries: in order of path.
        unreadable: in order of path; listed, not used.
    """

    path: Path
    root: Path
    entries: tuple[Entry, ...]
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def sha256(self) -> str:
        """Hash of what a training run sees, in hex: sha256 over sorted lines "file's sha256, domain, split, path".

        The same wherever the folder lies; it goes into checkpoints as `data_manifest_sha256`.
        """
        lines = sorted(f"{e.sha256} {e.domain} {e.split} {e.path}\n" for e in self.entries)
        return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()

    def pictures(self, domain: str, split: str, *, required: bool = True) -> list[Path]:
        """Files of a domain on one side of the split, in order of path.

        Raises:
            ConfigError: there is none, and they are `required`.
        """
        found = [self.root / e.path for e in self.entries if (e.domain, e.split) == (domain, split)]
        if required and not found:
            raise ConfigError(f"{self.path}: no picture has domain {domain} and split {split}; {self._cure(domain)}")
        return found

    def check_domains_apart(self) -> None:
        """Raises ConfigError where a group has training pictures in both domains: no scene may be in both."""
        domain_of: dict[str, Entry] = {}
        for entry in self.entries:
            if entry.split != "train" or entry.domain == "unsorted":
                continue
            other = domain_of.setdefault(entry.group, entry)
            if other.domain != entry.domain:
                raise ConfigError(
                    f"{self.path}: {other.path} ({other.domain}) and {entry.path} ({entry.domain}) are of one group, "
                    f"{entry.group}; a scene must not be in both domains: leave one of them unsorted"
                )

    def verify(self) -> None:
        """Check that every picture is there and is the one that was scanned.

        Raises:
            InputOutputError: names the first that is missing or changed, and how many more.
        """
        faults, what = [], f"checking {self.path.name}"
        with ThreadPoolExecutor() as pool, progress(what, len(self.entries), after_s=2) as tick:
            for fault in pool.map(lambda entry: _fault(self.root, entry), self.entries):
                faults += [] if fault is None else [fault]
                tick()
        if faults:
            more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
            raise InputOutputError(f"{faults[0]}{more}; restore it or {_AGAIN} for {self.path}")

    def _cure(self, domain: str) -> str:
        sides = [e.split for e in self.entries if e.domain == domain]
        if sides:
            return f"all {len(sides)} are {sides[0]}: {_AGAIN} with another --held-out share"
        num_unsorted = sum(e.domain == "unsorted" for e in self.entries)
        return (
            f"{num_unsorted} of {len(self.entries)} are unsorted: fill in the domain column of the decision table and "
            f"{_AGAIN} with --decision"
        )


def write_manifest(manifest: Manifest) -> None:
    """Write the manifest to its path, whole or not at all, its root relative to its folder where they share one.

    Raises:
        ConfigError: the entries contradict each other, as in `read_manifest`.
        InputOutputError: it cannot be written.
    """
    _check(manifest)
    parts = [
        f'"version": {VERSION}',
        f'"root": {_json(_portable(manifest.root, manifest.path))}',
        f'"entries": {_lines(manifest.entries)}',
        f'"unreadable": {_lines(manifest.unreadable)}',
    ]
    text = "{\n" + ",\n".join(parts) + "\n}\n"
    try:
        manifest.path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(manifest.path, text.encode(errors="surrogateescape"))
    except OSError as error:
        raise InputOutputError(f"{manifest.path}: cannot be written ({error.strerror}); give another -o") from error


def read_manifest(path: Path) -> Manifest:
    """Read what `write_manifest` wrote; the pictures are not looked at (see `Manifest.verify`).

    Raises:
        InputOutputError: no such file.
        ConfigError: malformed, named by key or entry; a path that leaves the root; a group or a file's sha256 on both
            sides of the split.
    """
    try:
        table = json.loads(path.read_bytes().decode(errors="surrogateescape"))
    except OSError as error:
        raise InputOutputError(
            f"{path}: cannot be read ({error.strerror}); give a manifest made with edge-train prepare"
        ) from error
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}: not JSON ({error}); {_AGAIN}") from error
    if not isinstance(table, dict) or table.get("version") != VERSION:
        found = table.get("version") if isinstance(table, dict) else None
        raise ConfigError(f"{path}: version = {found!r}: expected {VERSION}; {_AGAIN}")
    odd = sorted(set(table) ^ {"version", "root", "entries", "unreadable"})
    if odd:
        raise ConfigError(f"{path}: key {odd[0]!r} is {'unknown' if odd[0] in table else 'missing'}; {_AGAIN}")
    if not isinstance(table["root"], str):
        raise ConfigError(f"{path}: root = {table['root']!r}: expected the folder of the pictures")
    entries = sorted(_rows(Entry, table, "entries", path), key=lambda entry: entry.path)
    unreadable = tuple(_rows(Unreadable, table, "unreadable", path))
    manifest = Manifest(path, (path.resolve().parent / table["root"]).resolve(), tuple(entries), unreadable)
    _check(manifest)
    return manifest


def verified_manifest(path: Path) -> Manifest:
    """`read_manifest`, and every picture is the one that was scanned.

    Raises:
        InputOutputError, ConfigError: as `read_manifest` and `Manifest.verify`.
    """
    manifest = read_manifest(path)
    manifest.verify()
    return manifest


def _rows(kind: type[Any], table: dict[str, Any], key: str, origin: Path) -> Iterable[Any]:
    if not isinstance(table[key], list):
        raise ConfigError(f"{origin}: {key} = {table[key]!r}: expected a list")
    names = [f.name for f in dataclasses.fields(kind)]
    for index, row in enumerate(table[key]):
        dotted = f"{key}[{index}]"
        if not isinstance(row, dict):
            raise ConfigError(f"{origin}: {dotted} = {row!r}: expected an object with {', '.join(names)}")
        missing = [name for name in names if name not in row]
        if missing:
            raise ConfigError(f"{origin}: {dotted}.{missing[0]} is missing; {_AGAIN}")
        yield from_table(kind, row, dotted, str(origin))


def _check(manifest: Manifest) -> None:
    """Raises ConfigError where a path is no path below the root, or one is listed twice, or a split leaks."""
    paths: set[str] = set()
    side_of_group: dict[str, Entry] = {}
    side_of_file: dict[str, Entry] = {}
    for entry in manifest.entries:
        pure = PurePosixPath(entry.path)
        if not entry.path or pure.is_absolute() or ".." in pure.parts:
            raise ConfigError(f"{manifest.path}: path {entry.path!r}: expected one below the root {manifest.root}")
        if entry.path in paths:
            raise ConfigError(f"{manifest.path}: {entry.path} is listed twice; remove one of them")
        paths.add(entry.path)
        if len(entry.sha256) != 64 or set(entry.sha256) - set("0123456789abcdef"):
            raise ConfigError(f"{manifest.path}: {entry.path}: sha256 = {entry.sha256!r}: expected 64 hex digits")
        for seen, key, what in ((side_of_group, entry.group, "group"), (side_of_file, entry.sha256, "file (sha256)")):
            other = seen.setdefault(key, entry)
            if other.split != entry.split:
                raise ConfigError(
                    f"{manifest.path}: {other.path} ({other.split}) and {entry.path} ({entry.split}) share the {what} "
                    f"{key}; put them on one side of the split"
                )


def _fault(root: Path, entry: Entry) -> str | None:
    path = root / entry.path
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"{path}: cannot be read ({error.strerror})"
    return None if digest == entry.sha256 else f"{path}: changed since it was prepared"


def _portable(root: Path, manifest: Path) -> str:
    """Relative, so that manifest and pictures can move together; absolute where they share no folder but the disk's."""
    root, folder = root.resolve(), manifest.parent.resolve()
    if root.anchor != folder.anchor or os.path.commonpath([root, folder]) == root.anchor:
        return root.as_posix()
    return Path(os.path.relpath(root, folder)).as_posix()


def _lines(rows: Sequence[Entry | Unreadable]) -> str:
    body = ",\n".join(_json(dataclasses.asdict(row)) for row in sorted(rows, key=lambda row: row.path))
    return f"[\n{body}\n]" if body else "[]"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
