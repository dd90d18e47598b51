"""Which version a tree is: that of its tag, or a dev version that says how far it is from one."""

from __future__ import annotations

from pathlib import Path

from edge.basics.texts import toml_from_text
from release.refusal import Refused, output_of

ROOT = Path(__file__).resolve().parents[1]


def version_of(tree: Path) -> str:
    """`1.2.3` where the commit has the tag v1.2.3 and nothing is changed, else like `1.2.4.dev5+g1a2b3c4d5.d20260301`.

    What follows the plus is the commit, and the day where something is not committed.
    """
    from setuptools_scm import get_version

    if not (tree / ".git").exists():
        raise Refused(f"{tree} is no git checkout; a release is made of a commit: git clone, then make dist there")
    # setuptools-scm takes files that git does not know for no change; here they would be in what is released.
    settings = toml_from_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools_scm"]
    version: str = get_version(root=str(tree), **settings)
    changed = output_of(["git", "status", "--porcelain"], tree)
    if changed and (is_release(version) or "?? " in changed):
        first = changed.splitlines()[0].strip()
        raise Refused(
            f"files beside the commit of v{version}: {first}; commit or ignore them (git status), then make dist"
        )
    return version


def is_release(version: str) -> bool:
    """Whether it is a tag's own."""
    return ".dev" not in version and "+" not in version


def seconds_of_commit(tree: Path) -> int:
    """Seconds since 1970 of the commit that is checked out; every file of a release has that time."""
    return int(output_of(["git", "log", "-1", "--format=%ct"], tree))
