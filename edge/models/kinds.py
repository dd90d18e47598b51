"""What kind of profile one is, as its manifest tells: who shows its pictures must know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DRAWS_DETAIL = "draws detail that the camera did not see"
DRAWS_NOTHING = "draws no detail: every edge is the camera's; brightness and colour are estimated"
_MOVES_COLOUR = "may move colours, as a generator may"

STILLS_MACS = 50_000_000_000
"""Multiplications from which a profile is for stills: at 30 pictures a second they are 1.5 tera, of an Orin's 2."""


def num_macs(manifest: Mapping[str, Any]) -> int:
    """Multiply-accumulates of all networks of a profile, for one picture; those that are not told count nothing."""
    told = (network.get("macs", 0) for network in manifest["networks"] if isinstance(network, Mapping))
    return sum(macs for macs in told if isinstance(macs, int))


def is_for_stills(manifest: Mapping[str, Any]) -> bool:
    """Whether it is too much work for a live picture on most units, so that it is offered for a held one."""
    return num_macs(manifest) >= STILLS_MACS


def synthesises(manifest: Mapping[str, Any]) -> bool:
    """Whether its enlargement draws detail that the camera did not see, as a learned one does; the guided cannot."""
    upscale = manifest.get("upscale")
    return isinstance(upscale, Mapping) and upscale.get("kind") == "isr"


def drawing(manifest: Mapping[str, Any]) -> str:
    """What in a profile's pictures the camera did not see, in words; empty where its manifest does not tell."""
    upscale = manifest.get("upscale")
    if not isinstance(upscale, Mapping):
        return ""
    kinds = {network.get("kind") for network in manifest["networks"] if isinstance(network, Mapping)}
    told = DRAWS_DETAIL if synthesises(manifest) else DRAWS_NOTHING
    if "resnet_generator" not in kinds:
        return told
    return f"{DRAWS_DETAIL}, and {_MOVES_COLOUR}" if synthesises(manifest) else f"draws no detail, but {_MOVES_COLOUR}"
