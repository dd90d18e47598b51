"""What the inputs on the command line stand for: pieces of work, each with a name for its result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from edge.basics.errors import EdgeError, InputOutputError
from edge.batch.finding import Finder, given_path, real_path
from edge.batch.kinds.dicom import DicomKind
from edge.batch.kinds.every import KINDS, kind_of
from edge.batch.kinds.kind import Kind, Options, Piece
from edge.batch.names import output_names
from edge.pictures.view_names import earlier_name, view_name
from edge.saving.sidecar import sidecar_path


class Failure(NamedTuple):
    """An input that came to nothing, and why in one line."""

    path: Path
    error: EdgeError
    page: int = 1


@dataclass(frozen=True, slots=True)
class Job:
    """A piece and what the run knows of it.

    Attributes:
        given: the input on the command line that it came with; one warning each is enough.
        num_frames: a guess.
    """

    given: str
    piece: Piece
    num_frames: int

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all that is written, the sidecar last."""
        names = KINDS[self.piece.kind].outputs(self.piece.name, self.piece.options, view_name)
        return (*names, sidecar_path(Path(names[-1])).name)

    @property
    def sidecars(self) -> tuple[str, ...]:
        """The name of its sidecar, and what this program called it before; that one is read, never written."""
        earlier = KINDS[self.piece.kind].outputs(self.piece.name, self.piece.options, earlier_name)
        return self.files[-1], sidecar_path(Path(earlier[-1])).name


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run shall do.

    Attributes:
        failures: inputs that came to nothing already.
        left_out: what folders held beside pictures and clips, by kind.
    """

    jobs: list[Job]
    failures: list[Failure]
    left_out: Counter[str]


class _Found(NamedTuple):
    given: str
    path: Path
    kind: Kind
    num_pages: int
    num_frames: int


def plan(
    inputs: Sequence[Path | str],
    output: Path,
    *,
    recursive: bool = False,
    options: Options | None = None,
    on_file: Callable[[], object] = lambda: None,
) -> Plan:
    """Find what is behind the inputs, in order, each file once. No file is read further than its kind and pages take.

    A folder stands for its pictures and clips, 2 before 10, without its subfolders (unless `recursive`), hidden files
    and what this program has enhanced. A file is taken by its ending, or by its first bytes.
    A name that cannot be used fails alone.

    Args:
        on_file: called for each file that is found.
    """
    found: dict[Path, _Found] = {}
    failures: list[Failure] = []
    finder = Finder(output, recursive=recursive)
    for given in inputs:
        whole = given_path(given)
        try:
            for path in finder.files_of(whole):
                on_file()
                origin = real_path(path)
                if origin not in found:
                    kind = kind_of(path)
                    found[origin] = _Found(str(given), path, kind, kind.num_pages(path), kind.num_frames(path))
        except (InputOutputError, OSError, ValueError) as error:
            failures.append(Failure(whole, _told(whole, error)))
    pages = [(one, origin, page) for origin, one in found.items() for page in _numbers(one.num_pages)]
    how = options or Options()
    shown = {origin: _shown(one, origin, how.deidentify) for origin, one in found.items()}
    names = output_names([(_named_by(shown[origin], one.kind, page), one.kind.name) for one, origin, page in pages])
    jobs = [
        Job(
            one.given,
            Piece(one.kind.name, one.path, origin if how.deidentify is None else shown[origin], name, page or 1, how),
            one.num_frames,
        )
        for (one, origin, page), name in zip(pages, names, strict=True)
    ]
    return Plan(jobs, failures, finder.left_out)


def _shown(one: _Found, origin: Path, key: bytes | None) -> Path:
    """What names are made of: the file's own, or one that tells nothing of it."""
    if key is not None:
        from edge.dicom.derived.deidentify import Deidentifier

        return Path(Deidentifier(key).alias("file", str(origin)))
    has_no_ending = one.kind.name == DicomKind.name and one.path.suffix[1:].isdecimal()  # the end of a UID is none
    return one.path.with_name(f"{one.path.name}.dcm") if has_no_ending else one.path


def _numbers(num_pages: int) -> Sequence[int]:
    """Pages from 1; 0 alone where there is only one."""
    return [0] if num_pages == 1 else range(1, num_pages + 1)


def _named_by(path: Path, kind: Kind, page: int) -> Path:
    """The file that a page would be if it were one: `series.tif` has `series-p001.tif`."""
    return path.with_name(f"{path.stem}-{kind.page_letter}{page:03d}{path.suffix}") if page else path


def _told(path: Path, error: EdgeError | OSError | ValueError) -> EdgeError:
    if isinstance(error, EdgeError):
        return error
    reason = getattr(error, "strerror", None) or error
    return InputOutputError(f"{path}: cannot be read: {reason}")
