"""`edge-train mdos create`: pictures of several methods become one blinded study."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import string
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.basics.errors import InputOutputError, UsageError
from edge.basics.progress import SILENT_S, progress
from edge.basics.whole_files import PRIVATE_FILE, PRIVATE_FOLDER, make_folder, write_whole
from edge.pictures.files import PICTURE_SUFFIXES, read_picture
from edge.pictures.image import Image
from edge.pictures.marks import png_bytes
from edge.pictures.view_names import subject_of
from trainer.mdos.study import FORMAT, KEY_NAME, PICTURES, RATINGS, STUDY_NAME, Item, study_sha256

CODE_LETTERS = "".join(sorted(set(string.ascii_uppercase + string.digits) - set("O0I1L5S2Z8B")))
"""Without those that are mistaken for one another."""


@dataclass(frozen=True)
class Wish:
    """What a study shall be.

    Attributes:
        methods: name -> folder of its pictures.
        reference: the method whose picture is shown beside the others' for reproducibility; empty for none.
        quality_only: methods rated for quality alone, the reference always among them.
        repeats: share of the items that each rater sees a second time, without being told.
        num_raters: how many codes are made.
        screen_px: least size of a monitor's picture area.
    """

    methods: Mapping[str, Path]
    title: str
    reference: str
    quality_only: frozenset[str]
    repeats: float
    num_raters: int
    seed: int
    screen_px: tuple[int, int]


@dataclass(frozen=True)
class _Source:
    method: str
    subject: str
    path: Path


def create_study(folder: Path, wish: Wish) -> list[str]:
    """Write a study folder, whole or not at all; the raters' codes.

    Raises:
        UsageError: the wish contradicts itself.
        InputOutputError: the folder exists, or pictures are missing, unreadable or of different sizes.
    """
    _refuse_contradictions(wish)
    if os.path.lexists(folder):
        raise InputOutputError(f"{folder}: exists; name a new folder")
    sources = _sources(wish)
    draw = np.random.default_rng(wish.seed)
    names = _blind_names(len(sources), draw)
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    make_folder(part, PRIVATE_FOLDER)
    try:
        codes = _codes(wish.num_raters, draw)
        _write(part, wish, dict(zip(names, sources, strict=True)), codes)
        part.rename(folder)
    except OSError as error:
        raise InputOutputError(f"{folder}: {error.strerror or error}; make room, or name another folder") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return codes


def _write(part: Path, wish: Wish, sources: Mapping[str, _Source], codes: Sequence[str]) -> None:
    for name in (PICTURES, RATINGS):
        make_folder(part / name, PRIVATE_FOLDER)
    of_reference = {one.subject: name for name, one in sources.items() if one.method == wish.reference}
    sizes: dict[str, tuple[tuple[int, int], Path]] = {}
    items: list[Item] = []
    key: dict[str, Any] = {}
    with progress("copying the pictures", len(sources), after_s=SILENT_S) as tick:
        for name in sorted(sources):
            source = sources[name]
            image = read_picture(source.path)
            if source.subject in of_reference and source.method not in wish.quality_only | {wish.reference}:
                reference = of_reference[source.subject]
            else:
                reference = ""
            _refuse_other_size(sizes, source, image, bool(reference) or source.method == wish.reference)
            content = png_bytes(image, "")
            write_whole(part / PICTURES / f"{name}.png", content, PRIVATE_FILE)
            height_px, width_px = image.shape[:2]
            items.append(Item(name, hashlib.sha256(content).hexdigest(), reference, width_px, height_px))
            key[name] = {"method": source.method, "subject": source.subject, "source": str(source.path.resolve())}
            tick()
    key_text = _json({"methods": list(wish.methods), "reference": wish.reference, "items": key})
    write_whole(part / KEY_NAME, key_text, PRIVATE_FILE)
    description = {
        "format": FORMAT,
        "title": wish.title,
        "seed": wish.seed,
        "raters": list(codes),
        "repeats": wish.repeats,
        "screen_px": list(wish.screen_px),
        "items": [asdict(item) for item in items],
        "key_sha256": hashlib.sha256(key_text).hexdigest(),
    }
    write_whole(part / STUDY_NAME, _json({**description, "sha256": study_sha256(description)}), PRIVATE_FILE)


def _refuse_other_size(
    sizes: dict[str, tuple[tuple[int, int], Path]], source: _Source, image: Image, is_compared: bool
) -> None:
    """What is laid beside its original must have its size, or the eye judges the size."""
    if not is_compared:
        return
    size = image.shape[1], image.shape[0]
    there, path = sizes.setdefault(source.subject, (size, source.path))
    if there != size:
        raise InputOutputError(
            f"{path} is {there[0]}x{there[1]} and {source.path} is {size[0]}x{size[1]}: expected one size for all "
            f"versions of a picture; edge-enhance writes raw and enhanced alike"
        )


def _sources(wish: Wish) -> list[_Source]:
    found: list[_Source] = []
    subjects: dict[str, set[str]] = {}
    for method, folder in wish.methods.items():
        of_method = _pictures_of(method, folder)
        subjects[method] = set(of_method)
        found += [_Source(method, subject, path) for subject, path in sorted(of_method.items())]
    if wish.reference:
        originals = subjects[wish.reference]
        for method in wish.methods:
            missing = sorted(subjects[method] - originals)
            if method not in wish.quality_only and missing:
                raise InputOutputError(
                    f"{wish.methods[wish.reference]}: no original of {missing[0]!r} of method {method} "
                    f"({len(missing)} are missing); add it, or rate {method} by --quality-only {method}"
                )
    return found


def _pictures_of(method: str, folder: Path) -> dict[str, Path]:
    """Subject -> picture. Of a pair that `edge-enhance` saved, the half that the method's folder is about."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
    except OSError as error:
        raise InputOutputError(
            f"{folder}: {error.strerror}; expected the folder of method {method}'s pictures"
        ) from error
    found: dict[str, Path] = {}
    for path in paths:
        if path.name.startswith("."):
            continue
        subject = subject_of(path.stem)  # `a-raw.png` and `a-enhanced.png` are of `a`
        if subject in found:
            raise InputOutputError(
                f"{found[subject]} and {path}: both are of subject {subject!r}; keep one of them in {folder}"
            )
        found[subject] = path
    if not found:
        raise InputOutputError(f"{folder}: no pictures; expected the folder of method {method}'s pictures")
    return found


def _refuse_contradictions(wish: Wish) -> None:
    if len(wish.methods) < 2:
        raise UsageError("--method: expected at least two, such as --method original=DIR --method miinet=DIR")
    for name in [*wish.quality_only, *([wish.reference] if wish.reference else [])]:
        if name not in wish.methods:
            raise UsageError(f"{name!r}: no --method of this name; there are {', '.join(wish.methods)}")
    if not 0 <= wish.repeats <= 0.5:
        raise UsageError(f"--repeats {wish.repeats}: expected a share from 0 to 0.5")
    if not 1 <= wish.num_raters <= 50:
        raise UsageError(f"--raters {wish.num_raters}: expected 1 to 50")


def _blind_names(num: int, draw: np.random.Generator) -> list[str]:
    names: set[str] = set()
    while len(names) < num:
        names.add(f"{int(draw.integers(1 << 32)):08x}")
    shuffled = sorted(names)
    draw.shuffle(shuffled)
    return shuffled


def _codes(num: int, draw: np.random.Generator) -> list[str]:
    """`R1-K7PX`: a number for the report, and letters so that nobody is another by a slip of a finger."""
    return [f"R{rank}-{''.join(draw.choice(list(CODE_LETTERS), 4))}" for rank in range(1, num + 1)]


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
