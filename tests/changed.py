"""Which tests a change concerns: those that changed, those that mirror what changed, and those that import it.

python -m tests.changed     their paths, one a line; what is left out is told on stderr

Mirrored is `tests/edge/web/test_events.py` for `edge/web/events.py`, `tests/edge/web/test_page.py` for what lies in
`edge/web/page/`, and else the tests that lie in the changed file's place under `tests/`, or in the nearest one above.
Imports are followed one step: a change that reaches further is the whole suite's to find.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from tests.paths import REPOSITORY

MOST_FILES = 24
"""More test files than these take longer than one waits for; then importers are left to the whole suite."""
BRANCHES = ("origin/main", "main")


def changed_files(repository: Path) -> list[PurePosixPath]:
    """What differs from where this branch left the main one, what is not committed and what is not tracked."""
    base = next((found for branch in BRANCHES if (found := _git(repository, "merge-base", "HEAD", branch))), ["HEAD"])
    tracked = _git(repository, "diff", "--name-only", "--no-renames", "--diff-filter=d", base[0])
    untracked = _git(repository, "ls-files", "--others", "--exclude-standard")
    return sorted({PurePosixPath(name) for name in (*tracked, *untracked)})


def mirrored(repository: Path, path: PurePosixPath) -> set[PurePosixPath]:
    """The tests of one file by their place and name; itself where it is a test."""
    if path.parts[0] == "tests":
        return {path} if path.match("test_*.py") else set()
    room = PurePosixPath("tests") / path.parent
    for named in (room / f"test_{path.stem}.py", room.parent / f"test_{room.name}.py"):
        if path.name != "__init__.py" and (repository / named).exists():
            return {named}
    for folder in (room, *room.parents)[:-2]:
        if found := {folder / test.name for test in (repository / folder).glob("test_*.py")}:
            return found
    return set()


def importers(repository: Path) -> dict[str, set[PurePosixPath]]:
    """Module -> the tests that import it themselves, or get it from the conftest of their folder."""
    found: dict[str, set[PurePosixPath]] = {}
    for path in sorted((repository / "tests").rglob("*.py")):
        tests = {path} if path.match("test_*.py") else set()
        if path.name == "conftest.py" and path.parent.name != "tests":
            tests = set(path.parent.rglob("test_*.py"))
        for module in _imported(ast.parse(path.read_bytes(), path)):
            found.setdefault(module, set()).update(PurePosixPath(test.relative_to(repository)) for test in tests)
    return found


def concerned(repository: Path, changed: Iterable[PurePosixPath]) -> tuple[set[PurePosixPath], str]:
    """The tests to run, and what is left out, empty where nothing is."""
    known, near, far = importers(repository), set(), set()
    for path in changed:
        near |= mirrored(repository, path)
        if path.suffix == ".py":
            far |= known.get(".".join(path.with_suffix("").parts), set())
        if path.name == "conftest.py" and len(path.parts) > 2:
            tests = (repository / path.parent).rglob("test_*.py")
            far |= {PurePosixPath(test.relative_to(repository)) for test in tests}
    every = near | far
    if len(every) <= MOST_FILES:
        return every, ""
    return near, (
        f"{len(every)} test files are concerned, more than {MOST_FILES}: "
        f"the {len(near)} run that mirror what changed; make test runs all"
    )


def main() -> int:
    tests, left_out = concerned(REPOSITORY, changed_files(REPOSITORY))
    sys.stderr.write(f"{left_out or f'{len(tests)} test files are concerned'}\n")
    sys.stdout.writelines(f"{test}\n" for test in sorted(tests))
    return 0


def _imported(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def _git(repository: Path, *words: str) -> list[str]:
    """Lines that git answers; none where it refuses."""
    done = subprocess.run(["git", "-C", str(repository), *words], capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []


if __name__ == "__main__":
    sys.exit(main())
