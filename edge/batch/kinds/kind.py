"""What a kind of input is, the piece of work that it asks for, and what comes of it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from edge.basics.whole_files import file_sha256
from edge.clips.encode import Codec
from edge.frames.lending import Lend
from edge.pictures.image import Image, Mode
from edge.saving.sidecar import SavedFile, SourceFile

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Options:
    """How results are made.

    Attributes:
        codec: of clips.
        keep_damaged: take what can be read of a damaged picture, and say so in its record.
        deidentify: secret by which what is replaced gets its new names; None where results tell whose they are.
        takes_burned_in: de-identify also what says that text is burned into its pixels.
    """

    codec: Codec = "h264"
    keep_damaged: bool = False
    deidentify: bytes | None = field(default=None, repr=False)
    takes_burned_in: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """A page of a picture file, or a clip: what is done in one go, by whichever worker, on whichever machine.

    Attributes:
        kind: name of its `Kind`.
        path: of the original, as messages call it.
        origin: the same with its links followed, as records call it.
        name: what the names of its files begin with.
        page: from 1.
        content: of the original; None: it is read at `path`.
    """

    kind: str
    path: Path
    origin: Path
    name: str
    page: int = 1
    options: Options = Options()
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file of a result: its content, or the path where it lies whole, to be moved away from there.

    Attributes:
        mode: whether its pixels are the network's or the camera's.
        is_flat: whether it shows next to nothing (`edge.batch.checks.is_flat`), as its original does.
    """

    name: str
    mode: Mode
    num_bytes: int
    sha256: str
    is_flat: bool = False
    content: bytes | None = None
    path: Path | None = None

    @property
    def saved(self) -> SavedFile:
        return SavedFile(self.name, self.mode, self.num_bytes, self.sha256, self.is_flat)


def made_content(name: str, mode: Mode, content: bytes, *, is_flat: bool = False) -> MadeFile:
    return MadeFile(name, mode, len(content), hashlib.sha256(content).hexdigest(), is_flat, content)


def made_at(path: Path, mode: Mode, *, is_flat: bool = False) -> MadeFile:
    return MadeFile(path.name, mode, path.stat().st_size, file_sha256(path), is_flat, path=path)


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a piece; the same each time that it is made with the same model.

    Attributes:
        files: all but the record, in the order in which they shall appear.
        record: for the sidecar, which appears last; tells no time.
        changes: what was done beside the enhancement, in words.
        warnings: lines for a person.
        stage_ms: name of a part -> median milliseconds a frame: for the summary alone.
    """

    files: tuple[MadeFile, ...]
    record: Mapping[str, Any]
    changes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    num_frames: int = 1
    stage_ms: Mapping[str, float] | None = None


class Work(Protocol):
    """What a worker does for a kind; see `edge.batch.piece.Worker`."""

    @property
    def stop(self) -> threading.Event: ...
    @property
    def lend(self) -> Lend: ...
    @property
    def mark(self) -> str:
        """What an enhanced file says of itself."""
        ...

    @property
    def model(self) -> Mapping[str, Any]:
        """The model as a record names it, without where it runs."""
        ...

    @property
    def scratch(self) -> Path:
        """A folder for files that are large; none of them stays that is not in a `Made`."""
        ...

    def enhance(self, image: Image) -> Image:
        """The enhanced frame of one at 1920x1080."""
        ...

    @property
    def expect(self) -> Callable[[int], object]:
        """Told how many frames this piece promises to have."""
        ...

    @property
    def did_frame(self) -> Callable[[], object]:
        """Called after each frame."""
        ...

    def beside(self, work: Callable[[], T]) -> Callable[[], T]:
        """Have something done in another thread meanwhile, if a core is free, or when its result is asked for."""
        ...

    def kept(self, key: object, open_it: Callable[[], T]) -> T:
        """What was opened last under this key, such as a file whose pages follow each other; else opened now."""
        ...

    def made(
        self,
        source: SourceFile,
        size_px: tuple[int, int],
        files: tuple[MadeFile, ...],
        changes: tuple[str, ...],
        *,
        warnings: tuple[str, ...] = (),
        clip: Mapping[str, Any] | None = None,
        picture: Mapping[str, Any] | None = None,
    ) -> Made:
        """With the record: the source and its size, the files, model and device, and what only this kind has."""
        ...


class Kind(Protocol):
    """A kind of input. Planning asks the first five, in the program's own process; a worker the last two.

    Attributes:
        name: as a piece names it.
        suffixes: of files that a folder's listing takes, in small letters.
        page_letter: before the number of a page, in the names of its files.
    """

    @property
    def name(self) -> str: ...
    @property
    def page_letter(self) -> str: ...
    @property
    def suffixes(self) -> frozenset[str]: ...
    def begins(self, path: Path) -> bool:
        """Whether a file whose name says nothing is of this kind, by its first bytes. Never raises."""
        ...

    def num_pages(self, path: Path) -> int:
        """How many pieces it is; 1 for what cannot be read, which `make` will tell. Never raises."""
        ...

    def num_frames(self, path: Path) -> int:
        """A guess of how many frames each of them has, for how long it may take. Never raises."""
        ...

    def outputs(self, name: str, options: Options, naming: Callable[[str, Mode, str], str]) -> tuple[str, ...]:
        """The names of the files of a piece, in the order in which they appear; the sidecar is the last one's.

        Args:
            naming: `view_name`, or as it was done before.
        """
        ...

    def make(self, piece: Piece, work: Work) -> Made:
        """Make them.

        Raises:
            Stopped, OutputFolderError, NoEngine: see `edge.batch.steps`.
            EdgeError: this piece came to nothing; others may not.
        """
        ...
