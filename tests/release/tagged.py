"""Two releases of this tree as it is, made as `make dist` makes them: the one before, and the newest from its tag."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from release.packages import build
from release.sources import copy_of
from release.version import seconds_of_commit, version_of
from tests.paths import REPOSITORY

BEFORE, NOW = "7.1.0", "7.2.0"


@dataclass(frozen=True)
class Releases:
    """Folder of the wheel and sdist of the version before, and dist/ of the newest with the tree it was made from."""

    before: Path
    now: Path
    tree: Path


def make_releases(folder: Path) -> None:
    tree = copy_of(REPOSITORY, folder / "tree")
    (folder / "before").mkdir()
    tag(tree, BEFORE)
    build(tree, folder / "before", version_of(tree), seconds_of_commit(tree))
    tag(tree, NOW)
    make_dist(tree, tree / "dist")


def make_dist(tree: Path, output: Path) -> str:
    """What `make dist` runs; this environment stands for the unit's."""
    done = subprocess.run(
        [sys.executable, "-m", "release", sys.executable, "--output", output],
        cwd=tree, env={"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": str(tree)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def tag(tree: Path, version: str) -> None:
    """Release what is there: its section of the changelog, the commit, the tag."""
    path = tree / "CHANGELOG.md"
    heading = f"## {version} (2026-03-01)\n\n- What {version} brings.\n\n## "
    path.write_text(re.sub(r"^## ", heading, path.read_text(), count=1, flags=re.MULTILINE))
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@invalid")
    subprocess.run(["git", *who, "commit", "--quiet", "--all", "--message", f"Release {version}"], cwd=tree, check=True)
    subprocess.run(["git", "tag", f"v{version}"], cwd=tree, check=True)
