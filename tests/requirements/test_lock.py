"""The lock files against pyproject.toml, for each machine and Python that the unit may have."""

import functools
import re
import sys

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.paths import REPOSITORY

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = REPOSITORY / "requirements"
LOCKS = sorted(path.name for path in FOLDER.glob("*.txt"))
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
DEVELOPERS = ("dev.txt", "torch.txt", "torch-cuda.txt")
MACHINES = [
    {"python_version": python, "python_full_version": f"{python}.4", "platform_machine": machine, "extra": ""}
    for python in ("3.10", "3.11", "3.12", "3.13")
    for machine in ("x86_64", "aarch64")
]


@functools.cache
def entries(name):
    """Requirement and number of hashes of each entry."""
    return list(parsed(name))


def parsed(name):
    text = re.sub(r"(?m)^\s*#.*\n", "", (FOLDER / name).read_text()).replace("\\\n", " ")
    for line in text.splitlines():
        requirement, *hashes = re.split(r"\s+--hash=sha256:", line.strip())
        assert all(re.fullmatch("[0-9a-f]{64}", one) for one in hashes), line
        yield Requirement(requirement), len(hashes)


def locked(names, machine):
    """Name -> version on that machine."""
    found = {}
    for name in names:
        for one, _ in entries(name):
            if one.marker is None or one.marker.evaluate(machine):
                key = canonicalize_name(one.name)
                assert key not in found, f"{key} has two versions on {machine}"
                found[key] = next(iter(one.specifier)).version
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_one_version_and_hashes_and_no_place(name):
    assert len(entries(name)) >= 1
    for one, num_hashes in entries(name):
        assert [part.operator for part in one.specifier] == ["=="] and num_hashes >= 1 and one.url is None, one
    text = (FOLDER / name).read_text()
    assert not re.search(r"://|--index|--extra-index|--find-links|--trusted|(^|\s)/\w", text), "names a place"


@pytest.mark.parametrize("machine", MACHINES, ids=lambda one: f"{one['python_version']}-{one['platform_machine']}")
def test_what_the_project_asks_for_is_locked(machine):
    """After a change of dependencies: make lock."""
    asked = {("unit.txt",): PROJECT["dependencies"]}
    asked[DEVELOPERS] = [
        *asked[("unit.txt",)],
        *(one for extra in ("dev", "trainer", "export") for one in of_extra(extra)),
    ]
    asked[("tensorrt.txt",)] = [*asked[("unit.txt",)], *of_extra("tensorrt")]
    for names, lines in asked.items():
        versions = locked(names, machine)
        for one in map(Requirement, lines):
            if one.marker is None or one.marker.evaluate(machine):
                version = versions.get(canonicalize_name(one.name))
                assert version is not None and one.specifier.contains(version), f"{names[0]}: {one}, locked: {version}"


def of_extra(name):
    return [one for one in PROJECT["optional-dependencies"][name] if not one.startswith("edge-enhance")]


def test_a_developer_has_what_the_unit_has():
    for machine in MACHINES:
        unit, developer = locked(("unit.txt",), machine), locked(DEVELOPERS, machine)
        assert unit.items() <= developer.items()


def test_a_torch_without_cuda_is_locked_too():
    [(torch, _)], [(cpu, num_hashes)] = entries("torch.txt"), entries("torch-cpu.txt")
    assert str(cpu.specifier) == f"{torch.specifier}+cpu" and num_hashes >= 1
    others = {canonicalize_name(one.name) for one, _ in entries("dev.txt")}
    assert not [name for name in others if name.startswith(("nvidia-", "cuda-")) or name in ("torch", "triton")]
