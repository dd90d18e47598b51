"""Groups of pictures that must stay together: one patient, and near-duplicates wherever they lie."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trainer.prepare.duplicates import NEAR_DUPLICATE_BITS, connected_groups, near_duplicate_pairs
from trainer.prepare.splits import HELD_OUT_SHARE, hash_fraction

PATIENT = re.compile(r"(?:^|[/_ -])((?:patient|subject|case)[_ -]?[0-9]+)", re.IGNORECASE)
"""How the name of a folder or file may say whose picture it is: patient7, Subject 12, case_003."""


def patient_of(path: str, pattern: re.Pattern[str] = PATIENT) -> str:
    """What the pattern's one group finds in a relative path, in lower case; empty where it finds nothing."""
    match = pattern.search(path)
    return (match.group(1) or "").lower() if match else ""


def groups_of(
    paths: Sequence[str],
    hashes: Sequence[int],
    pattern: re.Pattern[str] = PATIENT,
    max_distance: int = NEAR_DUPLICATE_BITS,
) -> list[str]:
    """The group of each picture: its patient, joined with every group that a near-duplicate links to it.

    A picture whose path names no patient begins as a group of its own, named by its path. Joined groups take the name
    that comes first. So a new picture touches no group but those it links, and patients of one name in two folders are
    taken for one, which leaks nothing.

    Args:
        hashes: see `trainer.prepare.duplicates`, also for what it finds and what it misses. By chance one pair of
            different throats in 45,000 lies within 12 bits: harmless up to some ten thousand pictures; among many
            more, chance links everything, and `max_distance` must come down.
    """
    names = [patient_of(path, pattern) or path for path in paths]
    first: dict[str, int] = {}
    pairs = [(first.setdefault(name, index), index) for index, name in enumerate(names)]
    pairs += near_duplicate_pairs(hashes, max_distance)
    joined = {}
    for members in connected_groups(len(names), pairs):
        joined.update(dict.fromkeys(members, min(names[member] for member in members)))
    return [joined[index] for index in range(len(names))]


def side_of(group: str, held_out_share: float = HELD_OUT_SHARE) -> str:
    """Which side of the split a group is on; its name alone decides, so a new group moves no other."""
    return "held_out" if hash_fraction(group) < held_out_share else "train"
