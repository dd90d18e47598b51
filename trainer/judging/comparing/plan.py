"""What a comparison is made of: its cases in order, and that no held-out picture was on any training side."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from edge.basics.errors import ConfigError, InputOutputError, UsageError
from edge.pictures.files import read_picture
from edge.pictures.perceptual_hash import hamming_distance, perceptual_hash
from trainer.data.fogs.catalogue import FAMILIES
from trainer.judging.comparing.records import Case
from trainer.judging.fogs.real_frames import PICTURES
from trainer.judging.fogs.sets import STRENGTHS
from trainer.prepare.duplicates import NEAR_DUPLICATE_BITS
from trainer.prepare.manifest import Manifest

HAZY, CLEAR = "_hazy", "_clear"


@dataclass(frozen=True)
class Pictures:
    """Where the cases come from.

    Attributes:
        held_out: manifests by the name of their file, such as `throats`; their held-out HQ is degraded.
        real, pairs: folders of real foggy pictures without a truth, and of `NAME_hazy` beside `NAME_clear`.
        num_pictures: of each manifest, evenly taken; 0 takes all.
        fogs_each: how many fogs each held-out picture is put into.
    """

    held_out: dict[str, Manifest] = field(default_factory=dict)
    real: Path | None = None
    pairs: Path | None = None
    num_pictures: int = 0
    fogs_each: int = 1


@dataclass(frozen=True)
class Planned:
    """A case and its files; `truth` is None of real fog without one, and `foggy` of a fog that is drawn."""

    case: Case
    truth: Path | None
    foggy: Path | None = None


def planned(pictures: Pictures) -> list[Planned]:
    """Every case, numbered from 1: those of the manifests in their order, pairs, real.

    The fogs go round: every family in turn, then the next strength, so that each is met about as often as another.

    Raises:
        UsageError: there is nothing to compare on.
        ConfigError: a manifest holds no HQ picture out.
        InputOutputError: a folder has no picture, or half a pair is missing.
    """
    found: list[Planned] = []
    for kind, manifest in pictures.held_out.items():
        for path in evenly(manifest.pictures("hq", "held_out"), pictures.num_pictures):
            source = path.relative_to(manifest.root).as_posix()
            for _ in range(pictures.fogs_each):
                fog, strength = _fog_number(len(found))
                found.append(Planned(Case(len(found) + 1, kind, source, fog, strength), path))
    for hazy, clear in [] if pictures.pairs is None else pair_files(pictures.pairs):
        found.append(Planned(Case(len(found) + 1, "pairs", hazy.name), clear, hazy))
    for path in [] if pictures.real is None else foggy_files(pictures.real):
        found.append(Planned(Case(len(found) + 1, "real", path.name), None, path))
    if not found:
        raise UsageError("nothing to compare on: give --manifest, --pairs or --real")
    return found


def _fog_number(number: int) -> tuple[str, float]:
    names = list(FAMILIES)
    return names[number % len(names)], STRENGTHS[number // len(names) % len(STRENGTHS)]


def evenly(paths: Sequence[Path], num: int) -> list[Path]:
    """`num` of them at even steps; 0 takes all."""
    count = min(num or len(paths), len(paths))
    return [paths[i * len(paths) // count] for i in range(count)]


def pair_files(folder: Path) -> list[tuple[Path, Path]]:
    """`NAME_hazy` and `NAME_clear`, in order of name.

    Raises:
        InputOutputError: there is none, or a half is missing.
    """
    sides: list[dict[str, Path]] = [{}, {}]
    for path in _pictures(folder):
        for side, ending in zip(sides, (HAZY, CLEAR), strict=True):
            if path.stem.endswith(ending):
                side[path.stem.removesuffix(ending)] = path
    hazy, clear = sides
    if alone := sorted(hazy.keys() ^ clear.keys()):
        there = (hazy | clear)[alone[0]]
        missing = f"{alone[0]}{CLEAR if alone[0] in hazy else HAZY}"
        raise InputOutputError(f"{there}: no {missing} beside it; give both halves of each pair")
    if not hazy:
        raise InputOutputError(f"{folder}: no NAME{HAZY} and NAME{CLEAR} in it; give the folder that has pairs")
    return [(hazy[name], clear[name]) for name in sorted(hazy)]


def foggy_files(folder: Path) -> list[Path]:
    """Pictures that are no truth of another, in order of name.

    Raises:
        InputOutputError: none is there.
    """
    paths = [p for p in _pictures(folder) if not p.stem.endswith(CLEAR) and "_sharp_" not in p.stem]
    if not paths:
        raise InputOutputError(f"{folder}: no picture in it; give the folder of real foggy frames")
    return paths


def _pictures(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*")) if path.suffix.lower() in PICTURES]


def check_apart(tests: Sequence[Planned], trained_on: Sequence[Manifest]) -> None:
    """No picture that is judged may be one that was trained on, or nearly one.

    Args:
        trained_on: what they teach is hashed (`trainer.prepare.duplicates`); held-out sides and unsorted pictures
            teach nothing.

    Raises:
        ConfigError: names the first such two.
        InputOutputError: a picture cannot be read.
    """
    judged = sorted({plan.truth or plan.foggy for plan in tests if plan.truth or plan.foggy})  # type: ignore[type-var]
    trained = sorted(
        {m.root / e.path for m in trained_on for e in m.entries if e.split == "train" and e.domain != "unsorted"}
    )
    paths = [*judged, *trained]
    with ThreadPoolExecutor() as pool:
        progress = tqdm(pool.map(_hash, paths), "duplicates", len(paths), disable=None, dynamic_ncols=True)
        hashes = list(progress)
    for path, own in zip(judged, hashes, strict=False):
        for other, its in zip(trained, hashes[len(judged) :], strict=True):
            if path == other or hamming_distance(own, its) <= NEAR_DUPLICATE_BITS:
                raise ConfigError(
                    f"{path} is judged and {other}, its near-duplicate, was trained on; "
                    "give both one group with edge-train prepare, or leave one of them out"
                )


def _hash(path: Path) -> int:
    return perceptual_hash(read_picture(path))
