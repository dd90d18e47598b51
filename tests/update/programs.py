"""A version of the program as it is called: from its source tree, or from a wheel in an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from tests.paths import REPOSITORY


@dataclass(frozen=True)
class Program:
    """One version, as it is called."""

    python: str
    enhance: list[str]
    import_path: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": self.import_path, "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, *command: object) -> str:
        done = subprocess.run(
            [str(word) for word in command], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout


def from_sources(tree: Path) -> Program:
    return Program(sys.executable, [sys.executable, "-m", "edge.cli"], str(tree), tree)


class Wheels:
    """An environment like the unit's, into which one wheel after the other is installed.

    What the program needs beside itself comes from the environment that runs the tests.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = folder / "environment"
        venv.create(self.place)
        others = os.pathsep.join(path for path in sys.path if path.endswith("-packages"))
        self.program = Program(
            str(self.place / "bin/python"), [str(self.place / "bin/edge-enhance")], others, self.folder
        )

    def install(self, tree: Path, name: str) -> Program:
        wheels = self.folder / name
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, tree]
        self._run(build, {})
        (wheel,) = wheels.glob("*.whl")
        install = [*pip, "--python", self.program.python, "install", "--no-deps", "--no-index", "--force-reinstall"]
        self._run([*install, wheel], {"PYTHONPATH": ""})
        return self.program

    def _run(self, command: list[object], environment: dict[str, str]) -> None:
        done = subprocess.run(
            [str(word) for word in command], env=os.environ | environment, cwd="/", capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    def modules(self) -> set[str]:
        (package,) = self.place.glob("lib/python*/site-packages/edge")
        return {str(path.relative_to(package)) for path in package.rglob("*.py")}


def tree_now(folder: Path) -> Path:
    """A copy of what is tracked here, as it is now: a build leaves its own files in the tree."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, check=True, capture_output=True).stdout.decode()
    for name in filter(None, names.split("\0")):
        if (REPOSITORY / name).is_file():  # not one that was removed and is not committed yet
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
    return folder
