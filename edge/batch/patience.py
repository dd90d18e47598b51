"""What a run over files says before it begins where a frame takes its time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.health.machine import available_cpus
from edge.models.profile import Profile

CORE_MACS_PER_S = 38e9
"""What a core multiplies and adds in onnxruntime, measured on two of an EPYC 9004 with RRDBNet-23: 2,323 G in 30 s."""
WORTH_SAYING_S = 5.0


def seconds_a_frame(manifest: Mapping[str, Any]) -> float:
    """What a frame takes about on this machine's CPU; 0 where the manifest does not count its multiplications."""
    networks = manifest["networks"]
    counts = [one.get("macs") for one in networks if isinstance(one, Mapping)] if isinstance(networks, list) else []
    total = sum(count for count in counts if isinstance(count, (int, float)))
    return total / (CORE_MACS_PER_S * max(available_cpus(), 1))


def said_beforehand(profile: Profile, num_frames: int) -> str:
    """One line for who is about to wait; empty where nobody has to."""
    seconds = seconds_a_frame(profile.manifest)
    if seconds < WORTH_SAYING_S or not num_frames:
        return ""
    whole = seconds * (num_frames + 1)  # the engine proves itself on one first
    lasts = f"{whole:.0f} s" if whole < 120 else f"{whole / 60:.0f} min" if whole < 7200 else f"{whole / 3600:.0f} h"
    frames = f"{num_frames} frame{'s' if num_frames > 1 else ''}"
    return (
        f"{profile.name} takes about {seconds:.0f} s a frame on this CPU, {frames} about {lasts}; "
        "--profile live takes a fraction of a second"
    )
