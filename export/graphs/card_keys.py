"""What an export can say by itself for a profile's card (`edge.models.card`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainer.data.fogs.catalogue import FAMILIES

PURPOSES: Mapping[str, str] = {
    "live": "a live picture of a throat camera whose window fogs",
    "live-fast": "a live picture for half the work of live: what the ladder takes where live is too slow",
    "live-isr": "a live picture in the paper's shape: dehazed, then enlarged by a network",
    "miinet": "the paper's method, for a held or saved picture beside the untouched one",
    "miinet-guided": "the paper's dehazing, enlarged with the camera's own detail",
    "cyclegan": "the paper's baseline, trained without the perceptual loss, to compare with",
}


def card_keys(profile: str, training: Mapping[str, Any]) -> dict[str, Any]:
    """`purpose`, and `never_shown` where the training names the families of fog that it drew."""
    purpose = PURPOSES.get(profile)
    taught = [part["fogs"] for part in (training, *training.values()) if isinstance(part, Mapping) and "fogs" in part]
    left_out = [] if not taught else [name for name in FAMILIES if name not in str(taught[0]).split(",")]
    return {
        **({"purpose": purpose} if purpose else {}),
        **({"never_shown": [f"fog of the family {name.replace('_', ' ')}" for name in left_out]} if left_out else {}),
    }
