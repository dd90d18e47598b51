"""A rater's clicks, one line each, on the disk before the page hears that they are kept.

The file is only ever appended to. A line that a power cut left half is cut away when the file is opened again: nobody
was told that it is kept, so the page sends that click once more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, cast

from edge.basics.errors import InputOutputError, UsageError
from edge.basics.whole_files import PRIVATE_FILE, lock, sync_folder
from trainer.mdos.order import order_of
from trainer.mdos.study import RATINGS, SCORES, Study

MAX_BYTES = 256 << 20
MAX_CLICK_CHARS = 64


@dataclass(frozen=True)
class Click:
    """One score.

    Attributes:
        click: a name that the page made up for it, by which it is known when it is sent again.
        place: 0-based, in the rater's order.
        ms: between the picture's showing and the click.
        screen: what the page said of its monitor: width, height and ratio of device pixels.
    """

    click: str
    place: int
    item: str
    aspect: str
    score: int
    ms: int
    at: str
    screen: tuple[float, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """All clicks of one rater as they lie in a file.

    Attributes:
        is_simulated: nobody has looked at these pictures.
    """

    rater: str
    clicks: tuple[Click, ...]
    is_simulated: bool

    def scores(self) -> dict[int, dict[str, Click]]:
        """Place -> aspect -> the click that counts: the last one."""
        found: dict[int, dict[str, Click]] = {}
        for click in self.clicks:
            found.setdefault(click.place, {})[click.aspect] = click
        return found


class RatingBook:
    """The open file of one rater. One process at a time has it; call from one thread.

    Raises:
        InputOutputError: another process has it, it belongs to another study, or it cannot be read or written.
    """

    def __init__(self, study: Study, rater: str, *, is_simulated: bool = False) -> None:
        self.rater = rater
        self.order = order_of(study, rater)
        self._study = study
        self._path = sheet_path(study, rater)
        self._file = _opened(self._path)
        try:
            self._begin(is_simulated)
        except BaseException:
            self._file.close()
            raise

    def _begin(self, is_simulated: bool) -> None:
        if not lock(cast("BinaryIO", self._file), wait=False):
            raise InputOutputError(f"{self._path}: another edge-train mdos serve has this rater; stop it first")
        content = self._file.read()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            self._file.truncate(len(whole))
            os.fsync(self._file.fileno())
        self._file.seek(0, os.SEEK_END)
        if not whole:
            head = {"study": self._study.sha256, "rater": self.rater, "simulated": is_simulated, "begun_at": _now()}
            self._append(head)
            sync_folder(self._path.parent)
            self._scores: dict[int, dict[str, Click]] = {}
            self._known: set[str] = set()
            return
        sheet = _parsed(self._study, self.rater, whole, self._path)
        if sheet.is_simulated != is_simulated:
            raise InputOutputError(f"{self._path}: simulated and real ratings do not go into one file")
        self._scores = sheet.scores()
        self._known = {click.click for click in sheet.clicks}

    def scores(self, place: int) -> dict[str, int]:
        """Aspect -> score that counts, of one place."""
        return {aspect: click.score for aspect, click in self._scores.get(place, {}).items()}

    def is_done(self, place: int) -> bool:
        """Whether a place has all its scores."""
        return set(self._study.items[self.order[place]].aspects) <= set(self._scores.get(place, {}))

    @property
    def place(self) -> int:
        """The first place that is not done; the length of the order where all are."""
        return next((place for place in range(len(self.order)) if not self.is_done(place)), len(self.order))

    def add(self, click: str, place: int, aspect: str, score: int, ms: int, screen: Sequence[float] = ()) -> None:
        """Keep a click. One that is there already is kept once.

        Raises:
            UsageError: it is of no picture, aspect or score that can be.
            InputOutputError: the disk does not take it; it is not kept then.
        """
        if click in self._known:
            return
        self._refuse_impossible(click, place, aspect, score)
        item = self.order[place]
        made = Click(click, place, item, aspect, score, max(0, ms), _now(), tuple(map(float, screen[:4])))
        self._append({"click": made.click, "place": place, "item": item, "aspect": aspect, "score": score}
                     | {"ms": made.ms, "at": made.at, "screen": list(made.screen)})  # fmt: skip
        self._known.add(click)
        self._scores.setdefault(place, {})[aspect] = made

    def _refuse_impossible(self, click: str, place: int, aspect: str, score: int) -> None:
        if not click or len(click) > MAX_CLICK_CHARS:
            raise UsageError(f"click: expected a name of 1 to {MAX_CLICK_CHARS} characters")
        if not 0 <= place < len(self.order) or place > self.place:
            raise UsageError(f"place = {place}: expected 0 to {min(self.place, len(self.order) - 1)}, in order")
        aspects = self._study.items[self.order[place]].aspects
        if aspect not in aspects:
            raise UsageError(f"aspect = {aspect[:40]!r}: expected one of {', '.join(aspects)}")
        if score not in SCORES:
            raise UsageError(f"score = {score}: expected one of {', '.join(map(str, SCORES))}")

    def _append(self, record: Mapping[str, Any]) -> None:
        begin, line = self._file.tell(), json.dumps(record).encode() + b"\n"
        try:
            while line:
                line = line[self._file.write(line) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            self._take_back(begin)
            raise InputOutputError(f"{self._path}: {error.strerror}; make room, then click again") from error

    def _take_back(self, begin: int) -> None:
        """What half of a line did get there; another attempt stands in its place."""
        try:
            self._file.seek(begin)
            self._file.truncate(begin)
        except OSError:  # the file's next opening cuts it away
            return

    def close(self) -> None:
        """Let another process have it."""
        self._file.close()


def sheet_path(study: Study, rater: str) -> Path:
    return study.folder / RATINGS / f"{rater}.jsonl"


def read_sheets(study: Study) -> list[Sheet]:
    """What every rater has done so far; those who never began are left out.

    Raises:
        InputOutputError: a file belongs to another study, or is damaged.
    """
    sheets = []
    for rater in study.raters:
        path = sheet_path(study, rater)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise InputOutputError(f"{path}: {error.strerror}") from error
        whole = content[: content.rfind(b"\n") + 1]
        if whole:
            sheets.append(_parsed(study, rater, whole, path))
    return sheets


def _opened(path: Path) -> FileIO:
    """Without a buffer, which would try again what a full disk did not take."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
    except OSError as error:
        raise InputOutputError(f"{path}: {error.strerror}; expected a file that can be written") from error
    return FileIO(descriptor, "r+b")


def _parsed(study: Study, rater: str, whole: bytes, path: Path) -> Sheet:
    try:
        head, *lines = [json.loads(line) for line in whole.splitlines()]
        if head["study"] != study.sha256 or head["rater"] != rater:
            raise InputOutputError(
                f"{path}: belongs to another study than {study.folder}, or the study was created anew; restore its copy"
            )
        order = order_of(study, rater)
        clicks = tuple(Click(**{**line, "screen": tuple(line["screen"])}) for line in lines)
        if any(order[click.place] != click.item for click in clicks):
            raise InputOutputError(f"{path}: its order is not this study's; restore the study from its copy")
        return Sheet(rater, clicks, bool(head["simulated"]))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise InputOutputError(f"{path}: a damaged line ({error}); restore it from its copy") from error


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
