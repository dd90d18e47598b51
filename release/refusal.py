"""What keeps a release from being made, told in one line."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path


class Refused(Exception):
    """Its text is one line that says what is missing and what to do."""


def output_of(command: list[str], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """What a program prints; Refused with its last line where it fails or is not there."""
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise Refused(f"{command[0]} is not installed, and a release is made with it") from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        raise Refused(f"{' '.join(command[:4])} failed with {done.returncode}: {last}")
    return done.stdout
