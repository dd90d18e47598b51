"""Groups of pictures that must stay together, and the side of the split that each is on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from edge.basics.errors import ConfigError
from trainer.prepare.duplicates import NEAR_DUPLICATE_BITS, connected_groups, near_duplicate_pairs

PATIENT = re.compile(r"(?:^|[/_ -])((?:patient|subject|case)[_ -]?[0-9]+)", re.IGNORECASE)
"""How the name of a folder or file may say whose picture it is: patient7, Subject 12, case_003."""

HELD_OUT_SHARE = 0.18
"""Share of the groups; some hold several pictures, so the share of pictures differs."""


def patient_of(path: str, pattern: re.Pattern[str] = PATIENT) -> str:
    """What the pattern's one group finds in a relative path, in lower case; empty where it finds nothing."""
    match = pattern.search(path)
    return (match.group(1) or "").lower() if match else ""


def groups_of(
    paths: Sequence[str],
    hashes: Sequence[int],
    pattern: re.Pattern[str] = PATIENT,
    max_distance: int = NEAR_DUPLICATE_BITS,
    decided: Sequence[str] | None = None,
) -> list[str]:
    """The group of each picture: its patient, joined with every group that a person or a near-duplicate links to it.

    A picture of no known patient begins as a group of its own, named by its path. Joined groups take the name that
    comes first. So a new picture touches no group but those it links, and patients of one name in two folders are
    taken for one, which leaks nothing.

    Args:
        hashes: see `trainer.prepare.duplicates`, also for what it finds and what it misses. By chance one pair of
            different throats in 45,000 lies within 12 bits: harmless up to some ten thousand pictures; among many
            more, chance links everything, and `max_distance` must come down.
        decided: the group that a person wrote for each picture, or an empty text.
    """
    patients = [patient_of(path, pattern) for path in paths]
    written = [group.lower() for group in decided or [""] * len(paths)]
    names = [group or patient or path for path, patient, group in zip(paths, patients, written, strict=True)]
    first: dict[str, int] = {}
    pairs = near_duplicate_pairs(hashes, max_distance)
    for known in (patients, written):
        pairs += [(first.setdefault(name, index), index) for index, name in enumerate(known) if name]
    joined = {}
    for members in connected_groups(len(names), pairs):
        joined.update(dict.fromkeys(members, min(names[member] for member in members)))
    return [joined[index] for index in range(len(names))]


def side_of(group: str, held_out_share: float = HELD_OUT_SHARE) -> str:
    """Which side of the split a group is on; its name alone decides, so a new group moves no other."""
    return "held_out" if _fraction_of(group) < held_out_share else "train"


def _fraction_of(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    return int.from_bytes(hashlib.sha256(name.encode(errors="surrogateescape")).digest()[:8], "big") / 2**64


def sides_of(paths: Sequence[str], groups: Sequence[str], decided: Sequence[str], held_out_share: float) -> list[str]:
    """Which side each picture is on: what a person wrote for one of its group, else `side_of` its group.

    Raises:
        ConfigError: a group that a person put on both sides; names two of its pictures.
    """
    written: dict[str, tuple[str, str]] = {}
    for path, group, side in zip(paths, groups, decided, strict=True):
        if not side:
            continue
        other, before = written.setdefault(group, (path, side))
        if side != before:
            raise ConfigError(
                f"{other} ({before}) and {path} ({side}) are of one group, {group}; write one side for both, "
                "or lower --near-bits where they are of different people"
            )
    return [written[group][1] if group in written else side_of(group, held_out_share) for group in groups]
