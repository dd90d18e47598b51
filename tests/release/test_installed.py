"""The wheel of dist/ in an environment of its own, without the checkout: it runs, and is updated where it lies."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.paths import REPOSITORY
from tests.release.tagged import BEFORE, NOW, Releases
from tests.release.unit import Unit

pytestmark = pytest.mark.slow
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def unit(releases: Releases, tmp_path_factory: pytest.TempPathFactory) -> Unit:
    """With the version before, in use: settings, somebody with a password, a token, a model and a saved picture."""
    unit = Unit(tmp_path_factory.mktemp("hospital"))
    unit.install_locked(releases.now)
    unit.install(next(releases.before.glob("*.whl")))
    unit.configure()
    unit.run(
        "edge-enhance", "user", "add", "anna", "--role", "operator", "--config", unit.config, given=f"{PASSWORD}\n"
    )
    told = unit.run("edge-enhance", "user", "token", "wall", "--role", "operator", "--config", unit.config)
    unit.token = next(word for word in told.split() if word.startswith("edgetoken_"))
    shipped = unit.run("python", "-c", "from edge.models.profile import SHIPPED; print(SHIPPED)").strip()
    shutil.copytree(Path(shipped) / "live", unit.folder / "models" / "live")  # a profile of the unit's own
    with unit.live():
        unit.save()
    return unit


def test_it_comes_from_the_wheel_alone_and_has_what_is_compiled(unit: Unit):
    where = unit.run("python", "-c", "import edge, sys; print(edge.__file__, *sys.path)")
    assert where.startswith(str(unit.folder / "env")) and str(REPOSITORY) not in where
    found = "from importlib.util import find_spec; print(*filter(find_spec, ('tests', 'release', 'torch')))"
    assert unit.run("python", "-c", found) == "\n"
    passes = "from edge.engines.passes import compiled_library; print(compiled_library() is not None)"
    assert unit.run("python", "-c", passes) == "True\n"
    unit.run("python", "-m", "pip", "check")


def kept_files(unit: Unit) -> dict[str, str]:
    """What the hospital would miss: settings, users, models, saved pictures, with their content's hash."""
    places = [unit.config, unit.folder / "users.toml", unit.folder / "models", unit.state / "pictures"]
    files = [one for place in places for one in (place.rglob("*") if place.is_dir() else [place])]
    return {
        str(one.relative_to(unit.folder)): hashlib.sha256(one.read_bytes()).hexdigest()
        for one in files
        if one.is_file()
    }


def test_the_version_before_is_updated_in_place(unit: Unit, releases: Releases):
    assert unit.run("edge-enhance", "--version").strip().endswith(BEFORE)
    before = kept_files(unit)
    assert {"edge.toml", "users.toml"} <= before.keys()
    assert [name for name in before if name.startswith("models/")] and len(before) >= 8
    unit.install(next(releases.now.glob("*.whl")))
    assert unit.run("edge-enhance", "--version").strip().endswith(NOW)
    with unit.live():
        status, picture = unit.ask("GET", "/snapshot.png")
        assert status == 200
        assert cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR).shape == (1080, 1920, 3)
        assert unit.ask("GET", "/api/who")[0] == 200
        unit.token, token = "", unit.token
        assert unit.ask("GET", "/snapshot.png")[0] == 401, "users hold as before"
        unit.token = token
    assert kept_files(unit) == before
    assert "anna: operator" in unit.run("edge-enhance", "user", "list", "--config", unit.config)
    assert "configured" in unit.run("edge-enhance", "model", "list", "--config", unit.config)


def test_it_checks_itself_and_makes_files(unit: Unit):
    unit.run("edge-enhance", "--check", "--config", unit.config)
    picture = unit.folder / "throat.png"
    cv2.imwrite(str(picture), np.random.default_rng(1).integers(60, 200, (270, 480, 3), np.uint8))
    unit.run("edge-enhance", picture, "--output", unit.folder / "enhanced")
    made = {one.name for one in (unit.folder / "enhanced").iterdir()}
    assert any(name.endswith(".json") for name in made) and len(made) >= 3
    assert unit.run("edge-bridge", "--help") and unit.run("edge-calib", "--help")
