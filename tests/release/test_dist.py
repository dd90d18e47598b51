"""dist/ as `make dist` makes it: one version, complete, checked, and the same bytes again."""

import hashlib
import json
import subprocess
import zipfile

import pytest

from edge.basics.texts import toml_from_text
from release.packages import COMPILED, MAX_WHEEL_MB, wheel_of
from release.sources import copy_of
from release.version import seconds_of_commit
from tests.paths import REPOSITORY
from tests.release.tagged import NOW, make_dist

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(releases):
    (found,) = releases.now.glob("*.whl")
    return found


def test_all_of_one_version_is_there_with_sums(releases, wheel):
    assert wheel.name.startswith(f"edge_enhance-{NOW}-cp310-abi3-linux_")
    others = {
        f"edge_enhance-{NOW}.tar.gz", "requirements-build.txt", "requirements-unit.txt", "requirements-tensorrt.txt",
        "sbom.cdx.json", "NOTICES.txt", "LICENSE", "RELEASE-NOTES.md", "SHA256SUMS",
    }  # fmt: skip
    assert {one.name for one in releases.now.iterdir()} == {wheel.name} | others
    sums = dict(reversed(line.split("  ")) for line in (releases.now / "SHA256SUMS").read_text().splitlines())
    assert sums == {
        one.name: hashlib.sha256(one.read_bytes()).hexdigest()
        for one in releases.now.iterdir()
        if one.name != "SHA256SUMS"
    }
    notes = (releases.now / "RELEASE-NOTES.md").read_text()
    assert notes == f"# edge-enhance {NOW} (2026-03-01)\n\n- What {NOW} brings.\n"
    program = json.loads((releases.now / "sbom.cdx.json").read_text())["metadata"]["component"]
    assert (program["name"], program["version"]) == ("edge-enhance", NOW)
    unit = (releases.now / "requirements-unit.txt").read_bytes()
    assert unit == (REPOSITORY / "requirements/unit.txt").read_bytes()


def test_the_wheel_is_small_and_holds_what_is_compiled_and_every_file_of_the_packages(wheel):
    assert wheel.stat().st_size < MAX_WHEEL_MB * 1e6
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    assert set(COMPILED) <= names
    project = toml_from_text((REPOSITORY / "pyproject.toml").read_text())
    for package, patterns in project["tool"]["setuptools"]["package-data"].items():
        for pattern in patterns:
            files = {
                str(one.relative_to(REPOSITORY))
                for one in (REPOSITORY / package).glob(pattern)
                if one.is_file() and one.parent.name != "__pycache__"
            }
            assert files and files <= names, f"{package}/{pattern}"
    modules = {
        str(one.relative_to(REPOSITORY))
        for package in ("edge", "calib", "export", "firmware_bridge", "trainer")
        for one in (REPOSITORY / package).rglob("*.py")
    }
    assert {name for name in names if name.endswith(".py")} == modules
    assert not [name for name in names if name.startswith(("tests/", "release/", "benchmarks/"))]


def test_the_sdist_makes_the_wheel(releases, wheel, tmp_path):
    (sdist,) = releases.now.glob("*.tar.gz")
    again = wheel_of(sdist, tmp_path, seconds_of_commit(releases.tree))
    assert again.name == wheel.name and again.read_bytes() == wheel.read_bytes()


def test_the_same_commit_makes_the_same_bytes_in_another_folder(releases, tmp_path):
    tree = copy_of(releases.tree, tmp_path / "elsewhere" / "tree")
    subprocess.run(["git", "tag", f"v{NOW}"], cwd=tree, check=True)
    assert make_dist(tree, tmp_path / "again").startswith(f"edge-enhance {NOW}\n")
    assert {one.name: one.read_bytes() for one in (tmp_path / "again").iterdir()} == {
        one.name: one.read_bytes() for one in releases.now.iterdir()
    }
