"""Which real pictures train the networks and which judge them; no photo, crop or sequence is on both sides.

The data root holds `larynx/` and `throat_research/{hq,mid}/`. A split is a function of the files' names and
pixels: no random numbers, no order of a directory listing, so it is the same on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from edge.basics.errors import InputOutputError
from edge.pictures.perceptual_hash import perceptual_hash
from trainer.prepare.duplicates import connected_groups, near_duplicate_pairs, read_rgb

Split = dict[str, list[Path]]
"""Keys "train" and "held_out"; paths sorted by name, no path in both."""

SAME_PHOTO: tuple[frozenset[str], ...] = tuple(
    frozenset(numbers.split())
    for numbers in (
        # Named in the data's README, with the further crops that the matcher found.
        "0018 0034 0135 0081 0084 0020",
        "0058 0074",
        "0021 0097 0137",
        # Found by the matcher alone.
        "0002 0054 0071 0094 0113",
        "0003 0118",
        "0013 0047",
        "0015 0031",
        "0022 0089",
        "0029 0067 0105 0112",
        "0040 0122",
        "0103 0310",
        "0149 0226 0326",
        "0155 0351",
        "0156 0299",
        "0163 0342",
        "0167 0324 0355",
        "0169 0347",
        "0176 0335",
        "0178 0229",
        "0181 0289",
        "0183 0303",
        "0191 0198 0298",
        "0217 0231",
        "0236 0255 0275 0304",
        "0302 0316",
    )
)
"""Numbers in `throat_research` names (lq_* included) that show one photo, also recoloured or mirrored.

Found once by mutual SIFT matches (ratio 0.85) and a RANSAC similarity, plain and mirrored, over all 302
pictures, and looked at by eye. Laid over each other, true pairs have a correlation of detail (picture
minus its Gaussian blur, sigma 4 px) of 0.37 and more, or are retouched kin of 0018, 0021 and 0015; the
best chance match has 0.29.
"""

HELD_OUT_SHARE = 0.18
"""Share of groups; crop groups hold several pictures each, so the share of pictures differs."""

HELD_OUT_SEQUENCES = ("patient1_seq3", "patient2_seq5")


def throat_splits(root: Path) -> Split:
    """Split `throat_research` under the data root: about 30 of hq are held out, whole groups at a time.

    A group is what `SAME_PHOTO` or the perceptual hash joins. A group with hq pictures is held out when
    the hash of its name (its first hq file) falls into the lowest `HELD_OUT_SHARE`, so a new picture
    moves none of the other groups. `mid` pictures are carriers for training, never judges; one that
    shares a group with a held-out picture is in neither list.

    Raises:
        InputOutputError: a folder or a picture is missing.
    """
    hq, mid = (_pictures(root, f"throat_research/{folder}") for folder in ("hq", "mid"))
    paths = hq + mid
    split: Split = {"train": [], "held_out": []}
    for group in photo_groups(paths):
        hq_of_group = sorted(path for path in group if path.parent.name == "hq")
        if hq_of_group and hash_fraction(hq_of_group[0].name) < HELD_OUT_SHARE:
            split["held_out"] += hq_of_group
        else:
            split["train"] += group
    return {side: sorted(members) for side, members in split.items()}


def larynx_splits(root: Path) -> Split:
    """Split `larynx` under the data root by whole sequences: one small one of each patient is held out.

    Raises:
        InputOutputError: the folder or a held-out sequence is missing.
    """
    paths = _pictures(root, "larynx")
    split: Split = {"train": [], "held_out": []}
    for path in paths:
        split["held_out" if _sequence(path) in HELD_OUT_SEQUENCES else "train"].append(path)
    missing = set(HELD_OUT_SEQUENCES) - {_sequence(path) for path in split["held_out"]}
    if missing:
        names = ", ".join(sorted(missing))
        raise InputOutputError(f"{root / 'larynx'}: no picture of {names}; restore the data folder")
    return split


def oral_pictures(root: Path) -> list[Path]:
    """The mouths of `oral` under the data root, all for training: throats and larynx are what judges.

    Raises:
        InputOutputError: the folder is missing.
    """
    return _pictures(root, "oral")


def photo_groups(paths: list[Path]) -> list[list[Path]]:
    """The pictures in groups that show one photo: named in `SAME_PHOTO` or near in perceptual hash."""
    numbers = [path.stem.rpartition("_")[2] for path in paths]
    pairs = near_duplicate_pairs([perceptual_hash(read_rgb(path)) for path in paths])
    for family in SAME_PHOTO:
        members = [index for index, number in enumerate(numbers) if number in family]
        pairs += [(members[0], other) for other in members[1:]]
    return [[paths[index] for index in group] for group in connected_groups(len(paths), pairs)]


def manifest(paths: Iterable[Path]) -> str:
    """Hash of a set of files: sha256 over sorted lines "folder/name sha256", in hex.

    The order of `paths` does not matter; a changed, renamed, added or removed file changes the answer.
    """
    lines = []
    for path in set(paths):
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise InputOutputError(f"{path}: cannot be read ({error.strerror}); restore the data folder") from error
        lines.append(f"{path.parent.name}/{path.name} {digest}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def hash_fraction(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    return int.from_bytes(hashlib.sha256(name.encode(errors="surrogateescape")).digest()[:8], "big") / 2**64


def _pictures(root: Path, folder: str) -> list[Path]:
    if not root.is_dir():
        raise InputOutputError(f"{root}: no such data folder; give the folder that holds larynx and throat_research")
    paths = sorted((root / folder).glob("*.jpg"))
    if not paths:
        raise InputOutputError(f"{root / folder}: no such folder, or no .jpg picture in it; restore the data folder")
    return paths


def _sequence(path: Path) -> str:
    """`patient1_seq4_0001_l` -> `patient1_seq4`."""
    return "_".join(path.stem.split("_")[:2])
