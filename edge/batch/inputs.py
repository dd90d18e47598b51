"""What the inputs on the command line stand for: pictures and clips, each with a name for its result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from edge.basics.errors import EdgeError, InputOutputError
from edge.batch.finding import KNOWN_SUFFIXES, Finder, given_path, real_path
from edge.batch.names import output_names
from edge.clips.encode import Codec, suffix_of
from edge.clips.facts import ClipFacts, clip_facts
from edge.clips.formats import CLIP_SUFFIXES, ListOfFiles
from edge.clips.program import NoFfmpeg
from edge.pictures.files import PICTURE_SUFFIXES
from edge.pictures.image import Mode
from edge.pictures.reading.picture_file import is_picture, num_pages_of
from edge.pictures.view_names import earlier_name, view_name
from edge.saving.sidecar import sidecar_path


class Failure(NamedTuple):
    """An input that came to nothing, and why in one line."""

    path: Path
    error: EdgeError


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
        earlier: where this program put the result before; read, never written.
        clip: None for a picture.
        page: of a picture file, from 1.
    """

    given: str
    source: Path
    target: Target
    earlier: Target
    clip: ClipFacts | None = None
    page: int = 1

    @property
    def num_frames(self) -> int:
        return self.clip.num_frames if self.clip else 1


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


def plan(inputs: Sequence[Path | str], output: Path, *, recursive: bool = False, codec: Codec = "h264") -> Plan:
    """Find the pictures and clips behind the inputs, in order, each file once.

    A folder stands for its pictures and clips, 2 before 10, without its subfolders (unless `recursive`), hidden files
    and what this program has enhanced. A file is taken by its ending, or tried as a picture and then as a clip.
    A name that cannot be used fails alone.
    """
    found: dict[Path, tuple[str, Path, ClipFacts | None]] = {}
    failures: list[Failure] = []
    finder = Finder(output, recursive=recursive)
    for given in inputs:
        whole = given_path(given)
        try:
            for path in finder.files_of(whole):
                try:
                    found.setdefault(real_path(path), (str(given), path, _clip_facts_if_clip(path)))
                except (InputOutputError, OSError, ValueError) as error:
                    failures.append(Failure(path, _told(path, error)))
        except (InputOutputError, OSError, ValueError) as error:
            failures.append(Failure(whole, _told(whole, error)))
    sources = [(given, path, clip, page) for given, path, clip in found.values() for page in _pages_of(path, clip)]
    names = output_names([(_named_by(path, page), "clip" if clip else "picture") for _, path, clip, page in sources])
    jobs = [
        Job(given, path, *_targets(output, name, suffix_of(codec) if clip else ""), clip, page or 1)
        for (given, path, clip, page), name in zip(sources, names, strict=True)
    ]
    return Plan(jobs, failures, finder.left_out)


def _pages_of(path: Path, clip: ClipFacts | None) -> Sequence[int]:
    """The pages of a picture file from 1; 0 alone where there is only one."""
    num_pages = 1 if clip else num_pages_of(path)
    return [0] if num_pages == 1 else range(1, num_pages + 1)


def _named_by(path: Path, page: int) -> Path:
    """The file that a page would be if it were one: `series.tif` has `series-p001.tif`."""
    return path.with_name(f"{path.stem}-p{page:03d}{path.suffix}") if page else path


def _told(path: Path, error: EdgeError | OSError | ValueError) -> EdgeError:
    if isinstance(error, EdgeError):
        return error
    reason = getattr(error, "strerror", None) or error
    return InputOutputError(f"{path}: cannot be read: {reason}")


def _target(output: Path, name: str, clip_suffix: str, naming: Callable[[str, Mode, str], str] = view_name) -> Target:
    if clip_suffix:
        return Target(output / naming(name, "enhanced", clip_suffix), None)
    return Target(output / naming(name, "enhanced", ".png"), output / naming(name, "raw", ".png"))


def _targets(output: Path, name: str, clip_suffix: str) -> tuple[Target, Target]:
    """Where a result goes, and where it went before."""
    return _target(output, name, clip_suffix), _target(output, name, clip_suffix, earlier_name)


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
    except ListOfFiles:
        raise
    except NoFfmpeg as error:
        raise InputOutputError(f"{path}: not a picture, and {error}") from error
    except InputOutputError as not_a_clip:
        if not path.stat().st_size:
            raise
        endings = " ".join(sorted(KNOWN_SUFFIXES))
        raise InputOutputError(f"{path}: neither a picture nor a clip; expected a file like {endings}") from not_a_clip
