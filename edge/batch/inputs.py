"""What the inputs on the command line stand for: pictures and clips, each with a name for its result."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import cv2

from edge.basics.errors import EdgeError, InputOutputError
from edge.batch.clip_writer import CLIP_SUFFIX
from edge.pictures.files import CLIP_SUFFIXES, PICTURE_SUFFIXES
from edge.pictures.marks import mode_of_file
from edge.pictures.reading.picture_file import is_picture, num_pages_of
from edge.saving.sidecar import sidecar_path
from edge.sources.clip import capture_at_first_frame

Kind = Literal["picture", "clip"]
_MAX_PLAUSIBLE_FRAMES = 10_000_000


class Failure(NamedTuple):
    """An input that came to nothing, and why in one line."""

    path: Path
    error: EdgeError


class ClipFacts(NamedTuple):
    """What a clip says of itself; `num_frames` is its promise, 1 where it makes none."""

    width_px: int
    height_px: int
    num_frames: int


class Target(NamedTuple):
    """Where a result goes. A clip has no raw file: its original is the raw one."""

    enhanced: Path
    raw: Path | None

    @property
    def files(self) -> tuple[Path, ...]:
        """All that is written, the sidecar last."""
        pictures = (self.enhanced,) if self.raw is None else (self.raw, self.enhanced)
        return (*pictures, sidecar_path(self.enhanced))


@dataclass(frozen=True, slots=True)
class Job:
    """One picture or clip to be enhanced.

    Attributes:
        given: the input on the command line that it came with; one warning each is enough.
        clip: None for a picture.
        page: of a picture file, from 1.
    """

    given: str
    source: Path
    target: Target
    clip: ClipFacts | None = None
    page: int = 1

    @property
    def num_frames(self) -> int:
        return self.clip.num_frames if self.clip else 1


def plan(inputs: Sequence[Path | str], output: Path) -> tuple[list[Job], list[Failure]]:
    """Find the pictures and clips behind the inputs, in order, each file once.

    A folder stands for its pictures and clips, 2 before 10, without its subfolders, hidden files and what
    this program has enhanced. A file is taken by its ending, or tried as a picture and then as a clip.
    """
    found: dict[Path, tuple[str, Path, ClipFacts | None]] = {}
    failures: list[Failure] = []
    for given in inputs:
        try:
            for path in _files_of(Path(given).expanduser(), output):
                try:
                    found.setdefault(path.resolve(), (str(given), path, _clip_facts_if_clip(path)))
                except InputOutputError as error:
                    failures.append(Failure(path, error))
        except InputOutputError as error:
            failures.append(Failure(Path(given).expanduser(), error))
    sources = [(given, path, clip, page) for given, path, clip in found.values() for page in _pages_of(path, clip)]
    names = output_names([(_named_by(path, page), "clip" if clip else "picture") for _, path, clip, page in sources])
    jobs = [
        Job(given, path, _target(output, name, is_clip=clip is not None), clip, page or 1)
        for (given, path, clip, page), name in zip(sources, names, strict=True)
    ]
    return jobs, failures


def _pages_of(path: Path, clip: ClipFacts | None) -> Sequence[int]:
    """The pages of a picture file from 1; 0 alone where there is only one."""
    num_pages = 1 if clip else num_pages_of(path)
    return [0] if num_pages == 1 else range(1, num_pages + 1)


def _named_by(path: Path, page: int) -> Path:
    """The file that a page would be if it were one: `series.tif` has `series-p001.tif`."""
    return path.with_name(f"{path.stem}-p{page:03d}{path.suffix}") if page else path


def _target(output: Path, name: str, *, is_clip: bool) -> Target:
    if is_clip:
        return Target(output / f"{name}_enhanced{CLIP_SUFFIX}", None)
    return Target(output / f"{name}_enhanced.png", output / f"{name}_raw.png")


def _files_of(path: Path, output: Path) -> Iterator[Path]:
    try:
        if not path.is_dir():
            yield _checked_file(path)
            return
        files = [file for file in path.iterdir() if not file.name.startswith(".") and file.is_file()]
    except OSError as error:
        raise InputOutputError(f"{path}: cannot be read: {error.strerror or error}") from error
    known = [file for file in files if file.suffix.lower() in PICTURE_SUFFIXES | CLIP_SUFFIXES]
    if not known:
        endings = " ".join(sorted(PICTURE_SUFFIXES | CLIP_SUFFIXES))
        raise InputOutputError(f"{path}: no pictures or clips in this folder; expected files ending in {endings}")
    own_modes = {"enhanced", "raw"} if path.resolve() == output.resolve() else {"enhanced"}
    yield from (file for file in sorted(known, key=_natural_key) if mode_of_file(file) not in own_modes)


def _checked_file(path: Path) -> Path:
    if not path.exists():
        raise InputOutputError(f"{path}: no such file or folder")
    if not path.is_file():
        raise InputOutputError(f"{path}: not a file; a camera is shown with --live --source")
    if mode_of_file(path) == "enhanced":
        raise InputOutputError(f"{path}: is enhanced already; give its original")
    return path


def _natural_key(path: Path) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(int(part), part) if part.isdecimal() else (-1, part) for part in parts]


def _clip_facts_if_clip(path: Path) -> ClipFacts | None:
    """The facts of a clip, None for a picture."""
    suffix = path.suffix.lower()
    if suffix in PICTURE_SUFFIXES:
        return None
    if suffix in CLIP_SUFFIXES:
        return clip_facts(path)
    if is_picture(path):
        return None
    try:
        return clip_facts(path)
    except InputOutputError as not_a_clip:
        if not path.stat().st_size:
            raise
        endings = " ".join(sorted(PICTURE_SUFFIXES | CLIP_SUFFIXES))
        raise InputOutputError(f"{path}: neither a picture nor a clip; expected a file like {endings}") from not_a_clip


def clip_facts(path: Path) -> ClipFacts:
    """Size and number of frames of a clip.

    Raises:
        InputOutputError: missing, empty, not a clip, or no frame of it can be decoded.
    """
    capture = capture_at_first_frame(path)
    try:
        properties = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_COUNT)
        width_px, height_px, num_frames = (int(capture.get(number)) for number in properties)
    finally:
        capture.release()
    return ClipFacts(width_px, height_px, num_frames if 0 < num_frames < _MAX_PLAUSIBLE_FRAMES else 1)


def output_names(sources: Iterable[tuple[Path, Kind]]) -> list[str]:
    """A name for each result, as short as it can be without two of a kind being the same.

    `throat.png` gives `throat`. Where several would share a name, each of them takes the first of these that
    is its own: with its ending, `throat_png`; with its folder, `monday_throat`; with both; with a number,
    `throat_2`, in the order given. Upper and lower case are taken as the same, as some disks do. The names
    depend on the set of inputs, so give the same ones to go on with `--resume`.
    """
    left = dict(enumerate(sources))
    names: dict[int, str] = {}
    taken: set[tuple[Kind, str]] = set()
    for name_of in _NAME_FORMS:
        wanted = {index: (kind, name_of(path).casefold()) for index, (path, kind) in left.items()}
        counts = Counter(wanted.values())
        for index, key in wanted.items():
            if counts[key] == 1 and key not in taken:
                taken.add(key)
                names[index] = name_of(left.pop(index)[0])
    for index, (path, kind) in left.items():
        number = 2
        while (kind, f"{path.stem}_{number}".casefold()) in taken:
            number += 1
        names[index] = f"{path.stem}_{number}"
        taken.add((kind, names[index].casefold()))
    return [names[index] for index in sorted(names)]


def _with_ending(path: Path) -> str:
    return f"{path.stem}_{path.suffix[1:]}" if path.suffix else path.stem


_NAME_FORMS: tuple[Callable[[Path], str], ...] = (
    lambda path: path.stem,
    _with_ending,
    lambda path: f"{path.resolve().parent.name}_{path.stem}",
    lambda path: f"{path.resolve().parent.name}_{_with_ending(path)}",
)
