"""What a frame will take on a CPU, told from the multiplications that a manifest counts, before anything is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.basics.errors import ModelError
from edge.health.machine import available_cpus
from edge.models.profile import Profile

CORE_MACS_PER_S = 38e9
"""What a core multiplies and adds in onnxruntime, measured on two of an EPYC 9004 with RRDBNet-23: 2,323 G in 30 s."""
HOPELESS_S = 3.0
"""Ten times what live waits for a frame."""


def seconds_a_frame(manifest: Mapping[str, Any]) -> float:
    """What a frame takes about on this machine's CPU; 0 where the manifest does not count its multiplications."""
    networks = manifest["networks"]
    counts = [one.get("macs") for one in networks if isinstance(one, Mapping)] if isinstance(networks, list) else []
    total = sum(count for count in counts if isinstance(count, (int, float)))
    return total / (CORE_MACS_PER_S * max(available_cpus(), 1))


def refuse_for_live(profile: Profile) -> None:
    """Raises ModelError where a CPU is hopelessly too slow, which opening would find out with gigabytes and minutes."""
    seconds = seconds_a_frame(profile.manifest)
    if seconds > HOPELESS_S:
        raise ModelError(
            f"{profile.name} takes about {seconds:.0f} s a frame on this CPU: it is for stills and for GPUs"
        )
