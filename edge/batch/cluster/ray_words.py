"""What Ray says, in a line that says what to do."""

from __future__ import annotations

import re

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def reason_of(error: BaseException) -> str:
    """The reason out of what Ray says: the program's own error, the end of a traceback, or the first line."""
    cause = getattr(error, "cause", None) or error
    lines = [line.strip() for line in _COLOURS.sub("", str(cause)).splitlines() if line.strip()]
    if not lines:
        return type(cause).__name__
    return lines[-1 if any(line.startswith("File ") for line in lines) else 0]


def refusal(told: str, address: str) -> str:
    """What Ray says when it lets nobody in, and what to do."""
    told = " ".join(_COLOURS.sub("", told).split())
    if "Version mismatch" in told:
        ray, python = re.findall(r"Ray: (\S+)", told), re.findall(r"Python: (\S+)", told)
        if len(ray) == len(python) == 2:
            return (
                f"runs Ray {ray[0]} with Python {python[0]}, and here is Ray {ray[1]} with Python {python[1]}; "
                "install the same on all machines"
            )
    return (
        f"{told}; Ray must run on this machine too (ray start --address={address} --num-cpus=0), and the token of its "
        "nodes be set here (RAY_AUTH_MODE, RAY_AUTH_TOKEN_PATH)"
    )
