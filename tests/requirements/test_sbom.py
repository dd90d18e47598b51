"""The bill of materials against what is installed, and every licence in it against those that the product may carry."""

import importlib.util
import json
import re
import sys
from importlib.metadata import distribution, version
from pathlib import Path

import pytest

from tests.paths import REPOSITORY

ALLOWED = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "FTL", "IJG", "ISC", "LGPL-2.1-or-later",
    "LGPL-3.0-only", "LGPL-3.0-or-later", "MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "OpenSSL", "PSF-2.0", "Python-2.0",
    "X11", "Zlib", "libpng-2.0", "libtiff", "GPL-3.0-or-later WITH GCC-exception-3.1",
}  # fmt: skip
"""Of what is linked or imported; docs/security.md says what follows from them."""
ALLOWED_OF_PROGRAMS = {"GPL-3.0-or-later"}


@pytest.fixture(scope="module")
def sbom():
    pytest.importorskip("cyclonedx_py", reason="cyclonedx-bom is not installed (make venv-dev)")
    spec = importlib.util.spec_from_file_location("sbom", REPOSITORY / "requirements" / "sbom.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bill(sbom):
    return sbom.bill_of(sys.executable)


def words_of(expression):
    return {word.strip("() ") for word in re.split(r" AND | OR ", expression)}


@pytest.mark.slow
def test_packages_are_those_that_are_installed(sbom, bill):
    told = {sbom.normal(one["name"]): one["version"] for one in bill["components"]}
    assert {"numpy", "opencv-python-headless", "onnxruntime", "pillow", "multidict", "pycparser"} <= told.keys()
    assert not {"torch", "pytest", "edge-enhance"} & told.keys(), "not the unit's"
    assert told == {name: version(name) for name in told}
    edges = {one["ref"]: one["dependsOn"] for one in bill["dependencies"]}
    assert any(ref.startswith("multidict") for ref in edges[next(ref for ref in edges if ref.startswith("aiohttp=="))])


@pytest.mark.slow
def test_it_is_as_cyclonedx_has_it(bill):
    from cyclonedx.schema import SchemaVersion  # its check of addresses takes seconds to load
    from cyclonedx.validation.json import JsonStrictValidator

    judge = JsonStrictValidator(SchemaVersion.from_version(bill["specVersion"]))
    assert judge.validate_str(json.dumps(bill)) is None


@pytest.mark.slow
def test_every_licence_is_one_that_the_product_may_carry(bill):
    for package in bill["components"]:
        assert words_of(package["licenses"][0]["expression"]) <= ALLOWED, package["name"]
        for part in package.get("components", ()):
            is_linked = {"name": "edge-enhance:linked", "value": "true"} in part["properties"]
            allowed = ALLOWED if is_linked else ALLOWED_OF_PROGRAMS
            assert words_of(part["licenses"][0]["expression"]) <= allowed, f"{package['name']}: {part['name']}"


def test_every_library_in_a_wheel_is_told(sbom, bill):
    """A new version of a wheel that brings another library, or leaves one out, is seen here."""
    for package in bill["components"]:
        files = [str(file) for file in distribution(package["name"]).files or ()]
        brought = {Path(file).name for file in files if re.search(r"\.libs/[^/]+$|binaries/ffmpeg", file)}
        told = [
            one["value"]
            for part in package.get("components", ())
            for one in part["properties"]
            if ":file" in one["name"]
        ]
        assert sorted(told) == sorted(brought), package["name"]
    packages = {sbom.normal(one["name"]) for one in bill["components"]}
    parts = [part for kind in ("part", "program") for part in sbom.bundled()[kind]]
    assert {part["wheel"] for part in parts} <= packages


def test_pillow_holds_no_gpl():
    from PIL import features

    assert not features.check("libimagequant"), "GPL-3 where a build of Pillow links it"


@pytest.mark.slow
def test_notices_hold_the_texts(sbom, bill):
    notices = sbom.notices_of(bill, sbom.installed_in(sys.executable))
    for package in bill["components"]:
        assert f"\n{package['name']} {package['version']}\nlicence: " in notices
    assert "Apache License" in notices and "GNU LESSER GENERAL PUBLIC LICENSE" in notices
    without = re.findall(r"\n(\S+) \S+\nlicence: [^\n]*\n\n\nThe wheel holds no text", notices)
    assert set(without) <= {"flatbuffers", "pyserial"}
