"""The releases that the slow tests look at, made once a run."""

from __future__ import annotations

import pytest

from tests.once import MadeOnce
from tests.release.tagged import Releases, make_releases


@pytest.fixture(scope="session")
def releases(made_once: MadeOnce) -> Releases:
    for module in ("build", "setuptools_scm", "cyclonedx_py"):
        pytest.importorskip(module, reason=f"{module} is not installed (make venv-dev)")
    folder = made_once("releases", make_releases)
    return Releases(folder / "before", folder / "tree" / "dist", folder / "tree")
