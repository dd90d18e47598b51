"""sdist and wheel of a version, the wheel built from the sdist."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

from release.refusal import Refused, output_of
from release.sources import settle

MAX_WHEEL_MB = 80
"""Megabytes: what a unit without internet gets over a slow line or a stick."""
COMPILED = ("edge/engines/_passes.abi3.so", "edge/clips/_planes.abi3.so")
PRETEND = "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_EDGE_ENHANCE"


def build(tree: Path, output: Path, version: str, seconds: int) -> tuple[Path, Path]:
    """Both files of a checkout, with the time of each of their files in seconds since 1970: sdist, wheel."""
    environment = {**os.environ, PRETEND: version, "SOURCE_DATE_EPOCH": str(seconds)}
    builder = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(output)]
    output_of([*builder, "--sdist", str(tree)], tree, environment)
    (sdist,) = output.glob("*.tar.gz")
    settle(sdist, seconds)
    wheel = wheel_of(sdist, output, seconds)
    refuse_wheel(wheel)
    return sdist, wheel


def wheel_of(sdist: Path, output: Path, seconds: int) -> Path:
    """What pip builds of an sdist, on this machine."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps", "--no-build-isolation"]
    environment = {name: value for name, value in os.environ.items() if name != PRETEND}
    environment |= {"SOURCE_DATE_EPOCH": str(seconds)}
    output_of([*command, "--quiet", "--wheel-dir", str(output), str(sdist)], output, environment)
    (wheel,) = output.glob("*.whl")
    return wheel


def refuse_wheel(wheel: Path) -> None:
    """A wheel without what is compiled works and is slower; one that is too large reaches no unit."""
    with zipfile.ZipFile(wheel) as packed:
        missing = [name for name in COMPILED if name not in packed.namelist()]
    if missing:
        raise Refused(f"{wheel.name} lacks {missing[0]}: no C compiler here; apt-get install gcc libc6-dev, make dist")
    if (size_mb := wheel.stat().st_size / 1e6) > MAX_WHEEL_MB:
        raise Refused(f"{wheel.name} has {size_mb:.0f} MB, more than {MAX_WHEEL_MB}: see what is new in package-data")
