"""What may become of an object that is sent, whichever way it goes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Taken:
    """The PACS has it. Attributes: uid, sop_class: under which."""

    uid: str
    sop_class: str


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The PACS has not got it.

    Attributes:
        reason: in words; nothing of the patient.
        is_final: the same object will not be taken at another time either.
        is_rare: only somebody who changes the PACS changes that: it is tried again seldom.
    """

    reason: str
    is_final: bool = False
    is_rare: bool = False


Outcome = Taken | NotTaken

_STATUSES = (
    (0xA700, 0xA7FF, "is out of resources", False),
    (0xA900, 0xA9FF, "says that the object is not of its kind (data set does not match SOP class)", True),
    (0xC000, 0xCFFF, "cannot understand the object", True),
    (0x0106, 0x0106, "says that a value of the object is wrong", True),
    (0x0115, 0x0115, "says that a value of the object is wrong", True),
    (0x0117, 0x0117, "says that the object's UID is wrong", True),
    (0x0124, 0x0124, "does not allow the unit to store", False),
)
_KIND_REFUSED = (0x0122, 0xC122)
DUPLICATE = 0x0111
"""An object of this UID is there already (PS3.7 C.5): ours, since nobody else makes such UIDs."""


def outcome_of(status: int, uid: str, sop_class: str) -> Outcome:
    """What a status means (PS3.4 table B.2-1, PS3.7 annex C)."""
    if status in (0x0000, DUPLICATE) or 0xB000 <= status <= 0xBFFF or status in (0x0107, 0x0116):
        return Taken(uid, sop_class)
    if status in _KIND_REFUSED:
        return NotTaken(f"the PACS does not take this kind of object: status {status:#06x}", is_rare=True)
    for low, high, words, is_final in _STATUSES:
        if low <= status <= high:
            return NotTaken(f"the PACS {words}: status {status:#06x}", is_final)
    return NotTaken(f"the PACS failed: status {status:#06x}")


def is_refused_kind(outcome: Outcome) -> bool:
    """Whether another kind of object may be taken."""
    return isinstance(outcome, NotTaken) and outcome.is_rare
