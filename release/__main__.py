"""`make dist`: wheel, sdist, locks, bill of materials, licences, notes and checksums of one version, in dist/.

    python -m release PYTHON [--output dist]

PYTHON is that of an environment of the unit, which the bill of materials tells of. The same commit makes the same bytes
on machines of one kind: with the same Python, compiler and locked packages.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

from release.notes import notes_of
from release.packages import build
from release.refusal import Refused, output_of
from release.sources import copy_of
from release.version import is_release, seconds_of_commit, version_of

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("build", "unit", "tensorrt")
SUMS = "SHA256SUMS"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m release", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "python", type=Path, help="the Python of a unit's environment (make dist takes .venv/bin/python)"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="folder that is made anew (dist)")
    asked = parser.parse_args()
    try:
        version = version_of(ROOT)
        sys.stdout.write(
            f"edge-enhance {version}{'' if is_release(version) else ' (no release: untagged or changed)'}\n"
        )
        for name, size in release(ROOT, asked.output, version, asked.python.absolute()).items():
            sys.stdout.write(f"{asked.output.name}/{name}: {size / 1e6:.2f} MB\n")
    except Refused as error:
        sys.stderr.write(f"make dist: {error}\n")
        return 1
    return 0


def release(tree: Path, output: Path, version: str, python: Path) -> dict[str, int]:
    """Make everything beside the output, then put it in its place: name of a file -> bytes."""
    notes = notes_of((tree / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="edge-release-") as work:
        made = Path(work) / "dist"
        made.mkdir()
        copy = copy_of(tree, Path(work) / "tree")
        build(copy, made, version, int(os.environ.get("SOURCE_DATE_EPOCH") or seconds_of_commit(tree)))
        (made / "RELEASE-NOTES.md").write_text(notes, encoding="utf-8")
        for name in LOCKS:
            shutil.copy(copy / "requirements" / f"{name}.txt", made / f"requirements-{name}.txt")
        shutil.copy(copy / "LICENSE", made)
        output_of([sys.executable, str(copy / "requirements/sbom.py"), str(python), str(made), version], copy)
        write_sums(made)
        shutil.rmtree(output, ignore_errors=True)
        shutil.copytree(made, output)
    return {path.name: path.stat().st_size for path in sorted(output.iterdir())}


def write_sums(folder: Path) -> None:
    """As `sha256sum --check` reads it."""
    lines = [f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}\n" for one in sorted(folder.iterdir())]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
