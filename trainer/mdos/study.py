"""A study folder: what is rated, by whom, and the key to it.

study.json       what a rater's page may know: items by their blind names, rules, hashes; the hash of all that
key.json         what it may not: method, subject and source of each item
pictures/        PNG files under blind names, without anything inside but pixels
ratings/         a file a rater (`trainer.mdos.ratings`)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.basics.errors import InputOutputError, UsageError
from edge.basics.folders import read_plain
from edge.basics.texts import json_from_text
from edge.basics.whole_files import file_sha256

STUDY_NAME, KEY_NAME, PICTURES, RATINGS = "study.json", "key.json", "pictures", "ratings"
FORMAT = 1
MAX_BYTES = 64 << 20
ASPECTS = ("quality", "reproducibility")
"""How good is this picture for diagnosis? How well does it keep the original's structure, texture and colour?"""
SCORES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Item:
    """One picture to be rated.

    Attributes:
        name: its blind name, eight hexadecimal digits; its file is `pictures/<name>.png`.
        sha256: of the file.
        reference: blind name of the original that is shown beside it for reproducibility; empty where it is rated for
            quality alone.
        width_px, height_px: of the picture, and of its reference.
    """

    name: str
    sha256: str
    reference: str
    width_px: int
    height_px: int

    @property
    def aspects(self) -> tuple[str, ...]:
        """What it is rated for."""
        return ASPECTS if self.reference else ASPECTS[:1]


@dataclass(frozen=True)
class Study:
    """A study as it was created.

    Attributes:
        folder: where it lies.
        sha256: of study.json's content: names everything else by hash, so one number stands for the study.
        items: by blind name.
        raters: their codes.
        repeats: share of the items that each rater sees twice.
        seed: of the orders.
        screen_px: least width and height of a monitor's picture area, in its own pixels.
        method_of, subject_of: blind name -> the key.
        methods: in the order of the report.
        reference: method that is the original; empty for none.
    """

    folder: Path
    title: str
    sha256: str
    items: Mapping[str, Item]
    raters: tuple[str, ...]
    repeats: float
    seed: int
    screen_px: tuple[int, int]
    methods: tuple[str, ...]
    reference: str
    method_of: Mapping[str, str] = field(repr=False)
    subject_of: Mapping[str, str] = field(repr=False)

    def picture(self, name: str) -> Path:
        """Raises KeyError for what is no item."""
        return self.folder / PICTURES / f"{self.items[name].name}.png"


def study_sha256(description: Mapping[str, Any]) -> str:
    """The hash of a description without its own."""
    rest = {key: value for key, value in description.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def read_study(folder: Path, *, check_pictures: bool = True) -> Study:
    """Read a study and hold every file to its hash.

    Raises:
        InputOutputError: no study, or one that is not as it was created; names the file and what to do.
    """
    description = _json_in(folder, STUDY_NAME)
    if description.get("format") != FORMAT:
        told = description.get("format")
        raise InputOutputError(f"{folder / STUDY_NAME}: format = {told!r}: expected {FORMAT}; create the study again")
    if description.get("sha256") != study_sha256(description):
        raise _changed(folder / STUDY_NAME)
    key_path = folder / KEY_NAME
    key = _json_in(folder, KEY_NAME)
    if _sha256_of(key_path) != description["key_sha256"]:
        raise _changed(key_path)
    items = {one["name"]: Item(**one) for one in description["items"]}
    for item in items.values() if check_pictures else ():
        path = folder / PICTURES / f"{item.name}.png"
        if _sha256_of(path) != item.sha256:
            raise _changed(path)
    keys = key["items"]
    return Study(
        folder,
        description["title"],
        description["sha256"],
        items,
        tuple(description["raters"]),
        description["repeats"],
        description["seed"],
        (description["screen_px"][0], description["screen_px"][1]),
        tuple(key["methods"]),
        key["reference"],
        {name: one["method"] for name, one in keys.items()},
        {name: one["subject"] for name, one in keys.items()},
    )


def known_rater(study: Study, code: str) -> str:
    """The code as the study has it, however it was typed.

    Raises:
        UsageError: no rater has it.
    """
    wanted = code.strip().upper()
    if wanted not in study.raters:
        raise UsageError(f"code {code.strip()[:20]!r}: no rater of this study has it; ask who runs it")
    return wanted


def _json_in(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    try:
        found = json_from_text(read_plain(path, MAX_BYTES))
    except OSError as error:
        raise InputOutputError(
            f"{path}: {error.strerror or error}; expected a folder that edge-train mdos create made"
        ) from error
    except ValueError as error:
        raise InputOutputError(f"{path}: no JSON ({error}); restore the study from its copy") from error
    if not isinstance(found, dict):
        raise InputOutputError(f"{path}: expected a JSON object; restore the study from its copy")
    return found


def _sha256_of(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        raise InputOutputError(f"{path}: {error.strerror or error}; restore the study from its copy") from error


def _changed(path: Path) -> InputOutputError:
    return InputOutputError(f"{path}: changed since the study was created; restore it from its copy, or create another")
