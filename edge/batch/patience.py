"""What a run over files says before it begins where a frame takes its time."""

from __future__ import annotations

from edge.engines.expected import seconds_a_frame
from edge.models.profile import Profile

WORTH_SAYING_S = 5.0


def said_beforehand(profile: Profile, num_frames: int) -> str:
    """One line for who is about to wait; empty where nobody has to."""
    seconds = seconds_a_frame(profile.manifest)
    if seconds < WORTH_SAYING_S or not num_frames:
        return ""
    whole = seconds * (num_frames + 1)  # the engine proves itself on one first
    frames = f"{num_frames} frame{'s' if num_frames > 1 else ''}"
    return (
        f"{profile.name} takes about {seconds:.0f} s a frame on this CPU, {frames} about {lasts(whole)}; "
        "--profile live takes a fraction of a second"
    )


def lasts(seconds: float) -> str:
    """`90 s`, `20 min`, `3 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
